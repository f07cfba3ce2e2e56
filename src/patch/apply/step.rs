//! One step of the path to a field, as `FieldsV1` writes it: `f:name` is a field, `k:{…}` the list
//! item with these keys, `v:…` the item with this value.
//!
//! Steps borrow from the object or text they were found in, so that walking over an object makes
//! no copies of its names.
//!
//! *Upstream:* `structured-merge-diff/fieldpath/{element,serialize-pe}.go`.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use crate::object::json::{self, Malformed};
use crate::patch::go_print;

/// A step; ordered as the texts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step<'a>(Kind<'a>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind<'a> {
    /// The name of a field, without what is written in front.
    Field(Cow<'a, str>),
    /// Any other, as written.
    Written(Cow<'a, str>),
}

/// What is written in front of a field's name.
const FIELD: &str = "f:";

impl<'a> Step<'a> {
    /// The step to a field.
    pub(super) const fn field(name: &'a str) -> Self {
        Self(Kind::Field(Cow::Borrowed(name)))
    }

    /// A step from its written form.
    pub(super) fn from_written(text: Cow<'a, str>) -> Self {
        if !text.starts_with(FIELD) {
            return Self(Kind::Written(text));
        }
        Self(Kind::Field(match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[FIELD.len()..]),
            Cow::Owned(mut text) => {
                text.drain(..FIELD.len());
                Cow::Owned(text)
            }
        }))
    }

    /// Whether a written step is of a sort that we know; others are passed over.
    pub(super) fn is_known(text: &str) -> Result<bool, Malformed> {
        let Some((sort, rest)) = text.split_once(':').filter(|(sort, _)| sort.len() == 1) else {
            return Err(Malformed);
        };
        let is_sound = match sort {
            "f" => true,
            "k" => rest.starts_with('{') && rest.ends_with('}'),
            "v" => !rest.is_empty(),
            "i" => rest.parse::<i64>().is_ok(),
            _ => return Ok(false),
        };
        if is_sound { Ok(true) } else { Err(Malformed) }
    }

    /// The field's name, where it leads to a field.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.0 {
            Kind::Field(name) => Some(name),
            Kind::Written(_) => None,
        }
    }

    /// Writes it as the key of a JSON object.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Kind::Field(name) if is_plain(name) => {
                out.extend_from_slice(b"\"f:");
                out.extend_from_slice(name.as_bytes());
                out.push(b'"');
            }
            Kind::Field(name) => json::write(out, &format!("{FIELD}{name}")),
            Kind::Written(text) => json::write(out, text.as_ref()),
        }
    }

    /// The step as messages write it.
    pub(super) fn shown(&self) -> String {
        let text = match &self.0 {
            Kind::Field(name) => return format!(".{name}"),
            Kind::Written(text) => text.as_ref(),
        };
        let parsed = || serde_json::from_str::<Value>(&text[2..]).unwrap_or_default();
        match text.get(..2) {
            Some("k:") => {
                let keys = parsed();
                let keys = keys.as_object().into_iter().flatten();
                let keys: Vec<String> = keys.map(|(key, value)| format!("{key}={value}")).collect();
                format!("[{}]", keys.join(","))
            }
            Some("v:") => format!("[={}]", parsed()),
            Some("i:") => format!("[{}]", &text[2..]),
            _ => go_print(&Value::from(text)),
        }
    }
}

/// Whether JSON writes a text as it is.
fn is_plain(text: &str) -> bool {
    !text
        .bytes()
        .any(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
}

impl Ord for Step<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Kind::Field(own), Kind::Field(other)) => own.cmp(other),
            (Kind::Written(own), Kind::Written(other)) => own.cmp(other),
            // No written step begins as a field's does, so its beginning decides.
            (Kind::Field(_), Kind::Written(other)) => FIELD.cmp(other.as_ref()),
            (Kind::Written(own), Kind::Field(_)) => own.as_ref().cmp(FIELD),
        }
    }
}

impl PartialOrd for Step<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

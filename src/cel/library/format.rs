//! Named formats: `format.dns1123Label().validate(self.name)`.
//!
//! *Upstream:* `apiserver/pkg/cel/library/format.go`.

use std::borrow::Cow;

use crate::cel::eval::Outcome;
use crate::cel::value::Value;
use crate::object::label_syntax;
use crate::schema::formats;

/// The names of formats.
const NAMES: &[&str] = &[
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "qualifiedName",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
];

/// How long a label may be.
const LABEL_LENGTH_MAX: usize = 63;
/// How long a subdomain may be.
const SUBDOMAIN_LENGTH_MAX: usize = 253;

const DOTS: &str = "must not contain dots";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric \
     characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
     '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or \
     '-', start with an alphabetic character, and end with an alphanumeric character (e.g. \
     'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/// The result of a function over formats; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let outcome = match (name, values) {
        ("format.named", [Value::String(text)]) => {
            let found = NAMES.iter().find(|known| **known == text.as_ref());
            Ok(found.map_or(Value::Optional(None), |name| {
                Value::some(Value::Format(name))
            }))
        }
        ("validate", [Value::Format(name), Value::String(text)]) => {
            let errors = validate(name, text);
            Ok(if errors.is_empty() {
                Value::Optional(None)
            } else {
                Value::some(Value::list(errors.into_iter().map(Value::text).collect()))
            })
        }
        (name, []) => {
            let name = name.strip_prefix("format.")?;
            let known = NAMES.iter().find(|known| **known == name)?;
            Ok(Value::Format(known))
        }
        _ => return None,
    };
    Some(outcome)
}

/// How long a pattern upstream takes a format to have.
pub(super) fn pattern_length(format: &str) -> u64 {
    match format {
        "dns1123Label" | "dns1035Label" | "dns1123LabelPrefix" | "dns1035LabelPrefix" => 30,
        "labelValue" => 40,
        "uri" => 1103,
        "uuid" => 107,
        "byte" => 84,
        "date" | "datetime" => 100,
        _ => 60,
    }
}

fn validate(format: &str, text: &str) -> Vec<String> {
    match format {
        "dns1123Label" => label(text),
        "dns1123LabelPrefix" => label(&prefix(text)),
        "dns1035Label" => label_1035(text),
        "dns1035LabelPrefix" => label_1035(&prefix(text)),
        "dns1123Subdomain" => subdomain(text),
        "dns1123SubdomainPrefix" => subdomain(&prefix(text)),
        "qualifiedName" => label_syntax::key_errors(text),
        "labelValue" => label_syntax::value_errors(text),
        "uuid" => unless(
            formats::check("uuid", text),
            "does not match the UUID format",
        ),
        "byte" => unless(formats::check("byte", text), "invalid base64"),
        "date" => unless(formats::check("date", text), "invalid date"),
        "datetime" => unless(formats::check("datetime", text), "invalid datetime"),
        _ => super::url::refusal(text).into_iter().collect(),
    }
}

/// A prefix as it is judged: the dash at its end, which a generated suffix will follow, and the
/// letter before it count as a letter.
fn prefix(text: &str) -> Cow<'_, str> {
    match text
        .strip_suffix('-')
        .and_then(|text| text.get(..text.len().checked_sub(1)?))
    {
        Some(start) => Cow::Owned(format!("{start}a")),
        None => Cow::Borrowed(text),
    }
}

fn unless(is_valid: Option<bool>, words: &str) -> Vec<String> {
    if is_valid == Some(true) {
        Vec::new()
    } else {
        vec![words.to_owned()]
    }
}

/// The error of what is too long, where it is.
fn too_long(text: &str, max: usize) -> Vec<String> {
    if text.len() > max {
        vec![format!("must be no more than {max} characters")]
    } else {
        Vec::new()
    }
}

fn subdomain(text: &str) -> Vec<String> {
    let mut errors = too_long(text, SUBDOMAIN_LENGTH_MAX);
    if !label_syntax::is_subdomain(text) {
        errors.push(label_syntax::SUBDOMAIN_WORDS.to_owned());
    }
    errors
}

fn label(text: &str) -> Vec<String> {
    let mut errors = too_long(text, LABEL_LENGTH_MAX);
    if !label_syntax::is_dns_label(text) {
        let has_dots = label_syntax::is_subdomain(text);
        errors.push(if has_dots { DOTS } else { LABEL }.to_owned());
    }
    errors
}

fn label_1035(text: &str) -> Vec<String> {
    let mut errors = too_long(text, LABEL_LENGTH_MAX);
    let begins_well = text.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins_well || !label_syntax::is_dns_label(text) {
        errors.push(LABEL_1035.to_owned());
    }
    errors
}

//! Named formats: `format.dns1123Label().validate(self.name)`.
//!
//! *Upstream:* `apiserver/pkg/cel/library/format.go`.

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
        "dns1123Label" => label(text, LABEL, |byte| byte.is_ascii_alphanumeric()),
        "dns1123LabelPrefix" => label(prefix(text), LABEL, |byte| byte.is_ascii_alphanumeric()),
        "dns1035Label" => label(text, LABEL_1035, |byte| byte.is_ascii_alphabetic()),
        "dns1035LabelPrefix" => label(prefix(text), LABEL_1035, |byte| byte.is_ascii_alphabetic()),
        "dns1123Subdomain" => label_syntax::subdomain_errors(text),
        "dns1123SubdomainPrefix" => label_syntax::subdomain_errors(prefix(text)),
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

/// A prefix may end in a dash, which a generated suffix will follow.
fn prefix(text: &str) -> &str {
    text.strip_suffix('-').unwrap_or(text)
}

fn unless(is_valid: Option<bool>, words: &str) -> Vec<String> {
    if is_valid == Some(true) {
        Vec::new()
    } else {
        vec![words.to_owned()]
    }
}

fn label(text: &str, words: &str, may_begin: fn(u8) -> bool) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > 63 {
        errors.push("must be no more than 63 bytes".to_owned());
    }
    let is_label = text.bytes().next().is_some_and(may_begin)
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_label {
        errors.push(words.to_owned());
    }
    errors
}

//! Rules of names, keys and values, with the words that clients match.
//!
//! Each check gives back what is wrong, or nothing; none compiles a pattern.
//!
//! *Upstream:* `apimachinery/pkg/util/validation/validation.go`, `…/api/validation/name.go`.

use super::super::strategy::NameRule;
pub use crate::object::names::check_path_segment;

const LABEL_1123: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric \
     characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
     '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_1123: &str = "a lowercase RFC 1123 subdomain must consist of lower case \
     alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character \
     (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or \
     '-', start with an alphabetic character, and end with an alphanumeric character (e.g. \
     'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', \
     and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
     '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const QUALIFIED_SLASHES: &str = "a valid label key must consist of alphanumeric characters, '-', \
     '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or \
     'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' \
     (e.g. 'example.com/MyName')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric \
     characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
     'MyValue',  or 'my_value',  or '12345', regex used for validation is \
     '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// The longest DNS label and label value.
pub const LABEL_LENGTH_MAX: usize = 63;
/// The longest DNS subdomain.
pub const SUBDOMAIN_LENGTH_MAX: usize = 253;

/// What upstream says of a text that is too long.
pub fn too_long(max: usize) -> String {
    format!("must be no more than {max} characters")
}

fn is_lower_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Whether the text is `[a-z0-9]([-a-z0-9]*[a-z0-9])?`.
fn has_label_form(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    is_lower_alphanumeric(*first)
        && is_lower_alphanumeric(*last)
        && bytes
            .iter()
            .all(|byte| is_lower_alphanumeric(*byte) || *byte == b'-')
}

/// Whether the text is `([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]`.
fn has_qualified_form(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// A DNS label (RFC 1123).
pub fn check_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_LENGTH_MAX {
        wrong.push(too_long(LABEL_LENGTH_MAX));
    }
    if !has_label_form(text) {
        // Text that would do as a subdomain is told so.
        let reason = if text.split('.').all(has_label_form) && text.contains('.') {
            "must not contain dots".to_owned()
        } else {
            LABEL_1123.to_owned()
        };
        wrong.push(reason);
    }
    wrong
}

/// A DNS subdomain (RFC 1123).
pub fn check_subdomain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > SUBDOMAIN_LENGTH_MAX {
        wrong.push(too_long(SUBDOMAIN_LENGTH_MAX));
    }
    if !text.split('.').all(has_label_form) {
        wrong.push(SUBDOMAIN_1123.to_owned());
    }
    wrong
}

/// A DNS label that begins with a letter (RFC 1035).
pub fn check_label_1035(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_LENGTH_MAX {
        wrong.push(too_long(LABEL_LENGTH_MAX));
    }
    if !has_label_form(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        wrong.push(LABEL_1035.to_owned());
    }
    wrong
}

/// A qualified name: the key of a label or annotation, the name of a resource.
pub fn check_qualified_name(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => {
            return vec![QUALIFIED_SLASHES.to_owned()];
        }
        Some((prefix, name)) => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                wrong.extend(
                    check_subdomain(prefix)
                        .into_iter()
                        .map(|w| format!("prefix part {w}")),
                );
            }
            name
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_LENGTH_MAX {
        wrong.push(format!(
            "name part must be no more than {LABEL_LENGTH_MAX} bytes"
        ));
    }
    if !has_qualified_form(name) {
        wrong.push(QUALIFIED_NAME.to_owned());
    }
    wrong
}

/// The value of a label.
pub fn check_label_value(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_LENGTH_MAX {
        wrong.push(format!("must be no more than {LABEL_LENGTH_MAX} bytes"));
    }
    if !text.is_empty() && !has_qualified_form(text) {
        wrong.push(LABEL_VALUE.to_owned());
    }
    wrong
}

/// A name (or, `is_prefix`, a generateName) under a kind's rule.
pub fn check_name(rule: NameRule, name: &str, is_prefix: bool) -> Vec<String> {
    // A prefix may end in a dash: what follows is not known yet.
    let masked;
    let text = if is_prefix && name.len() > 1 && name.ends_with('-') && name.is_ascii() {
        masked = format!("{}a", &name[..name.len() - 2]);
        masked.as_str()
    } else {
        name
    };
    match rule {
        NameRule::Subdomain => check_subdomain(text),
        NameRule::Label => check_label(text),
        NameRule::Label1035 => check_label_1035(text),
        NameRule::PathSegment => check_path_segment(name),
        NameRule::Own => Vec::new(),
    }
}

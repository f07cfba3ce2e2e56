//! Rules of names, keys and values, with the words that clients match.
//!
//! Each check gives back what is wrong, or nothing; none compiles a pattern.
//!
//! *Upstream:* `apimachinery/pkg/util/validation/validation.go`, `…/api/validation/name.go`.

use super::super::strategy::NameRule;
use crate::object::label_syntax::{SUBDOMAIN_WORDS, is_dns_label, is_subdomain};
pub use crate::object::label_syntax::{
    key_errors as check_qualified_name, value_errors as check_label_value,
};
pub use crate::object::names::check_path_segment;

const LABEL_1123: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric \
     characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
     '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or \
     '-', start with an alphabetic character, and end with an alphanumeric character (e.g. \
     'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
/// The longest DNS label and label value.
pub const LABEL_LENGTH_MAX: usize = 63;
/// The longest DNS subdomain.
pub const SUBDOMAIN_LENGTH_MAX: usize = 253;

/// What upstream says of a text that is too long.
pub fn too_long(max: usize) -> String {
    format!("must be no more than {max} characters")
}

/// A DNS label (RFC 1123).
pub fn check_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_LENGTH_MAX {
        wrong.push(too_long(LABEL_LENGTH_MAX));
    }
    if !is_dns_label(text) {
        // Text that would do as a subdomain is told so.
        let reason = if text.split('.').all(is_dns_label) && text.contains('.') {
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
    if !is_subdomain(text) {
        wrong.push(SUBDOMAIN_WORDS.to_owned());
    }
    wrong
}

/// A DNS label that begins with a letter (RFC 1035).
pub fn check_label_1035(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_LENGTH_MAX {
        wrong.push(too_long(LABEL_LENGTH_MAX));
    }
    if !is_dns_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        wrong.push(LABEL_1035.to_owned());
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

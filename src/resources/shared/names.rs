//! Rules of short texts that pods and workloads carry: port names, variable names, paths.
//!
//! Each check gives back what is wrong, or nothing; none compiles a pattern.
//!
//! *Upstream:* `apimachinery/pkg/util/validation/validation.go`.

use serde_json::Value;

use super::ip;
use crate::error::FieldErrors;
use crate::object::FieldPath;
pub use crate::object::label_syntax::{
    key_errors as check_qualified_name, value_errors as check_label_value,
};
pub use crate::registry::meta::names::{check_label, check_subdomain, too_long};

/// Adds an `Invalid` for everything that is wrong with a text.
pub fn report(errors: &mut FieldErrors, path: &FieldPath, text: &str, wrong: Vec<String>) {
    for detail in wrong {
        errors.invalid(path, &Value::from(text), detail);
    }
}

/// What a check found, in the words of rules that are declared in types: they count bytes.
pub fn in_bytes(wrong: Vec<String>) -> Vec<String> {
    let counted = |wrong: String| match wrong.strip_suffix(" characters") {
        Some(words) if wrong.starts_with("must be no more than") => format!("{words} bytes"),
        _ => wrong,
    };
    wrong.into_iter().map(counted).collect()
}

/// A DNS subdomain in which letters may be large.
pub fn check_subdomain_caseless(text: &str) -> Vec<String> {
    let mut wrong = check_subdomain(&text.to_ascii_lowercase());
    if let Some(form) = wrong.last_mut().filter(|form| form.contains("regex")) {
        "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start \
         and end with an alphanumeric character (e.g. 'Example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            .clone_into(form);
    }
    wrong
}

/// Reports what keeps a text from being a DNS label.
pub fn label(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    report(errors, path, text, check_label(text));
}

/// Reports what keeps a text from being a DNS subdomain.
pub fn subdomain(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    report(errors, path, text, check_subdomain(text));
}

/// Reports what keeps a text from being a qualified name.
pub fn qualified_name(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    report(errors, path, text, check_qualified_name(text));
}

/// What upstream says of a number outside a range.
pub fn range(low: i64, high: i64) -> String {
    format!("must be between {low} and {high}, inclusive")
}

/// Reports a number outside a range.
pub fn within(errors: &mut FieldErrors, path: &FieldPath, value: i64, low: i64, high: i64) {
    if !(low..=high).contains(&value) {
        errors.invalid(path, &value.into(), range(low, high));
    }
}

/// Reports a negative number.
pub fn non_negative(errors: &mut FieldErrors, path: &FieldPath, value: i64) {
    if value < 0 {
        errors.invalid(
            path,
            &value.into(),
            "must be greater than or equal to 0".to_owned(),
        );
    }
}

/// Reports a number that is not positive.
pub fn positive(errors: &mut FieldErrors, path: &FieldPath, value: i64) {
    if value <= 0 {
        errors.invalid(path, &value.into(), "must be greater than zero");
    }
}

/// Reports what is no port number.
pub fn port_number(errors: &mut FieldErrors, path: &FieldPath, value: i64) {
    within(errors, path, value, 1, 65535);
}

/// Reports what is no user or group id.
pub fn user_or_group(errors: &mut FieldErrors, path: &FieldPath, value: i64) {
    within(errors, path, value, 0, i64::from(i32::MAX));
}

/// The name of a port (an IANA service name).
pub fn check_port_name(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let mut wrong = Vec::new();
    if bytes.len() > 15 {
        wrong.push(too_long(15));
    }
    let is_allowed = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    if bytes.is_empty() || !bytes.iter().all(is_allowed) {
        let words = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        wrong.push(words.to_owned());
    }
    if !bytes.iter().any(u8::is_ascii_lowercase) {
        wrong.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        wrong.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".to_owned());
    }
    wrong
}

/// A port by number or by name.
pub fn port_number_or_name(errors: &mut FieldErrors, path: &FieldPath, port: &Value) {
    match port.as_str() {
        Some(name) => report(errors, path, name, check_port_name(name)),
        None => port_number(errors, path, port.as_i64().unwrap_or(0)),
    }
}

/// The name of an environment variable: printable ASCII without `=`.
pub fn check_variable_name(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.is_empty() {
        wrong.push("environment variable name must be non-empty".to_owned());
    }
    if text
        .bytes()
        .any(|b| !(b' '..=b'~').contains(&b) || b == b'=')
    {
        let words = "a valid environment variable name must consist only of printable ASCII \
                     characters other than '='";
        wrong.push(words.to_owned());
    }
    wrong
}

/// A key of a `ConfigMap` or `Secret`.
pub fn check_data_key(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 253 {
        wrong.push(too_long(253));
    }
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if text.is_empty() || !text.bytes().all(is_allowed) {
        let words = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' \
                     (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation \
                     is '[-._a-zA-Z0-9]+')";
        wrong.push(words.to_owned());
    }
    if text == "." || text == ".." {
        wrong.push(format!("must not be '{text}'"));
    } else if text.starts_with("..") {
        wrong.push("must not start with '..'".to_owned());
    }
    wrong
}

/// The name of an HTTP header.
pub fn check_header_name(text: &str) -> Vec<String> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !text.is_empty() && text.bytes().all(is_allowed) {
        return Vec::new();
    }
    let words = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. \
                 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
    vec![words.to_owned()]
}

/// A DNS subdomain in which labels may hold underscores.
pub fn check_subdomain_with_underscore(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 253 {
        wrong.push(too_long(253));
    }
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_label = |part: &str| {
        let part = part.strip_prefix('_').unwrap_or(part).as_bytes();
        let (Some(first), Some(last)) = (part.first(), part.last()) else {
            return false;
        };
        is_word(*first)
            && is_word(*last)
            && part.iter().all(|b| is_word(*b) || *b == b'-' || *b == b'_')
    };
    if !text.split('.').all(is_label) {
        let words = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                     characters, '_', '-' or '.', and must start and end with an alphanumeric \
                     character (e.g. 'example.com', regex used for validation is \
                     '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
        wrong.push(words.to_owned());
    }
    wrong
}

/// Whether two addresses are one of each family.
pub fn is_dual_stack(first: &str, second: &str) -> bool {
    matches!(
        (ip::parse(first), ip::parse(second)),
        (Some(a), Some(b)) if a.is_ipv4() != b.is_ipv4()
    )
}

/// A local path: relative, with no step back.
pub fn local_path(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    if text.starts_with('/') {
        errors.invalid(path, &text.into(), "must be a relative path");
    }
    no_steps_back(errors, path, text);
}

/// A local path that does not begin with two dots either.
pub fn local_path_not_reserved(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    local_path(errors, path, text);
    // A step back has been reported already.
    if text.starts_with("..") && !text.starts_with("../") {
        errors.invalid(path, &text.into(), "must not start with '..'");
    }
}

/// Whether a path has a step back in it.
pub fn has_step_back(text: &str) -> bool {
    text.split('/').any(|part| part == "..")
}

/// Reports a path with a step back.
pub fn no_steps_back(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    if has_step_back(text) {
        errors.invalid(path, &text.into(), "must not contain '..'");
    }
}

/// Reports a value that is none of those supported.
pub fn one_of(errors: &mut FieldErrors, path: &FieldPath, text: &str, supported: &[&str]) {
    if !supported.contains(&text) {
        errors.not_supported(path, &text.into(), supported);
    }
}

/// Reports a value that is missing, or none of those supported.
pub fn required_one_of(errors: &mut FieldErrors, path: &FieldPath, text: &str, all: &[&str]) {
    if text.is_empty() {
        errors.required(path, "");
    } else {
        one_of(errors, path, text, all);
    }
}

/// Reports an empty text.
pub fn required(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    if text.is_empty() {
        errors.required(path, "");
    }
}

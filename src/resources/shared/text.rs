//! Domains and paths, with the words that clients match; fields that may not change.
//!
//! *Upstream:* `apimachinery/pkg/util/validation/validation.go`.

use serde_json::Value;

use super::names::subdomain;
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::registry::meta::names;
use crate::schema::go_struct;

/// What upstream says of a field that may not change.
pub const IMMUTABLE: &str = "field is immutable";

/// Refuses a change of a field that may not change.
pub fn immutable(errors: &mut FieldErrors, path: &FieldPath, new: &Value, old: &Value) {
    if new != old {
        errors.invalid(path, new, IMMUTABLE);
    }
}

/// Refuses a change of a field that the kind's types declare immutable: upstream shows no value.
pub fn declared_immutable(errors: &mut FieldErrors, path: &FieldPath, new: &Value, old: &Value) {
    if new != old {
        errors.declared(|errors| errors.invalid(path, &Value::Null, IMMUTABLE));
    }
}

/// Refuses a change of a text, which is empty where it is not there.
pub fn immutable_text(errors: &mut FieldErrors, path: &FieldPath, new: &Value, old: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    if text(new) != text(old) {
        errors.invalid(path, &text(new).into(), IMMUTABLE);
    }
}

/// The same of a field that is a struct, a list or a map of upstream's (`*batch.SuccessPolicy`).
pub fn immutable_struct(
    errors: &mut FieldErrors,
    path: &FieldPath,
    kind: &str,
    new: &Value,
    old: &Value,
) {
    if new != old {
        errors.invalid_text(path, go_struct::print(kind, new), IMMUTABLE);
    }
}

/// What is wrong with a domain under which any subdomain is meant: `*.example.com`.
pub fn check_wildcard_subdomain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > names::SUBDOMAIN_LENGTH_MAX {
        wrong.push(names::too_long(names::SUBDOMAIN_LENGTH_MAX));
    }
    let domain = text.strip_prefix("*.");
    let has_form = domain.is_some_and(|domain| {
        names::check_subdomain(domain)
            .iter()
            .all(|wrong| wrong.starts_with("must be no more"))
    });
    if !has_form {
        wrong.push(
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS \
             subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and \
             end with an alphanumeric character (e.g. '*.example.com', regex used for validation \
             is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                .to_owned(),
        );
    }
    wrong
}

/// A domain of at least three segments.
pub fn fully_qualified_name(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    if text.is_empty() {
        errors.required(path, "");
        return;
    }
    let wrong = names::check_subdomain(text);
    if !wrong.is_empty() {
        errors.invalid(path, &text.into(), wrong.join(","));
    } else if text.split('.').count() < 3 {
        let detail = "should be a domain with at least three segments separated by dots";
        errors.invalid(path, &text.into(), detail);
    }
}

/// Whether a text is an HTTP path's characters only.
pub fn is_http_path(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte))
}

/// `host/path`.
pub fn domain_prefixed_path(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    if text.is_empty() {
        errors.required(path, "");
        return;
    }
    let Some((host, rest)) = text
        .split_once('/')
        .filter(|(a, b)| !a.is_empty() && !b.is_empty())
    else {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.invalid(path, &text.into(), detail);
        return;
    };
    subdomain(errors, path, host);
    if !is_http_path(rest) {
        let detail = "Invalid path (regex used for validation is \
                      '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
        errors.invalid(path, &rest.into(), detail);
    }
}

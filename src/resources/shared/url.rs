//! Addresses of webhooks.
//!
//! *Upstream:* `apiserver/pkg/util/webhook/validation.go`.

use serde_json::Value;

use super::look::Look;
use super::names;
use crate::cel::url_refusal;
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::object::quote::quoted;
use crate::registry::meta::names::check_subdomain;

/// The URL of a webhook: HTTPS, with a host and nothing that would be dropped.
pub fn check_webhook(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    const FORM: &str = "; desired format: https://host[/path]";
    if text.starts_with(':') {
        let why = format!(
            "url must be a valid URL: parse {}: missing protocol scheme{FORM}",
            quoted(text)
        );
        errors.required(path, why);
        return;
    }
    let absolute = text.split('#').next().filter(|text| text.contains("://"));
    if let Some(why) = absolute.and_then(url_refusal) {
        errors.required(path, format!("url must be a valid URL: {why}{FORM}"));
        return;
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let host = if scheme.is_empty() {
        ""
    } else {
        rest.split('/').next().unwrap_or("")
    };
    let (user, host) = host.rsplit_once('@').unwrap_or(("", host));
    if scheme != "https" {
        let detail = format!("'https' is the only allowed URL scheme{FORM}");
        errors.invalid(path, &scheme.into(), detail);
    }
    if host.is_empty() {
        errors.invalid(path, &"".into(), format!("host must be specified{FORM}"));
    }
    for (part, what) in [
        (user, "user information is not permitted in the URL"),
        (fragment, "fragments are not permitted in the URL"),
        (query, "query parameters are not permitted in the URL"),
    ] {
        if !part.is_empty() {
            errors.invalid(path, &part.into(), what);
        }
    }
}

/// A service by name, and where it listens.
pub fn check_service(errors: &mut FieldErrors, path: &FieldPath, service: &Value) {
    // Upstream mixes the two up.
    for (field, shown) in [("namespace", "name"), ("name", "namespace")] {
        if service.text(field).is_empty() {
            errors.required(&path.child(shown), "");
        }
    }
    let port = service.integer("port").unwrap_or(443);
    if !(1..=65535).contains(&port) {
        let detail = "port is not valid: must be between 1 and 65535, inclusive";
        errors.invalid(&path.child("port"), &port.into(), detail);
    }
    if let Some(text) = service.maybe_text("path") {
        check_path(errors, &path.child("path"), text);
    }
}

/// The path of a webhook behind a service.
pub fn check_path(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    if text.is_empty() {
        return;
    }
    let value: Value = text.into();
    if text == "/" {
        return;
    }
    if text == "//" {
        errors.invalid(path, &value, "segment[0] may not be empty");
        return;
    }
    if !text.starts_with('/') {
        errors.invalid(path, &value, "must start with a '/'");
    }
    // Whatever the first letter is, the rest is looked at.
    let rest = text
        .char_indices()
        .nth(1)
        .map_or("", |(start, _)| &text[start..]);
    let steps = rest.strip_suffix('/').unwrap_or(rest);
    for (index, step) in steps.split('/').enumerate() {
        if step.is_empty() {
            errors.invalid(path, &value, format!("segment[{index}] may not be empty"));
            continue;
        }
        let wrong = check_subdomain(step);
        let wrong = wrong
            .into_iter()
            .map(|wrong| format!("segment[{index}]: {wrong}"));
        names::report(errors, path, text, wrong.collect());
    }
}

/// How many bytes text in base64 stands for.
pub fn decoded_length(text: &str) -> usize {
    let digits = text.bytes().filter(|byte| !b"=\r\n".contains(byte)).count();
    digits * 6 / 8
}

//! How objects are converted between versions.
//!
//! *Upstream:* `validateCustomResourceConversion` in
//! `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`,
//! `apiserver/pkg/util/webhook/validation.go`.

use serde_json::{Map, Value};

use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::registry::meta::names::{check_label_1035, check_subdomain};
use crate::schema::structural::json::{list, object, text};

const WITHOUT_WEBHOOK: &str = "should not be set when strategy is not set to Webhook";

/// What is wrong with a conversion. Errors name the fields of the internal type.
pub(super) fn validate(
    conversion: &Map<String, Value>,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    let strategy = text(conversion, "strategy");
    match strategy {
        "" => errors.required(&path.child("strategy"), ""),
        "None" | "Webhook" => {}
        other => errors.not_supported(&path.child("strategy"), &other.into(), &["None", "Webhook"]),
    }
    let webhook = object(conversion, "webhook");
    let client = webhook.and_then(|webhook| object(webhook, "clientConfig"));
    let versions = webhook.map_or(&[][..], |webhook| list(webhook, "conversionReviewVersions"));
    let of_client = path.child("webhookClientConfig");
    let of_versions = path.child("conversionReviewVersions");
    if strategy == "Webhook" {
        match client {
            None => errors.required(&of_client, "required when strategy is set to Webhook"),
            Some(client) => client_config(client, &of_client, errors),
        }
        review_versions(versions, &of_versions, errors);
        return;
    }
    if client.is_some() {
        errors.forbidden(&of_client, WITHOUT_WEBHOOK);
    }
    if !versions.is_empty() {
        errors.forbidden(&of_versions, WITHOUT_WEBHOOK);
    }
}

fn client_config(client: &Map<String, Value>, path: &FieldPath, errors: &mut FieldErrors) {
    let url = client.get("url").and_then(Value::as_str);
    match (url, object(client, "service")) {
        (Some(url), None) => self::url(url, &path.child("url"), errors),
        (None, Some(service)) => self::service(service, &path.child("service"), errors),
        _ => errors.required(path, "exactly one of url or service is required"),
    }
}

fn url(url: &str, path: &FieldPath, errors: &mut FieldErrors) {
    const FORM: &str = "; desired format: https://host[/path]";
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if scheme != "https" {
        let detail = format!("'https' is the only allowed URL scheme{FORM}");
        errors.invalid(path, &scheme.into(), detail);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = if scheme.is_empty() { "" } else { &rest[..end] };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if host.is_empty() {
        errors.invalid(path, &"".into(), format!("host must be specified{FORM}"));
    }
    if !user.is_empty() {
        let detail = "user information is not permitted in the URL";
        errors.invalid(path, &user.into(), detail);
    }
    let (before, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    if !fragment.is_empty() {
        let detail = "fragments are not permitted in the URL";
        errors.invalid(path, &fragment.into(), detail);
    }
    if let Some((_, query)) = before
        .split_once('?')
        .filter(|(_, query)| !query.is_empty())
    {
        let detail = "query parameters are not permitted in the URL";
        errors.invalid(path, &query.into(), detail);
    }
}

fn service(service: &Map<String, Value>, path: &FieldPath, errors: &mut FieldErrors) {
    // Upstream hands over name and namespace in each other's place.
    for (name, reported) in [("namespace", "name"), ("name", "namespace")] {
        if text(service, name).is_empty() {
            errors.required(&path.child(reported), "");
        }
    }
    let port = service.get("port").and_then(Value::as_i64).unwrap_or(443);
    if !(1..=65535).contains(&port) {
        errors.invalid(
            &path.child("port"),
            &port.into(),
            "port is not valid: must be between 1 and 65535, inclusive",
        );
    }
    let url_path = text(service, "path");
    if !url_path.is_empty() && url_path != "/" {
        service_path(url_path, &path.child("path"), errors);
    }
}

fn service_path(url_path: &str, path: &FieldPath, errors: &mut FieldErrors) {
    let value: Value = url_path.into();
    if url_path == "//" {
        errors.invalid(path, &value, "segment[0] may not be empty");
        return;
    }
    if !url_path.starts_with('/') {
        errors.invalid(path, &value, "must start with a '/'");
    }
    let steps = url_path.get(1..).unwrap_or("");
    let steps = steps.strip_suffix('/').unwrap_or(steps);
    for (index, step) in steps.split('/').enumerate() {
        if step.is_empty() {
            let detail = format!("segment[{index}] may not be empty");
            errors.invalid(path, &value, detail);
            continue;
        }
        for wrong in check_subdomain(step) {
            errors.invalid(path, &value, format!("segment[{index}]: {wrong}"));
        }
    }
}

fn review_versions(versions: &[Value], path: &FieldPath, errors: &mut FieldErrors) {
    if versions.is_empty() {
        errors.required(path, "");
        return;
    }
    for (index, version) in versions.iter().enumerate() {
        let item = path.index(index);
        if versions[..index].contains(version) {
            errors.invalid(&item, version, "duplicate version");
            continue;
        }
        for wrong in check_label_1035(version.as_str().unwrap_or("")) {
            errors.invalid(&item, version, wrong);
        }
    }
    let is_understood = versions
        .iter()
        .any(|version| version == "v1" || version == "v1beta1");
    if !is_understood {
        errors.invalid(
            path,
            &versions.into(),
            "must include at least one of v1, v1beta1",
        );
    }
}

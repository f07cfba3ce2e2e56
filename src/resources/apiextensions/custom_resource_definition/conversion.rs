//! How objects are converted between versions.
//!
//! *Upstream:* `validateCustomResourceConversion` in
//! `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`,
//! `apiserver/pkg/util/webhook/validation.go`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::meta::names::check_label_1035;
use crate::resources::shared::url;
use crate::schema::structural::json::{list, object, text};
use crate::webhook;

const WITHOUT_WEBHOOK: &str = "should not be set when strategy is not set to Webhook";

/// What is wrong with a conversion. Errors name the fields of the internal type.
pub(super) fn validate(
    conversion: &Map<String, Value>,
    checks_bundle: bool,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    let strategy = text(conversion, "strategy");
    match strategy {
        "" => errors.required(&path.child("strategy"), ""),
        "None" | "Webhook" => {}
        other => errors.not_supported(&path.child("strategy"), &other.into(), &["None", "Webhook"]),
    }
    let asked = object(conversion, "webhook");
    let client = asked.and_then(|asked| object(asked, "clientConfig"));
    let versions = asked.map_or(&[][..], |asked| list(asked, "conversionReviewVersions"));
    let of_client = path.child("webhookClientConfig");
    let of_versions = path.child("conversionReviewVersions");
    if strategy == "Webhook" {
        match client {
            None => errors.required(&of_client, "required when strategy is set to Webhook"),
            Some(client) => client_config(client, checks_bundle, &of_client, errors),
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

fn client_config(
    client: &Map<String, Value>,
    checks_bundle: bool,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    let text_of = |name: &str| client.get(name).and_then(Value::as_str);
    match (
        text_of("url"),
        client.get("service").filter(|service| service.is_object()),
    ) {
        (Some(url), None) => url::check_webhook(errors, &path.child("url"), url),
        (None, Some(service)) => url::check_service(errors, &path.child("service"), service),
        _ => errors.required(path, "exactly one of url or service is required"),
    }
    let bundle = text_of("caBundle").unwrap_or("");
    if checks_bundle && let Some(why) = bundle_refusal(bundle) {
        errors.invalid(&path.child("caBundle"), &bundle.into(), why);
    }
}

/// Why a bundle of certificates, in base64, is none.
fn bundle_refusal(bundle: &str) -> Option<String> {
    let bytes = STANDARD.decode(bundle).unwrap_or_default();
    webhook::check_authorities(&bytes).err()
}

/// Whether bundles are looked at in the new state of a definition: nobody waits for those of one
/// that serves nothing yet, and what was wrong may stay so.
pub(super) fn checks_bundle(old: Option<&Object>) -> bool {
    let Some(old) = old else {
        return false;
    };
    let is_established = old
        .items(&["status", "conditions"])
        .iter()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
    let bundle = old.text(&["spec", "conversion", "webhook", "clientConfig", "caBundle"]);
    is_established && bundle_refusal(bundle).is_none()
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

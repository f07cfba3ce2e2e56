//! Objects of one version become objects of another by asking a webhook (`ConversionReview`).
//!
//! *Invariant:* of the metadata, a webhook changes labels and annotations only.
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::error::FieldErrors;
use crate::object::{FieldPath, GroupVersion, Object};
use crate::registry::Registry;
use crate::registry::meta::validate;
use crate::schema::structural::json::texts;
use crate::sim::Entropy;
use crate::webhook::{Call, Caller, Target};

/// How long a webhook may take.
const TIMEOUT: Duration = Duration::from_secs(30);
const GROUP: &str = "apiextensions.k8s.io";

/// Who converts the objects of a definition.
pub(super) struct Webhook {
    caller: Arc<Caller>,
    entropy: Arc<Entropy>,
    target: Target,
    /// The version of the review it is asked in; `None` where it knows none of ours.
    review: Option<&'static str>,
}

impl Webhook {
    /// The webhook of a definition, where it names one.
    pub(super) fn of(registry: &Registry, definition: &Object) -> Option<Self> {
        if definition.text(&["spec", "conversion", "strategy"]) != "Webhook" {
            return None;
        }
        let webhook = definition.get(&["spec", "conversion", "webhook"])?;
        let mut target = Target::of_client_config(&webhook["clientConfig"]);
        if target.ca_bundle.iter().all(u8::is_ascii_whitespace) {
            target.ca_bundle.clear();
        }
        let known = texts(webhook.as_object()?, "conversionReviewVersions");
        let review = known.iter().find_map(|version| match version.as_ref() {
            "v1" => Some("v1"),
            "v1beta1" => Some("v1beta1"),
            _ => None,
        });
        Some(Self {
            caller: Arc::clone(&registry.webhooks),
            entropy: Arc::clone(&registry.entropy),
            target,
            review,
        })
    }

    /// An object in another version, or why it cannot be had.
    pub(super) async fn convert(
        &self,
        object: &Object,
        into: &GroupVersion,
    ) -> Result<Object, String> {
        let version = self
            .review
            .ok_or("no supported conversion review versions")?;
        let api_version = format!("{GROUP}/{version}");
        let uid = self.entropy.uid();
        let what = printed(object);
        let review = json!({
            "kind": "ConversionReview",
            "apiVersion": api_version,
            "request": {
                "uid": uid,
                "desiredAPIVersion": into.to_string(),
                "objects": [object.clone().into_value()],
            },
            "response": {
                "uid": "",
                "convertedObjects": null,
                "result": { "metadata": {} },
            },
        });
        let call = Call {
            target: &self.target,
            body: &review,
            timeout: TIMEOUT,
            says_timeout: true,
            user_agent: "kube-apiserver-admission",
        };
        let failed = |why: &str| format!("conversion webhook for {what} failed: {why}");
        let answer = self.caller.call(&call).await;
        let mut answer = answer.map_err(|failure| failed(&failure.message))?;
        let mut converted = converted(&mut answer, version, &uid).map_err(|why| failed(&why))?;
        if converted.len() != 1 {
            let count = converted.len();
            return Err(format!(
                "conversion webhook for {what} returned {count} objects, expected 1"
            ));
        }
        let converted = converted.pop().unwrap_or_default();
        accept(object, converted, into, &what)
    }
}

/// Group, version and kind, as Go prints them.
fn printed(object: &Object) -> String {
    format!("{}, Kind={}", object.api_version(), object.kind())
}

/// The objects of an answer.
fn converted(answer: &mut Value, version: &str, uid: &str) -> Result<Vec<Value>, String> {
    let response = &answer["response"];
    let is_strict = version == "v1";
    if is_strict {
        check_kind(answer)?;
    }
    if response.is_null() {
        return Err("no response provided".to_owned());
    }
    let got = response["uid"].as_str().unwrap_or("");
    if is_strict && got != uid {
        return Err(format!("expected response.uid=\"{uid}\", got \"{got}\""));
    }
    let result = &response["result"];
    check_types(response)?;
    let status = result["status"].as_str().unwrap_or("");
    if status != "Success" {
        return Err(match result["message"].as_str() {
            Some(message) if !message.is_empty() => message.to_owned(),
            _ => format!("response.result.status was '{status}', not 'Success'"),
        });
    }
    match answer["response"]["convertedObjects"].take() {
        Value::Array(objects) => Ok(objects),
        _ => Ok(Vec::new()),
    }
}

/// What Go could not have read of an answer.
fn check_types(response: &Value) -> Result<(), String> {
    let result = &response["result"];
    let is_text = |value: &Value| value.is_null() || value.is_string();
    let fields = [
        (
            is_text(&response["uid"]),
            &response["uid"],
            "ConversionResponse.response.uid",
            "types.UID",
        ),
        (
            result.is_null() || result.is_object(),
            result,
            "ConversionResponse.response.result",
            "v1.Status",
        ),
        (
            is_text(&result["status"]),
            &result["status"],
            "Status.response.result.status",
            "string",
        ),
        (
            is_text(&result["message"]),
            &result["message"],
            "Status.response.result.message",
            "string",
        ),
    ];
    for (is_right, value, field, go_type) in fields {
        if !is_right {
            let found = crate::object::json::go_name(value);
            return Err(format!(
                "json: cannot unmarshal {found} into Go struct field {field} of type {go_type}"
            ));
        }
    }
    Ok(())
}

/// An answer in v1 must say that it is one.
fn check_kind(answer: &Value) -> Result<(), String> {
    let text = |name: &str| answer[name].as_str().unwrap_or("");
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let expected = format!("{GROUP}/v1");
    match (api_version, kind) {
        (version, "ConversionReview") if version == expected => Ok(()),
        ("apiextensions.k8s.io/v1beta1", "ConversionReview") => Err(
            "converting (v1beta1.ConversionReview) to (v1.ConversionReview): unknown conversion"
                .to_owned(),
        ),
        (_, "") | ("", _) => {
            let version = if api_version.is_empty() {
                "/"
            } else {
                api_version
            };
            Err(format!(
                "expected webhook response of {expected}, Kind=ConversionReview, got {version}, \
                 Kind={kind}"
            ))
        }
        _ => Err(format!(
            "no kind \"{kind}\" is registered for version \"{api_version}\" in scheme \
             \"pkg/runtime/scheme.go:111\""
        )),
    }
}

/// The object that an answer makes of another, where it may.
fn accept(
    original: &Object,
    converted: Value,
    into: &GroupVersion,
    what: &str,
) -> Result<Object, String> {
    let text = converted.to_string();
    let kind = crate::object::json::go_name(&converted);
    let Some(mut converted) = Object::from_value(converted) else {
        return Err(format!(
            "json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        ));
    };
    if converted.kind().is_empty() {
        return Err(format!("Object 'Kind' is missing in '{text}'"));
    }
    let invalid = |why: String| format!("conversion webhook for {what} returned {why}");
    let got = converted.api_version();
    if got != into.to_string() {
        return Err(invalid(format!(
            "invalid object at index 0: invalid groupVersion (expected {into}, received {got})"
        )));
    }
    let (expected, got) = (original.kind(), converted.kind());
    if expected != got {
        return Err(invalid(format!(
            "invalid object at index 0: invalid kind (expected {expected}, received {got})"
        )));
    }
    for (name, path) in [("name", "name"), ("namespace", "namespace"), ("UID", "uid")] {
        let (expected, got) = (
            original.text(&["metadata", path]),
            converted.text(&["metadata", path]),
        );
        if expected != got {
            return Err(invalid(format!(
                "invalid object: must have the same {name}: {expected} != {got}"
            )));
        }
    }
    let metadata = metadata(original, &converted)
        .map_err(|why| invalid(format!("invalid metadata: {why}")))?;
    converted.set(&["metadata"], metadata);
    converted.set_managed_fields(original.managed_fields().cloned());
    Ok(converted)
}

/// The metadata of the original with the labels and annotations of what was made of it.
fn metadata(original: &Object, converted: &Object) -> Result<Map<String, Value>, String> {
    let own = match converted.as_map().get("metadata") {
        None => return Err("missing metadata in converted object".to_owned()),
        Some(Value::Object(metadata)) => metadata,
        Some(other) => {
            let kind = go_type(other);
            return Err(format!(
                "invalid metadata of type {kind} in converted object"
            ));
        }
    };
    let kept = original.as_map().get("metadata").and_then(Value::as_object);
    let mut kept = kept.cloned().unwrap_or_default();
    for field in ["labels", "annotations"] {
        let map = match own.get(field) {
            None | Some(Value::Null) => {
                kept.remove(field);
                continue;
            }
            Some(Value::Object(map)) => map,
            Some(other) => {
                let kind = go_type(other);
                return Err(format!(
                    "invalid metadata.{field} of type {kind} in converted object"
                ));
            }
        };
        if let Some((key, other)) = map.iter().find(|(_, value)| !value.is_string()) {
            let kind = go_type(other);
            return Err(format!(
                "metadata.{field}[{key}] must be a string, but is {kind} in converted object"
            ));
        }
        if kept.get(field).and_then(Value::as_object) != Some(map) {
            check(field, map)?;
        }
        kept.insert(field.to_owned(), Value::Object(map.clone()));
    }
    Ok(kept)
}

/// Labels and annotations that a webhook changed must be sound.
fn check(field: &str, map: &Map<String, Value>) -> Result<(), String> {
    let mut errors = FieldErrors::new();
    let metadata = FieldPath::new("metadata");
    let object = json!({ "metadata": { field: map } });
    let object = Object::from_value(object).unwrap_or_default();
    if field == "labels" {
        validate::labels(&object, &metadata.child("labels"), &mut errors);
    } else {
        validate::annotations(&object, &metadata.child("annotation"), &mut errors);
    }
    if errors.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = errors
        .iter()
        .map(|error| format!("{}: {}", error.field, error.body()))
        .collect();
    Err(match said.as_slice() {
        [one] => one.clone(),
        all => format!("[{}]", all.join(", ")),
    })
}

/// How Go calls the type of a decoded value.
pub(super) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

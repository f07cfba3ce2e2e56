//! Values that come from elsewhere: the pod itself, ConfigMaps, Secrets.
//!
//! *Upstream:* `pkg/fieldpath`, `pkg/api/v1/resource/helpers.go`.

use std::collections::BTreeMap;

use base64::Engine;
use serde_json::Value;

use crate::client::Client;
use crate::object::Object;
use crate::object::quantity::Quantity;
use crate::runtime::Place;

/// What a ConfigMap or Secret holds.
pub(super) async fn data(
    client: &Client,
    namespace: &str,
    kind: &str,
    name: &str,
) -> Option<BTreeMap<String, Vec<u8>>> {
    let api = client.api("v1", kind).namespace(namespace);
    let found = api.get(name).await.ok()?;
    let mut out = BTreeMap::new();
    for (field, encoded) in [("data", kind == "secrets"), ("binaryData", true)] {
        for (key, value) in found[field].as_object().into_iter().flatten() {
            let text = value.as_str().unwrap_or_default();
            let bytes = if encoded {
                base64::engine::general_purpose::STANDARD
                    .decode(text)
                    .unwrap_or_default()
            } else {
                text.as_bytes().to_vec()
            };
            out.insert(key.clone(), bytes);
        }
    }
    Some(out)
}

/// The value of a variable that says where it comes from.
pub(super) async fn value(
    client: &Client,
    place: &Place,
    spec: &Value,
    from: &Value,
) -> Option<String> {
    if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
        return Some(field(&place.pod, path));
    }
    let resource = &from["resourceFieldRef"];
    if resource.is_object() {
        return Some(amount(&place.pod, spec, resource));
    }
    for (kind, reference) in [
        ("configmaps", "configMapKeyRef"),
        ("secrets", "secretKeyRef"),
    ] {
        let reference = &from[reference];
        if let (Some(name), Some(key)) = (reference["name"].as_str(), reference["key"].as_str()) {
            let found = data(client, place.pod.namespace(), kind, name).await?;
            let bytes = found.get(key)?;
            return Some(String::from_utf8_lossy(bytes).into_owned());
        }
    }
    None
}

/// A field of a pod, as the downward API shows it.
pub(super) fn field(pod: &Object, path: &str) -> String {
    if let Some((map, key)) = path.split_once("['") {
        let field = map.trim_start_matches("metadata.");
        let key = key.trim_end_matches("']");
        return pod.text(&["metadata", field, key]).to_owned();
    }
    match path {
        "metadata.labels" | "metadata.annotations" => {
            let field = path.trim_start_matches("metadata.");
            let map = pod.get(&["metadata", field]).and_then(Value::as_object);
            let lines: Vec<String> = map
                .into_iter()
                .flatten()
                .map(|(key, value)| format!("{key}={:?}", value.as_str().unwrap_or_default()))
                .collect();
            lines.join("\n")
        }
        "status.podIPs" | "status.hostIPs" => {
            let field = path.trim_start_matches("status.");
            let all = pod.items(&["status", field]);
            let all: Vec<&str> = all.iter().filter_map(|one| one["ip"].as_str()).collect();
            all.join(",")
        }
        path => {
            let parts: Vec<&str> = path.split('.').collect();
            pod.text(&parts).to_owned()
        }
    }
}

/// A request or limit of a container, in units of a divisor.
pub(super) fn amount(pod: &Object, own: &Value, reference: &Value) -> String {
    let container = match reference["containerName"].as_str() {
        Some(name) => {
            let all = pod.items(&["spec", "containers"]);
            all.iter().find(|one| one["name"] == name).unwrap_or(own)
        }
        None => own,
    };
    let resource = reference["resource"].as_str().unwrap_or_default();
    let (list, name) = resource.split_once('.').unwrap_or(("limits", resource));
    let said = Quantity::from_json(&container["resources"][list][name]);
    // What has no limit has its node's.
    let usual = match name {
        "cpu" => "4",
        "memory" => "8Gi",
        "ephemeral-storage" => "100Gi",
        _ => "0",
    };
    let usual = Quantity::parse(if list == "limits" { usual } else { "0" }).ok();
    let Some(said) = said.or(usual) else {
        return "0".to_owned();
    };
    let divisor = Quantity::from_json(&reference["divisor"]).filter(|divisor| !divisor.is_zero());
    let count = match (name, divisor) {
        ("cpu", Some(divisor)) => {
            let (said, divisor) = (said.milli_value(), divisor.milli_value().max(1));
            in_units(said, divisor)
        }
        (_, Some(divisor)) => {
            let (said, divisor) = (said.value(), divisor.value().max(1));
            in_units(said, divisor)
        }
        (_, None) => said.value(),
    };
    count.to_string()
}

/// How many units something is, rounded up.
fn in_units(said: i64, unit: i64) -> i64 {
    said / unit + i64::from(said % unit > 0)
}

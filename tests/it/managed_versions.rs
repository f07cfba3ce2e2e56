//! Managers of several versions of a custom resource that a webhook converts: each owns its fields
//! by the names of its own version. What is expected is what a kube-apiserver answered.

use serde_json::{Value, json};

use crate::support::{Fixture, Hook, cluster};

fn version(name: &str, is_stored: bool, fields: &[&str]) -> Value {
    let fields = fields
        .iter()
        .map(|field| (*field, json!({"type": "string"})));
    let fields: serde_json::Map<String, Value> = fields
        .map(|(name, field)| (name.to_owned(), field))
        .collect();
    let spec = json!({"type": "object", "properties": fields});
    json!({
        "name": name,
        "served": true,
        "storage": is_stored,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    })
}

/// `address` of v1 is `host` and `port` of v2.
fn converted(object: &Value, into: &str) -> Value {
    let mut object = object.clone();
    object["apiVersion"] = into.into();
    if !object["spec"].is_object() {
        object["spec"] = json!({});
    }
    let spec = object["spec"].as_object_mut().unwrap();
    if into.ends_with("/v2") {
        if let Some(address) = spec.remove("address") {
            let (host, port) = address.as_str().unwrap().split_once(':').unwrap();
            spec.insert("host".to_owned(), host.into());
            spec.insert("port".to_owned(), port.into());
        }
        return object;
    }
    let parts = [spec.remove("host"), spec.remove("port")];
    if parts.iter().any(Option::is_some) {
        let [host, port] = parts.map(Option::unwrap_or_default);
        let address = format!(
            "{}:{}",
            host.as_str().unwrap_or(""),
            port.as_str().unwrap_or("")
        );
        spec.insert("address".to_owned(), address.into());
    }
    object
}

/// A cluster with hosts, stored in v1 and converted by a webhook.
async fn hosts() -> (Fixture, Hook) {
    let hook = Hook::raw(|review| {
        let request = &review["request"];
        let into = request["desiredAPIVersion"].as_str().unwrap();
        let answer = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "ConversionReview",
            "response": {
                "uid": request["uid"],
                "result": {"status": "Success"},
                "convertedObjects": [converted(&request["objects"][0], into)],
            },
        });
        (200, answer.to_string())
    })
    .await;
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "hosts.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Host", "plural": "hosts"},
            "scope": "Cluster",
            "conversion": {
                "strategy": "Webhook",
                "webhook": {
                    "clientConfig": hook.client_config(),
                    "conversionReviewVersions": ["v1"],
                },
            },
            "versions": [
                version("v1", true, &["address", "shared"]),
                version("v2", false, &["host", "port", "shared"]),
            ],
        },
    });
    let cluster = cluster().await;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let made = cluster.client.json("POST", definitions, Some(&definition));
    made.await.unwrap();
    (cluster, hook)
}

/// Patches the host by a manager in a version; what is answered, in short: the spec and who owns
/// what, or what is said.
async fn patch(cluster: &Fixture, media: &str, who: &str, version: &str, spec: Value) -> Value {
    let target = format!("/apis/example.com/{version}/hosts/a?fieldManager={who}");
    let object = json!({
        "apiVersion": format!("example.com/{version}"),
        "kind": "Host",
        "metadata": {"name": "a"},
        "spec": spec,
    });
    let headers = [("content-type", media)];
    let reply = cluster
        .client
        .request("PATCH", &target, &headers, object.to_string());
    let answer = reply.await.into_bytes().await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    if answer["kind"] == "Status" {
        return answer["message"].clone();
    }
    let entries = answer["metadata"]["managedFields"].as_array().unwrap();
    let mut owners: Vec<String> = entries
        .iter()
        .map(|entry| {
            let version = entry["apiVersion"].as_str().unwrap();
            let version = version.trim_start_matches("example.com/");
            let fields = entry["fieldsV1"]["f:spec"].as_object().unwrap();
            let fields: Vec<&str> = fields.keys().map(String::as_str).collect();
            format!(
                "{} {version} {}",
                entry["manager"].as_str().unwrap(),
                fields.join(" ")
            )
        })
        .collect();
    owners.sort();
    json!([answer["spec"], owners])
}

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";

#[tokio::test]
async fn a_conflict_names_the_field_of_its_owners_version() {
    let (cluster, _hook) = hosts().await;
    let spec = json!({"address": "h:1", "shared": "x"});
    let made = patch(&cluster, APPLY, "one", "v1", spec.clone()).await;
    assert_eq!(made, json!([spec, ["one v1 f:address f:shared"]]));
    let refused = patch(&cluster, APPLY, "two", "v2", json!({"host": "i"})).await;
    assert_eq!(
        refused,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.address"
    );
    let forced = patch(
        &cluster,
        APPLY,
        "two&force=true",
        "v2",
        json!({"host": "i"}),
    )
    .await;
    let spec = json!({"host": "i", "port": "1", "shared": "x"});
    assert_eq!(forced, json!([spec, ["one v1 f:shared", "two v2 f:host"]]));
    let refused = patch(&cluster, APPLY, "one", "v1", json!({"address": "h:1"})).await;
    assert_eq!(
        refused,
        "Apply failed with 1 conflict: conflict with \"two\": .spec.host"
    );
}

#[tokio::test]
async fn an_update_takes_what_it_changes_in_every_version() {
    let (cluster, _hook) = hosts().await;
    let spec = json!({"host": "j", "port": "2"});
    patch(&cluster, APPLY, "two", "v2", spec).await;
    let updated = patch(&cluster, MERGE, "three", "v2", json!({"port": "3"})).await;
    let spec = json!({"host": "j", "port": "3"});
    assert_eq!(updated, json!([spec, ["three v2 f:port", "two v2 f:host"]]));
    let updated = patch(&cluster, MERGE, "three", "v1", json!({"address": "k:4"})).await;
    let spec = json!({"address": "k:4"});
    assert_eq!(updated, json!([spec, ["three v1 f:address"]]));
}

#[tokio::test]
async fn an_applier_that_changes_its_version_removes_what_it_applied_before() {
    let (cluster, _hook) = hosts().await;
    patch(&cluster, APPLY, "one", "v1", json!({"shared": "x"})).await;
    patch(&cluster, APPLY, "two", "v1", json!({"address": "z:9"})).await;
    let same = patch(&cluster, APPLY, "two", "v2", json!({"host": "z"})).await;
    let spec = json!({"host": "z", "port": "9", "shared": "x"});
    assert_eq!(same, json!([spec, ["one v1 f:shared", "two v2 f:host"]]));
}

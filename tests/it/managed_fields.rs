//! `metadata.managedFields` through the API: kept by every write, shown in every form, and open to
//! whoever changes them.

use mockernetes::client::PatchKind;
use serde_json::{Value, json};

use crate::support::{Fixture, cluster};

const TARGET: &str = "/api/v1/namespaces/default/configmaps/a";

/// Who is entered as a manager of the object, with the fields each owns.
fn owners(object: &Value) -> Vec<(String, Value)> {
    let entries = object["metadata"]["managedFields"].as_array();
    let owner = |entry: &Value| {
        let name = entry["manager"].as_str().unwrap().to_owned();
        (name, entry["fieldsV1"].clone())
    };
    entries.into_iter().flatten().map(owner).collect()
}

async fn call(fixture: &Fixture, method: &str, target: &str, kind: &str, body: &str) -> Value {
    let headers = [("content-type", kind)];
    let body = body.to_owned();
    let reply = fixture.client.request(method, target, &headers, body).await;
    serde_json::from_slice(&reply.into_bytes().await).unwrap()
}

/// A ConfigMap that `one` wrote with `key` in it.
async fn written(fixture: &Fixture) -> Value {
    let target = "/api/v1/namespaces/default/configmaps?fieldManager=one";
    let body = r#"{"metadata":{"name":"a"},"data":{"key":"value"}}"#;
    call(fixture, "POST", target, "application/json", body).await
}

#[tokio::test]
async fn a_creation_enters_what_it_set_and_a_patch_what_it_changed() {
    let fixture = cluster().await;
    let created = written(&fixture).await;
    let all = json!({"f:data": {".": {}, "f:key": {}}});
    assert_eq!(owners(&created), [("one".to_owned(), all)]);
    let target = format!("{TARGET}?fieldManager=two");
    let body = r#"{"data":{"key":"other","more":"m"}}"#;
    let merge = "application/merge-patch+json";
    let patched = call(&fixture, "PATCH", &target, merge, body).await;
    let two = json!({"f:data": {"f:key": {}, "f:more": {}}});
    let one = json!({"f:data": {}});
    assert_eq!(
        owners(&patched),
        [("one".to_owned(), one), ("two".to_owned(), two)]
    );
}

#[tokio::test]
async fn a_write_that_changes_nothing_leaves_version_and_times() {
    let fixture = cluster().await;
    let created = written(&fixture).await;
    let body = created.to_string();
    let target = format!("{TARGET}?fieldManager=two");
    let again = call(&fixture, "PUT", &target, "application/json", &body).await;
    assert_eq!(again, created);
}

#[tokio::test]
async fn a_json_patch_may_look_into_the_entries_and_reset_them() {
    let fixture = cluster().await;
    written(&fixture).await;
    let kind = "application/json-patch+json";
    let test = |manager: &str| {
        let path = "/metadata/managedFields/0/manager";
        json!([
            {"op": "test", "path": path, "value": manager},
            {"op": "add", "path": "/data/tested", "value": manager},
        ])
        .to_string()
    };
    let passed = call(&fixture, "PATCH", TARGET, kind, &test("one")).await;
    assert_eq!(passed["data"]["tested"], "one");
    let failed = call(&fixture, "PATCH", TARGET, kind, &test("two")).await;
    assert_eq!(failed["code"], 422);
    let reset = r#"[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]"#;
    let reset = call(&fixture, "PATCH", TARGET, kind, reset).await;
    assert_eq!(owners(&reset), []);
}

#[tokio::test]
async fn a_merge_patch_may_replace_the_entries() {
    let fixture = cluster().await;
    let created = written(&fixture).await;
    let config_maps = fixture.client.api("v1", "configmaps").namespace("default");
    let mut entry = created["metadata"]["managedFields"][0].clone();
    entry["manager"] = "another".into();
    let patch = json!({"metadata": {"managedFields": [entry]}});
    let patched = config_maps.patch("a", PatchKind::Merge, &patch).await;
    let names: Vec<String> = owners(&patched.unwrap())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["another"]);
}

#[tokio::test]
async fn the_entries_are_shown_in_every_form_of_an_object() {
    let fixture = cluster().await;
    let created = written(&fixture).await;
    let entries = &created["metadata"]["managedFields"];
    assert_eq!(entries.as_array().unwrap().len(), 1);
    let list = "/api/v1/namespaces/default/configmaps";
    let get = async |target: &str, form: &str| -> Value {
        let accept = format!("application/json;as={form};v=v1;g=meta.k8s.io");
        let headers = [("accept", accept.as_str())];
        let reply = fixture.client.request("GET", target, &headers, "").await;
        serde_json::from_slice(&reply.into_bytes().await).unwrap()
    };
    let partial = get(TARGET, "PartialObjectMetadata").await;
    assert_eq!(&partial["metadata"]["managedFields"], entries);
    let partial = get(list, "PartialObjectMetadataList").await;
    let items = partial["items"].as_array().unwrap().iter();
    let mut shown = items.map(|item| &item["metadata"]);
    let own = shown.find(|metadata| metadata["name"] == "a");
    assert_eq!(&own.unwrap()["managedFields"], entries);
    let table = get(&format!("{TARGET}?includeObject=Object"), "Table").await;
    let row = &table["rows"][0]["object"]["metadata"];
    assert_eq!(&row["managedFields"], entries);
    let dry = format!("{TARGET}?dryRun=All&fieldManager=one");
    let body = r#"{"data":{"key":"other"}}"#;
    let dry = call(
        &fixture,
        "PATCH",
        &dry,
        "application/merge-patch+json",
        body,
    )
    .await;
    assert_eq!(owners(&dry), owners(&created));
}

#[tokio::test]
async fn a_patch_of_a_wrong_type_is_told_as_a_text_of_it_would_be() {
    let fixture = cluster().await;
    written(&fixture).await;
    let body = r#"{"data":{"key":7}}"#;
    let kind = "application/merge-patch+json";
    let refused = call(&fixture, "PATCH", TARGET, kind, body).await;
    assert_eq!(refused["code"], 422);
    let message = refused["message"].as_str().unwrap();
    let why = "json: cannot unmarshal number into Go struct field ConfigMap.data of type string";
    assert!(message.ends_with(why), "{message}");
    // The object is shown as it would have been, its entries among the rest.
    assert!(message.contains("managedFields"), "{message}");
}

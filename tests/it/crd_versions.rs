//! Custom resources in several versions: converted by nobody or by a webhook, read by the schemas
//! of now.

use futures_util::StreamExt;
use mockernetes::client::{Api, PatchKind};
use serde_json::{Value, json};

use crate::support::{Fixture, Hook, cluster};

const DEFINITION: &str = "hosts.example.com";

fn definitions(cluster: &Fixture) -> Api {
    let api_version = "apiextensions.k8s.io/v1";
    cluster.client.api(api_version, "customresourcedefinitions")
}

fn hosts(cluster: &Fixture, version: &str) -> Api {
    cluster
        .client
        .api(&format!("example.com/{version}"), "hosts")
}

fn host(version: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": format!("example.com/{version}"),
        "kind": "Host",
        "metadata": {"name": name},
        "spec": spec,
    })
}

fn version(name: &str, is_stored: bool, spec: &Value) -> Value {
    let spec = json!({"type": "object", "properties": spec});
    json!({
        "name": name,
        "served": true,
        "storage": is_stored,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    })
}

/// A definition stored in v1 (`address`) and served in v2 (`host`, `port`) as well.
fn definition() -> Value {
    let text = json!({"type": "string"});
    let v1 = json!({"address": text, "shared": text});
    let v2 = json!({"host": text, "port": text, "shared": text});
    json!({
        "metadata": {"name": DEFINITION},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Host", "plural": "hosts"},
            "scope": "Cluster",
            "versions": [version("v1", true, &v1), version("v2", false, &v2)],
        },
    })
}

fn converted_by(mut definition: Value, hook: &Hook) -> Value {
    definition["spec"]["conversion"] = json!({
        "strategy": "Webhook",
        "webhook": {"clientConfig": hook.client_config(), "conversionReviewVersions": ["v1"]},
    });
    definition
}

/// Changes the definition.
async fn change(cluster: &Fixture, change: impl Fn(&mut Value)) {
    let mut definition = definitions(cluster).get(DEFINITION).await.unwrap();
    change(&mut definition["spec"]);
    definitions(cluster).update(&definition).await.unwrap();
}

/// The object of a review in the version asked for.
fn convert(object: &Value, into: &str) -> Value {
    let mut object = object.clone();
    object["apiVersion"] = into.into();
    let spec = object["spec"].as_object_mut().unwrap();
    if into.ends_with("/v2") {
        let address = spec.remove("address").unwrap_or_default();
        let (host, port) = address.as_str().unwrap_or("").split_once(':').unwrap();
        spec.insert("host".to_owned(), host.into());
        spec.insert("port".to_owned(), port.into());
    } else {
        let part = |value: Option<Value>| value.unwrap().as_str().unwrap().to_owned();
        let (host, port) = (part(spec.remove("host")), part(spec.remove("port")));
        spec.insert("address".to_owned(), format!("{host}:{port}").into());
    }
    object
}

/// A converter whose objects pass through a closure on their way out.
async fn converter(bend: impl Fn(&mut Value) + Send + Sync + 'static) -> Hook {
    Hook::raw(move |review| {
        let request = &review["request"];
        let into = request["desiredAPIVersion"].as_str().unwrap();
        let mut object = convert(&request["objects"][0], into);
        bend(&mut object);
        let answer = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "ConversionReview",
            "response": {
                "uid": request["uid"],
                "result": {"status": "Success"},
                "convertedObjects": [object],
            },
        });
        (200, answer.to_string())
    })
    .await
}

async fn converted_cluster(bend: impl Fn(&mut Value) + Send + Sync + 'static) -> (Fixture, Hook) {
    let cluster = cluster().await;
    let hook = converter(bend).await;
    let definition = converted_by(definition(), &hook);
    definitions(&cluster).create(&definition).await.unwrap();
    (cluster, hook)
}

#[tokio::test]
async fn without_a_webhook_the_stored_version_keeps_what_it_knows() {
    let cluster = cluster().await;
    definitions(&cluster).create(&definition()).await.unwrap();
    let sent = host("v2", "a", &json!({"host": "h", "shared": "s"}));
    let made = hosts(&cluster, "v2").create(&sent).await.unwrap();
    assert_eq!(made["apiVersion"], "example.com/v2");
    assert_eq!(made["spec"], json!({"shared": "s"}));
    let read = hosts(&cluster, "v1").get("a").await.unwrap();
    assert_eq!(read["spec"], json!({"shared": "s"}));
}

#[tokio::test]
async fn a_webhook_converts_what_is_read_and_written() {
    let (cluster, hook) = converted_cluster(|_| {}).await;
    let (v1, v2) = (hosts(&cluster, "v1"), hosts(&cluster, "v2"));
    let sent = host("v2", "a", &json!({"host": "h", "port": "1"}));
    let made = v2.create(&sent).await.unwrap();
    assert_eq!(made["spec"], json!({"host": "h", "port": "1"}));
    assert_eq!(
        v1.get("a").await.unwrap()["spec"],
        json!({"address": "h:1"})
    );
    let heard = hook.heard().remove(0);
    assert_eq!(heard.path, "/admit?timeout=30s");
    let request = &heard.body["request"];
    assert_eq!(request["desiredAPIVersion"], "example.com/v1");
    assert_eq!(request["objects"][0]["spec"], sent["spec"]);
    let patch = json!({"spec": {"port": "2"}});
    let patched = v2.patch("a", PatchKind::Merge, &patch).await.unwrap();
    assert_eq!(patched["spec"], json!({"host": "h", "port": "2"}));
    assert_eq!(
        v1.get("a").await.unwrap()["spec"],
        json!({"address": "h:2"})
    );
    let list = v2.list("").await.unwrap();
    assert_eq!(list["items"][0]["spec"], patched["spec"]);
}

#[tokio::test]
async fn a_watch_shows_objects_in_its_own_version() {
    let (cluster, _hook) = converted_cluster(|_| {}).await;
    let v1 = hosts(&cluster, "v1");
    let sent = host("v1", "a", &json!({"address": "h:1"}));
    v1.create(&sent).await.unwrap();
    let mut events = hosts(&cluster, "v2").watch("").await.unwrap();
    let first = events.next().await.unwrap();
    assert_eq!(first["object"]["spec"], json!({"host": "h", "port": "1"}));
    let patch = json!({"spec": {"address": "h:2"}});
    v1.patch("a", PatchKind::Merge, &patch).await.unwrap();
    let second = events.next().await.unwrap();
    assert_eq!(second["type"], "MODIFIED");
    assert_eq!(second["object"]["apiVersion"], "example.com/v2");
    assert_eq!(second["object"]["spec"]["port"], "2");
}

#[tokio::test]
async fn of_the_metadata_a_webhook_changes_labels_and_annotations_only() {
    let (cluster, _hook) = converted_cluster(|object| {
        let metadata = &mut object["metadata"];
        metadata["labels"] = json!({"by": "hook"});
        metadata["finalizers"] = json!(["example.com/hook"]);
    })
    .await;
    let sent = host("v1", "a", &json!({"address": "h:1"}));
    hosts(&cluster, "v1").create(&sent).await.unwrap();
    let read = hosts(&cluster, "v2").get("a").await.unwrap();
    assert_eq!(read["metadata"]["labels"], json!({"by": "hook"}));
    assert_eq!(read["metadata"]["finalizers"], Value::Null);
}

#[tokio::test]
async fn what_a_webhook_does_not_convert_cannot_be_read_in_that_version() {
    let (cluster, _hook) = converted_cluster(|object| {
        object["metadata"]["name"] = "another".into();
    })
    .await;
    let (v1, v2) = (hosts(&cluster, "v1"), hosts(&cluster, "v2"));
    let sent = host("v1", "a", &json!({"address": "h:1"}));
    let made = v1.create(&sent).await.unwrap();
    let why = "conversion webhook for example.com/v1, Kind=Host returned invalid object: must have \
               the same name: a != another";
    let failure = v2.get("a").await.unwrap_err();
    assert_eq!((failure.code, failure.reason()), (500, "InternalError"));
    let revision = made["metadata"]["resourceVersion"].as_str().unwrap();
    assert_eq!(
        failure.message(),
        format!(
            "Internal error occurred: StorageError: corrupt object, Code: 7, Key: \
             /example.com/hosts/a, ResourceVersion: 0, AdditionalErrorMsg: object not decodable \
             revision={revision}: {why}"
        )
    );
    let failure = v2.list("").await.unwrap_err();
    assert_eq!((failure.code, failure.reason()), (429, "TooManyRequests"));
    let patch = json!({"spec": {"port": "2"}});
    let failure = v2.patch("a", PatchKind::Merge, &patch).await.unwrap_err();
    let message = format!("object not decodable revision={revision}: {why}");
    assert_eq!((failure.code, failure.message()), (500, message.as_str()));
    v1.get("a").await.unwrap();
}

#[tokio::test]
async fn an_object_that_was_stored_before_its_schema_changed_is_read_by_the_new_one() {
    let cluster = cluster().await;
    definitions(&cluster).create(&definition()).await.unwrap();
    let v1 = hosts(&cluster, "v1");
    let sent = host("v1", "a", &json!({"address": "h:1", "shared": "s"}));
    let made = v1.create(&sent).await.unwrap();
    change(&cluster, |spec| {
        let text = json!({"type": "string"});
        let zone = json!({"type": "string", "default": "z"});
        spec["versions"][0] = version("v1", true, &json!({"address": text, "zone": zone}));
    })
    .await;
    let read = v1.get("a").await.unwrap();
    assert_eq!(read["spec"], json!({"address": "h:1", "zone": "z"}));
    let version = &made["metadata"]["resourceVersion"];
    assert_eq!(read["metadata"]["resourceVersion"], *version);
    let list = v1.list("").await.unwrap();
    assert_eq!(list["items"][0]["spec"], read["spec"]);
    let patched = v1.patch("a", PatchKind::Merge, &json!({})).await.unwrap();
    assert_ne!(patched["metadata"]["resourceVersion"], *version);
    assert_eq!(patched["spec"], read["spec"]);
}

#[tokio::test]
async fn a_field_that_became_selectable_selects_older_objects() {
    let cluster = cluster().await;
    definitions(&cluster).create(&definition()).await.unwrap();
    let v1 = hosts(&cluster, "v1");
    for (name, address) in [("a", "x"), ("b", "y")] {
        let sent = host("v1", name, &json!({"address": address}));
        v1.create(&sent).await.unwrap();
    }
    change(&cluster, |spec| {
        spec["versions"][0]["selectableFields"] = json!([{"jsonPath": ".spec.address"}]);
    })
    .await;
    let list = v1.list("fieldSelector=spec.address%3Dy").await.unwrap();
    assert_eq!(list["items"][0]["metadata"]["name"], "b");
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_version_that_is_gone_leaves_objects_that_cannot_be_read() {
    let cluster = cluster().await;
    definitions(&cluster).create(&definition()).await.unwrap();
    let sent = host("v1", "a", &json!({"shared": "s"}));
    hosts(&cluster, "v1").create(&sent).await.unwrap();
    change(&cluster, |spec| {
        spec["versions"][0]["storage"] = false.into();
        spec["versions"][1]["storage"] = true.into();
    })
    .await;
    let mut definition = definitions(&cluster).get(DEFINITION).await.unwrap();
    assert_eq!(definition["status"]["storedVersions"], json!(["v1", "v2"]));
    definition["status"]["storedVersions"] = json!(["v2"]);
    let status = format!("{}/status", definitions(&cluster).path(DEFINITION));
    let put = cluster.client.json("PUT", &status, Some(&definition));
    put.await.unwrap();
    change(&cluster, |spec| {
        spec["versions"].as_array_mut().unwrap().remove(0);
    })
    .await;
    let failure = hosts(&cluster, "v2").get("a").await.unwrap_err();
    let why = "request to convert CR from an invalid group/version: example.com/v1";
    assert!(failure.message().ends_with(why), "{failure}");
}

#[tokio::test]
async fn a_definition_takes_objects_along_that_no_version_serves() {
    let cluster = cluster().await;
    definitions(&cluster).create(&definition()).await.unwrap();
    for index in 0..300 {
        let sent = host("v1", &format!("a{index}"), &json!({"shared": "s"}));
        hosts(&cluster, "v1").create(&sent).await.unwrap();
    }
    change(&cluster, |spec| {
        spec["versions"][0]["served"] = false.into();
        spec["versions"][1]["served"] = false.into();
    })
    .await;
    definitions(&cluster).delete(DEFINITION).await.unwrap();
    let failure = definitions(&cluster).get(DEFINITION).await.unwrap_err();
    assert_eq!(failure.code, 404);
}

#[tokio::test]
async fn a_webhook_is_asked_whenever_an_object_is_read_but_lists_come_from_a_cache() {
    let counter = std::sync::atomic::AtomicU32::new(0);
    let (cluster, _hook) = converted_cluster(move |object| {
        let asked = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        object["metadata"]["labels"] = json!({"asked": asked.to_string()});
    })
    .await;
    let (v1, v2) = (hosts(&cluster, "v1"), hosts(&cluster, "v2"));
    let sent = host("v1", "a", &json!({"address": "h:1"}));
    v1.create(&sent).await.unwrap();
    let asked = |object: &Value| object["metadata"]["labels"]["asked"].clone();
    assert_eq!(asked(&v2.get("a").await.unwrap()), "0");
    assert_eq!(asked(&v2.get("a").await.unwrap()), "1");
    let listed = async || asked(&v2.list("").await.unwrap()["items"][0]);
    assert_eq!(listed().await, "2");
    assert_eq!(asked(&v2.get("a").await.unwrap()), "3");
    assert_eq!(listed().await, "2");
}

#[tokio::test]
async fn a_status_is_written_alike_whether_or_not_somebody_may_look_at_it() {
    let written = async |is_watched: bool| {
        let cluster = cluster().await;
        if is_watched {
            let configuration = json!({"metadata": {"name": "nobody"}, "webhooks": []});
            let api_version = "admissionregistration.k8s.io/v1";
            let configurations = cluster
                .client
                .api(api_version, "validatingwebhookconfigurations");
            configurations.create(&configuration).await.unwrap();
        }
        let mut sent = definition();
        sent["metadata"]["labels"] = json!({"a": "b"});
        definitions(&cluster).create(&sent).await.unwrap();
        let mut object = definitions(&cluster).get(DEFINITION).await.unwrap();
        assert_eq!(object["metadata"]["labels"]["a"], "b");
        assert_eq!(object["status"]["acceptedNames"]["kind"], "Host");
        for name in ["uid", "resourceVersion", "creationTimestamp"] {
            object["metadata"][name].take();
        }
        for list in [&["metadata", "managedFields"], &["status", "conditions"]] {
            for item in object[list[0]][list[1]].as_array_mut().unwrap() {
                item["time"].take();
                item["lastTransitionTime"].take();
            }
        }
        object
    };
    assert_eq!(written(false).await, written(true).await);
}

#[tokio::test]
async fn what_is_wrong_with_the_metadata_of_an_update_is_said_as_often_as_it_is_looked_at() {
    let cluster = cluster().await;
    definitions(&cluster).create(&definition()).await.unwrap();
    let v1 = hosts(&cluster, "v1");
    let sent = host("v1", "a", &json!({"address": "h:1"}));
    v1.create(&sent).await.unwrap();
    let patch = json!({"metadata": {"labels": {"a b": "c"}}});
    let failure = v1.patch("a", PatchKind::Merge, &patch).await.unwrap_err();
    let causes = failure.status["details"]["causes"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!((failure.code, causes), (422, 3));
}

#[tokio::test]
async fn a_second_deletion_of_a_definition_changes_nothing_but_its_grace() {
    let cluster = cluster().await;
    definitions(&cluster).create(&definition()).await.unwrap();
    let mut held = host("v1", "a", &json!({"address": "h:1"}));
    held["metadata"]["finalizers"] = json!(["example.com/held"]);
    hosts(&cluster, "v1").create(&held).await.unwrap();
    definitions(&cluster).delete(DEFINITION).await.unwrap();
    let first = definitions(&cluster).get(DEFINITION).await.unwrap();
    definitions(&cluster).delete(DEFINITION).await.unwrap();
    let second = definitions(&cluster).get(DEFINITION).await.unwrap();
    assert_eq!(second["status"], first["status"]);
    assert_eq!(second["metadata"]["generation"], 1);
    assert_eq!(second["metadata"]["deletionGracePeriodSeconds"], 0);
}

#[tokio::test]
async fn columns_end_before_the_first_whose_path_is_none() {
    let cluster = cluster().await;
    let mut definition = definition();
    let column = |name: &str, path: &str| json!({"name": name, "type": "string", "jsonPath": path});
    definition["spec"]["versions"][0]["additionalPrinterColumns"] = json!([
        column("a", ".spec.address"),
        column("b", ".spec[\"address\"]"),
        column("c", ".spec.shared"),
    ]);
    definitions(&cluster).create(&definition).await.unwrap();
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let path = "/apis/example.com/v1/hosts";
    let reply = cluster.client.request("GET", path, &accept, "").await;
    let table = reply.into_json().await.unwrap();
    let columns = table["columnDefinitions"].as_array().unwrap().iter();
    let names: Vec<&str> = columns
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!(names, ["Name", "a"]);
}

#[tokio::test]
async fn all_unknown_fields_of_a_custom_resource_are_named() {
    let cluster = cluster().await;
    definitions(&cluster).create(&definition()).await.unwrap();
    let fields = (0..150).map(|i| (format!("f{i}"), Value::from(i)));
    let sent = host("v1", "a", &fields.collect());
    let path = "/apis/example.com/v1/hosts?fieldValidation=Strict";
    let headers = [("content-type", "application/json")];
    let reply = cluster
        .client
        .request("POST", path, &headers, sent.to_string())
        .await;
    let failure = reply.into_json().await.unwrap_err();
    assert_eq!(failure.message().matches("unknown field").count(), 150);
}

#[tokio::test]
async fn what_is_deep_is_read_as_it_was_written() {
    let cluster = cluster().await;
    let mut definition = definition();
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema;
    definitions(&cluster).create(&definition).await.unwrap();
    let v1 = hosts(&cluster, "v1");
    let deep = (0..200).fold(json!({}), |inner, _| json!({"a": inner}));
    v1.create(&host("v1", "a", &deep)).await.unwrap();
    let labels = json!({"metadata": {"labels": {"a": "b"}}});
    v1.patch("a", PatchKind::Merge, &labels).await.unwrap();
    let path = "/apis/example.com/v1/hosts/a";
    for media in ["application/json", "application/yaml"] {
        let headers = [("accept", media)];
        let reply = cluster.client.request("GET", path, &headers, "").await;
        let text = String::from_utf8(reply.into_bytes().await.to_vec()).unwrap();
        let depth = text.matches("\"a\":{").count() + text.matches(" a:").count();
        assert!(depth >= 199, "{media}: {depth}");
    }
}

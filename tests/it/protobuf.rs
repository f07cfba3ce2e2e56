//! Bodies in protobuf, and answers.

use futures_util::StreamExt;
use mockernetes::object::Object;
use mockernetes::schema::Catalog;
use mockernetes::schema::protobuf::{Malformed, ProtobufError, from_json, from_object, to_json};
use serde_json::{Value, json};

use crate::support::{cluster, full};

const PROTOBUF: [(&str, &str); 1] = [("accept", "application/vnd.kubernetes.protobuf")];
const METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;\
                        g=meta.k8s.io;v=v1";

/// A field whose value is bytes: a text or a message.
fn bytes(number: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap();
    assert!(length < 0x80, "one byte has to do");
    [&[number << 3 | 2, length], value].concat()
}

fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

/// The envelope around an object.
fn body(version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
    let head = [bytes(1, version.as_bytes()), bytes(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), bytes(1, &head), bytes(2, object)].concat()
}

#[test]
fn a_config_map_reads_as_its_json() {
    let time = number(1, 1);
    let metadata = [bytes(1, b"a"), bytes(3, b"shop"), bytes(8, &time)].concat();
    let entry = [bytes(1, b"x"), bytes(2, b"1")].concat();
    let binary = [bytes(1, b"y"), bytes(2, &[0, 1])].concat();
    let map = [bytes(1, &metadata), bytes(2, &entry), bytes(3, &binary)].concat();
    let expected = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "a", "namespace": "shop", "creationTimestamp": "1970-01-01T00:00:01Z",
        },
        "data": { "x": "1" },
        "binaryData": { "y": "AAE=" },
    });
    assert_eq!(to_json(&body("v1", "ConfigMap", &map)), Ok(expected));
}

#[test]
fn managed_fields_are_the_same_messages_from_text_as_from_a_tree() {
    let tree = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "a",
            "generation": 2,
            "labels": { "app": "web" },
            "managedFields": [
                {
                    "apiVersion": "apps/v1",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": { "f:metadata": { "f:labels": { ".": {}, "f:app\"s": {} } } },
                    "manager": "kubectl",
                    "operation": "Apply",
                    "time": "2026-01-02T03:04:05Z",
                },
                { "manager": "controller", "operation": "Update", "subresource": "status" },
            ],
        },
        "spec": { "replicas": 3, "selector": null, "template": { "spec": { "containers": [] } } },
    });
    let object = Object::from_value(tree.clone()).unwrap();
    assert_eq!(from_object(&object), from_json(&tree));
    let without = Object::from_map(object.as_map().clone());
    assert_eq!(
        from_object(&without),
        from_json(&without.clone().into_value())
    );
    assert_ne!(from_object(&without), from_object(&object));
}

#[test]
fn what_go_embeds_stands_in_its_parent() {
    // A container's liveness probe: its handler is a message of its own in protobuf only.
    let port = [number(1, 1), bytes(3, b"http")].concat();
    let get = [bytes(1, b"/"), bytes(2, &port)].concat();
    let handler = bytes(2, &get);
    let probe = [bytes(1, &handler), number(2, 5)].concat();
    let amount = bytes(1, b"64Mi");
    let limit = [bytes(1, b"memory"), bytes(2, &amount)].concat();
    let resources = bytes(1, &limit);
    let container = [bytes(1, b"c"), bytes(8, &resources), bytes(10, &probe)].concat();
    let spec = bytes(2, &container);
    let pod = bytes(2, &spec);
    let expected = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {
            "containers": [{
                "name": "c",
                "resources": { "limits": { "memory": "64Mi" } },
                "livenessProbe": {
                    "httpGet": { "path": "/", "port": "http" },
                    "initialDelaySeconds": 5,
                },
            }],
        },
    });
    assert_eq!(to_json(&body("v1", "Pod", &pod)), Ok(expected));
}

#[test]
fn what_is_no_protobuf_of_a_known_kind_is_refused() {
    assert_eq!(to_json(b"{}"), Err(ProtobufError::NoPrefix));
    let cut_off = ProtobufError::Envelope(Malformed::Eof);
    assert_eq!(to_json(b"k8s\0\x0a\x7f"), Err(cut_off));
    let unknown = to_json(&body("v1", "Nothing", b""));
    assert!(
        matches!(unknown, Err(ProtobufError::Unknown { .. })),
        "{unknown:?}"
    );
}

#[test]
fn no_field_of_any_kind_is_lost_on_the_way() {
    let catalog = Catalog::built_in();
    let state = catalog.state();
    let mut kinds = 0;
    for resource in state.versions.values().flat_map(|version| version.values()) {
        let object = full::object(resource);
        let body = from_json(&object).unwrap_or_else(|| panic!("no message: {}", resource.kind));
        let back = to_json(&body).expect("what was written reads");
        assert_eq!(back, object, "{} {}", resource.group_version, resource.kind);
        kinds += 1;
    }
    assert!(kinds > 70, "{kinds} kinds");
}

#[tokio::test]
async fn objects_lists_and_errors_are_answered_in_protobuf_to_who_asks() {
    let fixture = cluster().await;
    for path in [
        "/api/v1/namespaces/default",
        "/api/v1/namespaces?limit=2",
        "/api/v1/namespaces",
        "/api/v1/namespaces/nowhere",
        "/apis/apps/v1",
        "/apis",
    ] {
        let json = fixture.client.request("GET", path, &[], "").await;
        let reply = fixture.client.request("GET", path, &PROTOBUF, "").await;
        let kind = reply.header("content-type");
        assert_eq!(kind, "application/vnd.kubernetes.protobuf", "{path}");
        assert_eq!(reply.code, json.code, "{path}");
        let expected: Value = serde_json::from_slice(&json.into_bytes().await).unwrap();
        let found = to_json(&reply.into_bytes().await).unwrap();
        assert_eq!(found["kind"], expected["kind"], "{path}");
        assert_eq!(
            found["items"][0]["metadata"],
            expected["items"][0]["metadata"]
        );
        assert_eq!(
            found["metadata"]["uid"], expected["metadata"]["uid"],
            "{path}"
        );
        assert_eq!(found["message"], expected["message"], "{path}");
    }
}

#[tokio::test]
async fn metadata_is_answered_in_protobuf_and_tables_fall_back() {
    let fixture = cluster().await;
    let table = "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1,application/json";
    let path = "/api/v1/namespaces/default";
    let accept = [("accept", METADATA)];
    let reply = fixture.client.request("GET", path, &accept, "").await;
    let found = to_json(&reply.into_bytes().await).unwrap();
    assert_eq!(found["kind"], "PartialObjectMetadata");
    assert_eq!(found["metadata"]["name"], "default");
    let accept = [("accept", table)];
    let reply = fixture.client.request("GET", path, &accept, "").await;
    assert_eq!(reply.header("content-type"), "application/json");
    let found: Value = serde_json::from_slice(&reply.into_bytes().await).unwrap();
    assert_eq!(found["kind"], "Namespace");
}

#[tokio::test]
async fn a_watch_in_protobuf_is_frames_with_whole_bodies_in_them() {
    let fixture = cluster().await;
    fixture.config_map("default", "first").await;
    let path = "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=1";
    let reply = fixture.client.request("GET", path, &PROTOBUF, "").await;
    let kind = reply.header("content-type").to_owned();
    assert_eq!(kind, "application/vnd.kubernetes.protobuf;stream=watch");
    let mut events = reply.into_events();
    let frame = events.next().await.unwrap();
    let (length, event) = frame.split_at(4);
    assert_eq!(length, u32::try_from(event.len()).unwrap().to_be_bytes());
    assert!(event.starts_with(&bytes(1, b"ADDED")), "{event:?}");
    let start = event.windows(4).position(|part| part == b"k8s\0").unwrap();
    let object = to_json(&event[start..]).unwrap();
    assert_eq!(object["data"]["key"], "value");
}

#[tokio::test]
async fn deletions_take_options_in_protobuf_of_any_version_for_custom_resources_too() {
    let fixture = cluster().await;
    fixture.config_map("default", "first").await;
    let definition = json!({
        "metadata": {"name": "widgets.shop.example.com"},
        "spec": {
            "group": "shop.example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }],
        },
    });
    let definitions = fixture
        .client
        .api("apiextensions.k8s.io/v1", "customresourcedefinitions");
    definitions.create(&definition).await.unwrap();
    let widget = json!({
        "apiVersion": "shop.example.com/v1", "kind": "Widget", "metadata": {"name": "one"},
    });
    let widgets = "/apis/shop.example.com/v1/namespaces/default/widgets";
    let reply = fixture
        .client
        .request("POST", widgets, &[], widget.to_string())
        .await;
    assert_eq!(reply.code, 201);
    let dry_run = bytes(5, b"All");
    let sends = [
        (
            "accept",
            "application/vnd.kubernetes.protobuf,application/json",
        ),
        ("content-type", "application/vnd.kubernetes.protobuf"),
    ];
    for path in [
        "/api/v1/namespaces/default/configmaps/first",
        &format!("{widgets}/one"),
    ] {
        for version in ["v1", "meta.k8s.io/v1", "apps/v1", "shop.example.com/v1", ""] {
            let options = body(version, "DeleteOptions", &dry_run);
            let reply = fixture
                .client
                .request("DELETE", path, &sends, options)
                .await;
            assert_eq!(reply.code, 200, "{path} {version}");
        }
    }
}

#[tokio::test]
async fn a_body_that_does_not_say_its_kind_is_of_the_kind_it_is_sent_for() {
    let fixture = cluster().await;
    let path = "/api/v1/namespaces/default/configmaps";
    let sends = [("content-type", "application/vnd.kubernetes.protobuf")];
    let post = async |body: Vec<u8>| {
        let reply = fixture.client.request("POST", path, &sends, body).await;
        serde_json::from_slice::<Value>(&reply.into_bytes().await).unwrap()
    };
    let metadata = bytes(1, &bytes(1, b"bare"));
    let made = post(body("", "", &metadata)).await;
    assert_eq!(made["metadata"]["name"], "bare");
    assert_eq!(made["kind"], "ConfigMap");
    for (sent, expected) in [
        (
            b"hello".to_vec(),
            "the object provided is unrecognized (must be of type ConfigMap): provided data does \
             not appear to be a protobuf message, expected prefix [107 56 115 0] (68656c6c6f)",
        ),
        (
            Vec::new(),
            "the object provided is unrecognized (must be of type ConfigMap): empty data (<empty>)",
        ),
        (
            body("v1", "ConfigMap", b"\x0a\x05"),
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: unexpected EOF",
        ),
        (
            body("v9", "ConfigMap", b""),
            "ConfigMap in version \"v9\" cannot be handled as a ConfigMap: no kind \"ConfigMap\" \
             is registered for version \"v9\" in scheme \"pkg/runtime/scheme.go:111\"",
        ),
    ] {
        assert_eq!(post(sent).await["message"], expected);
    }
}

#[tokio::test]
async fn documents_are_answered_as_they_can_be_to_who_prefers_protobuf() {
    let fixture = cluster().await;
    let prefers = "application/vnd.kubernetes.protobuf,application/json";
    for (path, accept, code, kind) in [
        ("/api", prefers, 200, "application/vnd.kubernetes.protobuf"),
        (
            "/api/v1",
            prefers,
            200,
            "application/vnd.kubernetes.protobuf",
        ),
        ("/version", prefers, 200, "application/json"),
        ("/version", "application/yaml", 406, "application/yaml"),
    ] {
        let accept = [("accept", accept)];
        let reply = fixture.client.request("GET", path, &accept, "").await;
        assert_eq!(
            (reply.code, reply.header("content-type")),
            (code, kind),
            "{path}"
        );
    }
}

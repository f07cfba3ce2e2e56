//! Apply is idempotent, and of two managers over disjoint fields it does not matter who is first.

use jiff::Timestamp;
use mockernetes::object::Object;
use mockernetes::patch::apply::{self, FieldSet, OneVersion, Writer};
use mockernetes::schema::{ListKind, Node, Schema};
use serde_json::{Map, Value, json};

use super::for_each_applied;
use super::generate::Generator;
use crate::support::cluster;

fn empty(kind: &str) -> Object {
    Object::from_value(json!({"apiVersion": "v1", "kind": kind, "metadata": {}})).unwrap()
}

/// What one manager's apply makes of an object.
fn applied(schema: &Schema, kind: &str, live: &Object, manager: &str, part: &Value) -> Object {
    let ignored = FieldSet::default();
    let writer = Writer {
        name: manager,
        api_version: "v1",
        subresource: "",
        now: Timestamp::UNIX_EPOCH,
        ignored: &ignored,
        ignored_elsewhere: &ignored,
        versions: &OneVersion,
    };
    let part = part.as_object().unwrap();
    let mut object = apply::apply(live, part, &empty(kind), schema, &writer, false)
        .unwrap_or_else(|error| panic!("{kind}: {error:?}"));
    object.set(&["metadata", "uid"], "u");
    object
}

/// An object without an order where the schema gives none: items stand by their keys.
fn unordered(value: &mut Value, schema: &Schema, node: &Node) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if let Some(id) = schema.child(node, name) {
                    unordered(value, schema, schema.node(id));
                }
            }
        }
        Value::Array(items) => {
            let item = schema.items(node).map(|id| schema.node(id));
            for value in items.iter_mut() {
                if let Some(item) = item {
                    unordered(value, schema, item);
                }
            }
            match &node.list {
                ListKind::Map(keys) => items.sort_by_key(|item| {
                    let keys = keys.iter().map(|key| item[key.as_ref()].to_string());
                    keys.collect::<Vec<_>>()
                }),
                ListKind::Set => items.sort_by_key(Value::to_string),
                ListKind::Atomic => {}
            }
        }
        _ => {}
    }
}

/// The object, and what each manager owns of it.
fn seen(object: &Object, schema: &Schema) -> (Value, Vec<String>) {
    let mut value = object.clone().into_value();
    let metadata = value["metadata"].as_object_mut().unwrap();
    let managed = metadata.remove("managedFields").unwrap_or_default();
    let mut owned: Vec<String> = managed
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| format!("{}: {}", entry["manager"], entry["fieldsV1"]))
        .collect();
    owned.sort();
    unordered(&mut value, schema, schema.root());
    (value, owned)
}

#[test]
fn apply_is_idempotent() {
    for_each_applied(|kind, schema, seed| {
        let part = Generator::new(schema, seed).object("v1", kind);
        let once = applied(schema, kind, &empty(kind), "one", &part);
        let twice = applied(schema, kind, &once, "one", &part);
        assert_eq!(
            once.clone().into_value(),
            twice.into_value(),
            "{kind}, seed {seed}: {part}"
        );
        let (_, owned) = seen(&once, schema);
        assert_eq!(owned.len(), 1, "{kind}, seed {seed}");
    });
}

/// What is applied, with the fields that name the object in both parts.
fn named(part: Value, kind: &str) -> Value {
    let mut map = match part {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    map.insert("apiVersion".to_owned(), "v1".into());
    map.insert("kind".to_owned(), kind.into());
    let mut part = Value::Object(map);
    if part["metadata"].is_null() {
        part["metadata"] = json!({});
    }
    part["metadata"]["name"] = "x".into();
    part
}

#[test]
fn applies_by_two_managers_over_disjoint_fields_commute() {
    for_each_applied(|kind, schema, seed| {
        let generator = Generator::new(schema, seed);
        let whole = generator.object("v1", kind);
        let [one, two] = generator
            .part(&whole, schema.root())
            .map(|part| named(part, kind));
        let order = |parts: [(&str, &Value); 2]| {
            let mut live = empty(kind);
            for (manager, part) in parts {
                live = applied(schema, kind, &live, manager, part);
            }
            seen(&live, schema)
        };
        let forth = order([("one", &one), ("two", &two)]);
        let back = order([("two", &two), ("one", &one)]);
        assert_eq!(forth, back, "{kind}, seed {seed}: {one}\n{two}");
        let mut whole = whole;
        whole["metadata"]["uid"] = "u".into();
        unordered(&mut whole, schema, schema.root());
        assert_eq!(forth.0, whole, "{kind}, seed {seed}");
    });
}

/// Objects of several kinds as people apply them; a custom resource among them.
fn manifests() -> Vec<(&'static str, Value)> {
    let template = json!({
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "a", "image": "i", "ports": [{"containerPort": 80}]}]},
    });
    vec![
        (
            "/apis/apps/v1/namespaces/default/deployments/x",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"},
                "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": template}}),
        ),
        (
            "/api/v1/namespaces/default/services/x",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
                "spec": {"ports": [{"port": 80, "name": "t"}, {"port": 80, "protocol": "UDP", "name": "u"},
                    {"port": 81, "name": "v"}], "selector": {"app": "x"}}}),
        ),
        (
            "/api/v1/namespaces/default/configmaps/x",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"},
                "data": {"a": "1"}}),
        ),
        (
            "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/x",
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": "x"}, "spec": {"maxReplicas": 3,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}}),
        ),
        (
            "/apis/example.com/v1/namespaces/default/widgets/x",
            json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "x"},
                "spec": {"size": 1, "ports": [{"port": 1}, {"port": 2, "name": "b"}]}}),
        ),
    ]
}

fn definition() -> Value {
    let ports = json!({
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"],
        "items": {"type": "object", "required": ["port"], "properties": {
            "port": {"type": "integer"}, "name": {"type": "string", "default": "p"}}},
    });
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer"}, "ports": ports}}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

#[tokio::test]
async fn the_same_apply_again_stores_nothing() {
    let fixture = cluster().await;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = definition();
    let made = fixture.client.json("POST", definitions, Some(&definition));
    made.await.unwrap();
    for (path, object) in manifests() {
        let path = format!("{path}?fieldManager=one");
        let headers = [("content-type", "application/apply-patch+yaml")];
        let body = object.to_string();
        let mut answers = Vec::new();
        for code in [201, 200] {
            let reply = fixture
                .client
                .request("PATCH", &path, &headers, body.clone());
            let reply = reply.await;
            let found = reply.code;
            let answer = reply.into_json().await.unwrap();
            assert_eq!(found, code, "{path}: {answer}");
            answers.push(answer);
        }
        assert_eq!(answers[0], answers[1], "{path}");
    }
}

//! Server-side apply as a pure function: who owns what after a write, and who is in the way.

use jiff::Timestamp;
use mockernetes::object::{ManagedFields, Object};
use mockernetes::patch::apply::{self, ApplyError, FieldSet, OneVersion, Writer};
use mockernetes::schema::{Schema, tables};
use serde_json::{Value, json};

fn schema() -> Schema {
    tables::kind("apps", "v1", "Deployment").unwrap()
}

fn object(value: Value) -> Object {
    Object::from_value(value).unwrap()
}

/// An object as it is stored: it has a uid.
fn stored(mut object: Object) -> Object {
    object.set(&["metadata", "uid"], "u");
    object
}

fn apply(live: &Object, name: &str, applied: &Value, force: bool) -> Result<Object, ApplyError> {
    let ignored = FieldSet::default();
    let writer = Writer {
        name,
        api_version: "apps/v1",
        subresource: "",
        now: Timestamp::UNIX_EPOCH,
        ignored: &ignored,
        ignored_elsewhere: &ignored,
        versions: &OneVersion,
    };
    let empty = object(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}}));
    let applied = applied.as_object().unwrap();
    apply::apply(live, applied, &empty, &schema(), &writer, force).map(stored)
}

/// The entries of `metadata.managedFields`.
fn managed(object: &Object) -> Vec<Value> {
    let entries = object.managed_fields().map(ManagedFields::to_value);
    serde_json::from_value(entries.unwrap_or_default()).unwrap_or_default()
}

fn first(name: &str, applied: &Value) -> Object {
    let empty = object(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}}));
    apply(&empty, name, applied, false).unwrap()
}

fn deployment(spec: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec})
}

fn containers(items: &Value) -> Value {
    deployment(&json!({"template": {"spec": {"containers": items}}}))
}

#[test]
fn an_applier_owns_what_it_applies_and_nothing_on_the_way() {
    let live = first("one", &containers(&json!([{"name": "a", "image": "i"}])));
    let managed = managed(&live);
    assert_eq!(managed.len(), 1);
    assert_eq!(managed[0]["operation"], "Apply");
    assert_eq!(
        managed[0]["fieldsV1"],
        json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"a\"}": {".": {}, "f:image": {}, "f:name": {}}
        }}}}})
    );
}

#[test]
fn what_an_applier_leaves_out_goes_unless_another_owns_it() {
    let both = json!([{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]);
    let live = first("one", &containers(&both));
    let shared = containers(&json!([{"name": "b", "image": "j"}]));
    let live = apply(&live, "two", &shared, false).unwrap();
    let live = apply(&live, "one", &deployment(&json!({})), false).unwrap();
    let left = live.items(&["spec", "template", "spec", "containers"]);
    assert_eq!(left, [json!({"name": "b", "image": "j"})]);
}

#[test]
fn a_field_of_another_is_a_conflict_until_it_is_forced() {
    let live = first("one", &deployment(&json!({"replicas": 1})));
    let other = deployment(&json!({"replicas": 2}));
    let conflict = apply(&live, "two", &other, false).unwrap_err();
    assert_eq!(
        conflict.to_string(),
        "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas"
    );
    let live = apply(&live, "two", &other, true).unwrap();
    assert_eq!(live.integer(&["spec", "replicas"]), Some(2));
    let managed = managed(&live);
    let owners: Vec<&Value> = managed.iter().map(|entry| &entry["manager"]).collect();
    assert_eq!(owners, ["two"]);
}

#[test]
fn applied_items_keep_their_order_among_those_that_were_there() {
    let live = first("one", &containers(&json!([{"name": "a"}, {"name": "b"}])));
    let more = containers(&json!([{"name": "c"}, {"name": "b"}]));
    let live = apply(&live, "two", &more, false).unwrap();
    let names: Vec<&str> = live
        .items(&["spec", "template", "spec", "containers"])
        .iter()
        .filter_map(|container| container["name"].as_str())
        .collect();
    assert_eq!(names, ["a", "c", "b"]);
}

#[test]
fn a_field_the_kind_does_not_have_cannot_be_applied() {
    let live = first("one", &deployment(&json!({"replicas": 1})));
    let wrong = |spec: Value| {
        apply(&live, "one", &deployment(&spec), false)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        wrong(json!({"bogus": 1})),
        ".spec.bogus: field not declared in schema"
    );
    assert_eq!(
        wrong(json!({"replicas": "x"})),
        ".spec.replicas: expected numeric (int or float), got string"
    );
}

#[test]
fn an_update_takes_over_what_it_changes() {
    let live = first("one", &deployment(&json!({"replicas": 1, "paused": true})));
    let mut new = live.clone();
    new.set(&["spec", "replicas"], 2);
    let ignored = FieldSet::default();
    let writer = Writer {
        name: "two",
        api_version: "apps/v1",
        subresource: "",
        now: Timestamp::UNIX_EPOCH,
        ignored: &ignored,
        ignored_elsewhere: &ignored,
        versions: &OneVersion,
    };
    apply::update(&live, &mut new, &schema(), &writer).unwrap();
    let managed = managed(&new);
    let fields: Vec<(&Value, &Value)> = managed
        .iter()
        .map(|entry| (&entry["manager"], &entry["fieldsV1"]))
        .collect();
    assert_eq!(
        fields,
        [
            (&json!("one"), &json!({"f:spec": {"f:paused": {}}})),
            (&json!("two"), &json!({"f:spec": {"f:replicas": {}}})),
        ]
    );
}

#[test]
fn kubectl_takes_over_from_its_own_client_side_apply() {
    let applied = deployment(&json!({"replicas": 1, "paused": true}));
    let mut live = first("kubectl-client-side-apply", &applied);
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    live.set(
        &["metadata", "annotations", annotation],
        applied.to_string(),
    );
    let new = deployment(&json!({"replicas": 2, "paused": true}));
    assert!(apply(&live, "another", &new, false).is_err());
    let taken = apply(&live, "kubectl", &new, false).unwrap();
    assert_eq!(taken.integer(&["spec", "replicas"]), Some(2));
    let said = taken.text(&["metadata", "annotations", annotation]);
    assert_eq!(said, format!("{new}\n"));
    // What was changed since is a conflict all the same.
    live.set(&["spec", "replicas"], 7);
    assert!(apply(&live, "kubectl", &new, false).is_err());
}

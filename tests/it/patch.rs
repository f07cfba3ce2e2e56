//! What patches make of objects. The lines of `tests/cases/patch/*.jsonl` were answered by the
//! libraries of kube-apiserver 1.37 (`strategicpatch`, `evanphx/json-patch`); they are not edited
//! by hand.

use mockernetes::object::Object;
use mockernetes::patch::{Error, Patch};
use mockernetes::schema::{Schema, tables};
use serde_json::{Value, json};

fn schema(kind: &str) -> Schema {
    let group = if kind == "Deployment" { "apps" } else { "" };
    tables::kind(group, "v1", kind).unwrap()
}

/// Applies the patch of every line and compares.
fn check(lines: &str, parse: fn(Value) -> Result<Patch, Error>) {
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let object = Object::from_value(case["object"].clone()).unwrap();
        let schema = schema(case["kind"].as_str().unwrap());
        let patched =
            parse(case["patch"].clone()).and_then(|patch| patch.apply(object.clone(), &schema));
        match case.get("patched") {
            Some(expected) => assert_eq!(patched.as_ref(), Ok(expected), "{line}"),
            // Which of several errors comes first is up to the order of a Go map.
            None => assert!(patched.is_err(), "{line}"),
        }
    }
}

fn strategic(kind: &str, object: Value, patch: Value) -> Result<Value, Error> {
    let object = Object::from_value(object).unwrap();
    Patch::strategic(patch).and_then(|patch| patch.apply(object, &schema(kind)))
}

#[test]
fn strategic_merge_patches_merge_as_upstream() {
    check(
        include_str!("../cases/patch/strategic.jsonl"),
        Patch::strategic,
    );
}

#[test]
fn json_patches_apply_as_upstream() {
    check(include_str!("../cases/patch/json.jsonl"), Patch::json);
}

#[test]
fn merge_patches_merge_as_upstream() {
    check(include_str!("../cases/patch/merge.jsonl"), Patch::merge);
}

#[test]
fn lists_of_different_things_do_not_merge() {
    let error = strategic(
        "Pod",
        json!({"metadata": {"finalizers": ["a"]}}),
        json!({"metadata": {"finalizers": [{"b": 1}]}}),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "list element types are not identical: [[a] [map[b:1]]]"
    );
}

#[test]
fn an_item_without_its_merge_key_is_refused() {
    let error = strategic(
        "Pod",
        json!({"spec": {"containers": [{"name": "a"}]}}),
        json!({"spec": {"containers": [{"image": "b"}]}}),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "map: map[image:b] does not contain declared merge key: name"
    );
}

#[test]
fn the_order_of_a_list_without_merge_key_cannot_be_set() {
    let object = json!({"spec": {"tolerations": [{"key": "a"}]}});
    let patch = json!({"spec": {
        "$setElementOrder/tolerations": [{"key": "b"}, {"key": "a"}],
        "tolerations": [{"key": "b"}],
    }});
    assert!(strategic("Pod", object, patch).is_err());
}

/// What the converter says of a pod with this spec, or what it made of it.
fn restored(spec: &Value) -> Result<Value, String> {
    let schema = mockernetes::schema::tables::kind("", "v1", "Pod").unwrap();
    let mut pod = json!({"spec": spec});
    mockernetes::patch::restore(&schema, &mut pod)?;
    Ok(pod["spec"].take())
}

#[test]
fn a_value_of_the_wrong_type_is_told_in_the_converters_words() {
    let words = |spec: Value| restored(&spec).unwrap_err();
    let of_container = |name: &str, value: Value| words(json!({"containers": [{name: value}]}));
    assert_eq!(
        words(json!({"nodeSelector": "a"})),
        "cannot restore map from string"
    );
    assert_eq!(
        words(json!({"containers": {}})),
        "cannot restore slice from map"
    );
    assert_eq!(
        of_container("name", json!(1)),
        "cannot convert int64 to string"
    );
    assert_eq!(
        of_container("name", json!(["a"])),
        "unrecognized type: string"
    );
    let port = |value: Value| of_container("ports", json!([{"containerPort": value}]));
    assert_eq!(port(json!("a")), "unrecognized type: int32");
    assert_eq!(port(json!(1.5)), "cannot convert float64 to int32");
    assert_eq!(
        of_container("securityContext", json!(true)),
        "cannot restore struct from: bool"
    );
    let other = "parsing time \"x\"";
    assert_eq!(mockernetes::patch::converter_words(other), other);
}

#[test]
fn the_converter_cuts_numbers_to_the_width_of_their_fields() {
    let port = |value: Value| {
        let spec = restored(&json!({"containers": [{"ports": [{"containerPort": value}]}]}));
        spec.unwrap()["containers"][0]["ports"][0]["containerPort"].take()
    };
    assert_eq!(port(json!(2_147_483_648_i64)), json!(-2_147_483_648_i64));
    assert_eq!(port(json!(80.0)), json!(80));
}

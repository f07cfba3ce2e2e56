//! What holds of every object: properties, tried on generated objects of several kinds.
//!
//! Every draw comes from a seed, so a failure is one everywhere and always; it names its seed.

mod apply;
mod diff;
mod generate;
mod strategic;

use mockernetes::schema::{Schema, structural, tables};
use serde_json::json;

/// The kinds tried: lists with one key and with two, sets, atomic lists and maps, kept keys.
const KINDS: [(&str, &str, &str); 6] = [
    ("apps", "v1", "Deployment"),
    ("", "v1", "Service"),
    ("", "v1", "ConfigMap"),
    ("", "v1", "Pod"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler"),
    ("networking.k8s.io", "v1", "Ingress"),
];
/// Objects of each kind.
const TRIES: u64 = 40;

/// Calls with every kind's schema and with seeds.
fn for_each(mut call: impl FnMut(&str, &Schema, u64)) {
    for (group, version, kind) in KINDS {
        let schema = tables::kind(group, version, kind).unwrap();
        for seed in 0..TRIES {
            call(kind, &schema, seed);
        }
    }
}

/// The schema of a custom resource with all that a list or map can be.
fn custom() -> Schema {
    let text = json!({"type": "string"});
    let item = json!({"type": "object", "required": ["name"], "properties": {
        "name": text, "kind": {"type": "string", "default": "v0"}, "value": text}});
    let source = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "text": text,
        "texts": {"type": "object", "additionalProperties": text},
        "whole": {"type": "object", "x-kubernetes-map-type": "atomic",
            "additionalProperties": text},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": text},
        "all": {"type": "array", "items": text},
        "items": {"type": "array", "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name", "kind"], "items": item},
        "nested": {"type": "object", "additionalProperties": {"type": "object", "properties": {
            "items": {"type": "array", "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"], "items": item}}}},
    }}}});
    let meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    structural::compile(
        source.as_object().unwrap(),
        &tables::component(meta).unwrap(),
    )
}

/// The same with a custom resource.
fn for_each_applied(mut call: impl FnMut(&str, &Schema, u64)) {
    for_each(&mut call);
    let schema = custom();
    for seed in 0..TRIES {
        call("Widget", &schema, seed);
    }
}

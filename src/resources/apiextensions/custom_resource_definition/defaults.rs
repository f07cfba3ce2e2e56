//! Defaults of a CustomResourceDefinition, and schema parts that Go reads by hand.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apis/apiextensions/v1/{defaults,marshal}.go`.

use serde_json::{Map, Value, json};

use crate::object::Object;
use crate::schema::{normalise, tables};

/// The component of a schema document.
const DOCUMENT: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/// Fills in names and conversion, and cleans the schemas of what Go would not have read.
pub(super) fn apply(object: &mut Object) {
    let kind = object.text(&["spec", "names", "kind"]).to_owned();
    if object.text(&["spec", "names", "singular"]).is_empty() && !kind.is_empty() {
        object.set(&["spec", "names", "singular"], kind.to_lowercase());
    }
    if object.text(&["spec", "names", "listKind"]).is_empty() && !kind.is_empty() {
        object.set(&["spec", "names", "listKind"], format!("{kind}List"));
    }
    if object
        .get(&["spec", "conversion"])
        .is_none_or(Value::is_null)
    {
        object.set(&["spec", "conversion"], json!({"strategy": "None"}));
    }
    let service = ["spec", "conversion", "webhook", "clientConfig", "service"];
    if let Some(Value::Object(service)) = object.get_mut(&service) {
        service.entry("port").or_insert_with(|| 443.into());
    }
    if object.items(&["status", "storedVersions"]).is_empty() {
        let versions = object.items(&["spec", "versions"]).iter();
        let stored = versions
            .filter(|version| version["storage"] == true)
            .map(|version| version["name"].clone())
            .next();
        if let Some(name) = stored {
            object.set(&["status", "storedVersions"], json!([name]));
        }
    }
    let Some(Value::Array(versions)) = object.get_mut(&["spec", "versions"]) else {
        return;
    };
    for version in versions {
        if let Some(Value::Object(schema)) = version
            .get_mut("schema")
            .and_then(|schema| schema.get_mut("openAPIV3Schema"))
        {
            document(schema);
        }
    }
}

/// The parts of a document that may be a schema or something else, each at any depth.
fn document(source: &mut Map<String, Value>) {
    for (name, value) in source {
        match (name.as_str(), value) {
            ("items" | "additionalProperties" | "additionalItems", part @ Value::Object(_)) => {
                known(part);
                inside(part);
            }
            ("items" | "additionalProperties" | "additionalItems", Value::Array(parts)) => {
                for part in parts {
                    known(part);
                    inside(part);
                }
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => parts.iter_mut().for_each(inside),
            ("not", part) => inside(part),
            ("properties" | "patternProperties" | "definitions", Value::Object(parts)) => {
                parts.values_mut().for_each(inside);
            }
            _ => {}
        }
    }
}

fn inside(part: &mut Value) {
    if let Value::Object(part) = part {
        document(part);
    }
}

/// Drops what is no keyword.
fn known(part: &mut Value) {
    if let Some(schema) = tables::component(DOCUMENT) {
        normalise::apply_value(part, &schema);
    }
}

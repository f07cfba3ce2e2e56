//! The OpenAPI v2 document, made from the v3 documents of what is served.
//!
//! Differs: parameters stand where they are used; the real server shares them by reference.
//! *Upstream:* `kube-openapi/pkg/builder`, `kube-openapi/pkg/schemaconv`.

use serde_json::{Map, Value, json};

use super::custom::{self, Form};
use super::documents::BuiltIn;
use crate::schema::catalog::State;

/// Media types in the order the server lists them.
const TYPES: [&str; 10] = [
    "text/plain",
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];

/// The whole document.
pub(super) fn document(state: &State) -> Value {
    let mut paths = Map::new();
    let mut definitions = Map::new();
    for document in BuiltIn::all().filter(|document| super::is_served(state, document.path())) {
        let mut document = document.value();
        add_paths(document["paths"].take(), false, &mut paths);
        if let Value::Object(schemas) = document["components"]["schemas"].take() {
            definitions.extend(schemas.into_iter().map(|(name, one)| (name, schema(one))));
        }
    }
    for group_version in super::custom_versions(state) {
        let Some(mut document) = custom::document(state, &group_version) else {
            continue;
        };
        add_paths(document["paths"].take(), true, &mut paths);
        for (resource, custom) in custom::resources(state, &group_version) {
            custom::add_components(resource, custom, Form::V2, &mut definitions);
        }
    }
    for kind in ["DeleteOptions", "WatchEvent"] {
        let name = format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}");
        let kinds = custom::option_kinds(&name, Form::V2);
        definitions[&name]["x-kubernetes-group-version-kind"] = kinds;
    }
    let token = json!({ "type": "apiKey", "name": "authorization", "in": "header" });
    json!({
        "swagger": "2.0",
        "info": { "title": "Kubernetes", "version": "1.37" },
        "paths": paths,
        "definitions": definitions,
        "securityDefinitions": { "BearerToken": token },
        "security": [{ "BearerToken": [] }],
    })
}

fn add_paths(from: Value, is_custom: bool, into: &mut Map<String, Value>) {
    let Value::Object(paths) = from else { return };
    for (path, item) in paths {
        let Value::Object(item) = item else { continue };
        let item = item.into_iter().map(|(key, value)| {
            let value = if key == "parameters" {
                parameters(value)
            } else {
                operation(&path, value, is_custom)
            };
            (key, value)
        });
        let item: Map<String, Value> = item.collect();
        // The documents of a group and of its versions both describe the path of the group.
        into.insert(path, Value::Object(item));
    }
}

fn operation(path: &str, mut operation: Value, is_custom: bool) -> Value {
    let produces = match operation.pointer("/responses/200/content") {
        Some(Value::Object(content)) => media_types(content),
        _ => Vec::new(),
    };
    let consumes = match operation.pointer("/requestBody/content") {
        Some(Value::Object(content)) => media_types(content),
        _ if is_custom => vec![TYPES[1], TYPES[2]],
        // Discovery takes what it gives.
        _ if ["/api", "/version"]
            .iter()
            .any(|root| path.starts_with(root))
            && path.ends_with('/') =>
        {
            produces.clone()
        }
        _ if path.ends_with('/') => Vec::new(),
        _ => vec!["*/*"],
    };
    let mut entries = Vec::new();
    if let Some(mut body) = operation.get_mut("requestBody").map(Value::take) {
        let schema = body["content"].as_object_mut().and_then(|content| {
            content
                .values_mut()
                .next()
                .map(|media| schema(media["schema"].take()))
        });
        let mut parameter = json!({ "name": "body", "in": "body", "schema": schema });
        if body["required"] == Value::Bool(true) {
            parameter["required"] = Value::Bool(true);
        }
        entries.push(parameter);
    }
    if let Value::Array(rest) = parameters(operation["parameters"].take()) {
        entries.extend(rest);
    }
    let responses = responses(operation["responses"].take());
    let Value::Object(mut out) = operation else {
        return Value::Null;
    };
    out.remove("requestBody");
    out.insert("produces".to_owned(), json!(produces));
    if !consumes.is_empty() {
        out.insert("consumes".to_owned(), json!(consumes));
    }
    out.insert("schemes".to_owned(), json!(["https"]));
    out.insert("responses".to_owned(), responses);
    if entries.is_empty() {
        out.remove("parameters");
    } else {
        out.insert("parameters".to_owned(), Value::Array(entries));
    }
    Value::Object(out)
}

/// The keys of a map of media types, in the server's order; others after them.
fn media_types(content: &Map<String, Value>) -> Vec<&'static str> {
    let known = TYPES.into_iter().chain(["application/jwk-set+json", "*/*"]);
    known.filter(|kind| content.contains_key(*kind)).collect()
}

fn responses(value: Value) -> Value {
    let Value::Object(responses) = value else {
        return Value::Null;
    };
    let responses = responses.into_iter().map(|(code, mut response)| {
        let mut out = json!({ "description": response["description"].take() });
        if let Some(Value::Object(mut content)) = response.get_mut("content").map(Value::take)
            && let Some(media) = content.values_mut().next()
        {
            out["schema"] = schema(media["schema"].take());
        }
        (code, out)
    });
    Value::Object(responses.collect())
}

fn parameters(value: Value) -> Value {
    let Value::Array(parameters) = value else {
        return Value::Null;
    };
    let parameters = parameters.into_iter().map(|mut parameter| {
        if let Some(Value::Object(schema)) = parameter.get_mut("schema").map(Value::take)
            && let Value::Object(parameter) = &mut parameter
        {
            parameter.remove("schema");
            parameter.extend(schema);
        }
        parameter
    });
    parameters.collect()
}

/// A v3 schema as v2 says it.
fn schema(value: Value) -> Value {
    let Value::Object(map) = value else {
        return value;
    };
    let mut out = Map::new();
    for (key, value) in map {
        match (key.as_str(), value) {
            ("default" | "nullable", _) => {}
            // A reference that had to be wrapped to have keywords beside it.
            ("allOf", Value::Array(mut one)) if one.len() == 1 => {
                if let Value::Object(inner) = schema(one.remove(0)) {
                    out.extend(inner);
                }
            }
            // `Quantity` and `IntOrString`.
            ("oneOf", _) => {
                out.insert("type".to_owned(), "string".into());
            }
            ("$ref", Value::String(reference)) => {
                let reference = reference.replace("#/components/schemas/", "#/definitions/");
                out.insert(key, Value::String(reference));
            }
            ("properties", Value::Object(properties)) => {
                let entries = properties
                    .into_iter()
                    .map(|(name, one)| (name, schema(one)));
                out.insert(key, Value::Object(entries.collect()));
            }
            ("items" | "additionalProperties", value) => {
                out.insert(key, schema(value));
            }
            (_, value) => {
                out.insert(key, value);
            }
        }
    }
    Value::Object(out)
}

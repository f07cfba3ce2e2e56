//! The OpenAPI v3 documents.
//!
//! The `openapiv3` crate reads them; it drops what it does not know, so the keywords of every
//! schema and operation are compared with the lists below first.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

const SCHEMA: &[&str] = &[
    "$ref",
    "additionalProperties",
    "allOf",
    "default",
    "enum",
    "format",
    "items",
    "oneOf",
    "properties",
    "required",
    "type",
    "x-kubernetes-group-version-kind",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-unions",
];
const OPERATION: &[&str] = &[
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "tags",
    "x-kubernetes-action",
    "x-kubernetes-group-version-kind",
];
const VERBS: &[&str] = &["delete", "get", "head", "options", "patch", "post", "put"];

/// A group, a version and a kind.
pub type Kind = (String, String, String);

/// What the documents say, taken together.
#[derive(Default)]
pub struct Documents {
    /// Component name → schema.
    pub schemas: BTreeMap<String, openapiv3::Schema>,
    /// The kind of a resource → the component that its list operation answers with.
    pub lists: BTreeMap<Kind, String>,
}

impl Documents {
    /// Reads every `*.json` of a folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            files.push(entry?.path());
        }
        files.sort();
        let mut documents = Self::default();
        let mut seen: BTreeMap<String, Value> = BTreeMap::new();
        for file in files {
            let text = std::fs::read_to_string(&file)?;
            let document: Value = serde_json::from_str(&text)?;
            documents
                .add(&document, &mut seen)
                .with_context(|| file.display().to_string())?;
        }
        Ok(documents)
    }

    fn add(&mut self, document: &Value, seen: &mut BTreeMap<String, Value>) -> Result<()> {
        if let Some(schemas) = document
            .pointer("/components/schemas")
            .and_then(Value::as_object)
        {
            for (name, schema) in schemas {
                // Documents repeat each other's components; the kinds they list differ.
                if seen.get(name) == Some(schema) {
                    continue;
                }
                check_schema(schema).with_context(|| name.clone())?;
                let mut read: openapiv3::Schema =
                    serde_json::from_value(schema.clone()).with_context(|| name.clone())?;
                if let Some(before) = self.schemas.get(name) {
                    merge_kinds(before, &mut read);
                }
                self.schemas.insert(name.clone(), read);
                seen.insert(name.clone(), schema.clone());
            }
        }
        let Some(paths) = document["paths"].as_object() else {
            return Ok(());
        };
        for (path, item) in paths {
            let item = item.as_object().context("a path that is no object")?;
            for (verb, operation) in item {
                if verb == "parameters" {
                    continue;
                }
                ensure!(
                    VERBS.contains(&verb.as_str()),
                    "unknown keyword {verb} at {path}"
                );
                let operation = operation
                    .as_object()
                    .context("an operation that is no object")?;
                known(operation, OPERATION).with_context(|| format!("{verb} {path}"))?;
                self.note_list(operation);
            }
        }
        Ok(())
    }

    fn note_list(&mut self, operation: &Map<String, Value>) {
        if operation.get("x-kubernetes-action").and_then(Value::as_str) != Some("list") {
            return;
        }
        let operation = Value::Object(operation.clone());
        let answer = "/responses/200/content/application~1json/schema/$ref";
        if let (Some(kind), Some(answer)) = (
            operation
                .get("x-kubernetes-group-version-kind")
                .and_then(kind),
            operation.pointer(answer).and_then(Value::as_str),
        ) {
            self.lists.insert(kind, component(answer).to_owned());
        }
    }
}

/// The kinds a component stands for.
pub fn kinds(schema: &openapiv3::Schema) -> Vec<Kind> {
    let entries = schema
        .schema_data
        .extensions
        .get("x-kubernetes-group-version-kind");
    entries
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(kind)
        .collect()
}

/// `#/components/schemas/X` → `X`.
pub fn component(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

fn kind(value: &Value) -> Option<Kind> {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    Some((text("group")?, text("version")?, text("kind")?))
}

fn merge_kinds(before: &openapiv3::Schema, into: &mut openapiv3::Schema) {
    let key = "x-kubernetes-group-version-kind";
    let before = before
        .schema_data
        .extensions
        .get(key)
        .and_then(Value::as_array);
    let after = into
        .schema_data
        .extensions
        .get_mut(key)
        .and_then(Value::as_array_mut);
    if let (Some(before), Some(after)) = (before, after) {
        for entry in before {
            if !after.contains(entry) {
                after.push(entry.clone());
            }
        }
    }
}

fn known(map: &Map<String, Value>, list: &[&str]) -> Result<()> {
    for key in map.keys() {
        ensure!(
            list.contains(&key.as_str()),
            "unknown keyword {key}: codegen/src/spec/openapi.rs"
        );
    }
    Ok(())
}

fn check_schema(schema: &Value) -> Result<()> {
    let map = schema.as_object().context("a schema that is no object")?;
    known(map, SCHEMA)?;
    if let Some(properties) = map.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            check_schema(property).with_context(|| name.clone())?;
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get(key).filter(|inner| inner.is_object()) {
            check_schema(inner).with_context(|| key.to_owned())?;
        }
    }
    for key in ["allOf", "oneOf"] {
        for inner in map.get(key).and_then(Value::as_array).into_iter().flatten() {
            check_schema(inner).with_context(|| key.to_owned())?;
        }
    }
    Ok(())
}

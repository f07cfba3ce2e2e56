//! The OpenAPI v3 documents without their prose, as a default server publishes them.
//!
//! The documents in the source tree are made with other features than a default server has:
//! without `OpenAPIEnums` (the values come from the Go source that both are generated from,
//! `enums.rs`), with CBOR (left out here), and with a placeholder for the version.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::enums::Enums;
use super::modules::{self, Modules};
use super::print;
use super::source::Output;
use crate::version::Version;

const FOLDER: &str = "k8s.io/kubernetes/api/openapi-spec/v3";

/// What the documents brought.
pub(super) struct Documents {
    /// File name → text to write.
    pub(super) files: BTreeMap<String, String>,
    /// The names of all schemas in all documents.
    pub(super) schemas: BTreeSet<String>,
}

/// Reads every document, strips it and puts the enumerations in.
pub(super) fn read(modules: &Modules, version: &Version, output: &mut Output) -> Result<Documents> {
    let mut enums = Enums::read(modules, output)?;
    let mut documents = Documents {
        files: BTreeMap::new(),
        schemas: BTreeSet::new(),
    };
    for file in modules::files(&modules.locate(FOLDER)?, |name| {
        modules::has_extension(name, "json")
    })? {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = output.read(modules, &format!("{FOLDER}/{name}"))?;
        let mut document: Value = serde_json::from_str(&text).with_context(|| name.clone())?;
        strip(&mut document);
        document["info"]["version"] = Value::from(version.folder.trim_start_matches('v'));
        if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
            for (schema, value) in schemas {
                documents.schemas.insert(schema.clone());
                enums
                    .apply(schema, value)
                    .with_context(|| format!("enum of {schema}"))?;
            }
        }
        let short = name.replace("_openapi.json", ".json");
        documents.files.insert(short, print::open(&document, 3));
    }
    ensure!(!documents.schemas.is_empty(), "no schemas in {FOLDER}");
    enums.all_applied(&documents.schemas)?;
    Ok(documents)
}

/// Removes CBOR and descriptions: a key `description` that holds text (a property holds a schema).
fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("description").is_some_and(Value::is_string) {
                map.remove("description");
            }
            map.retain(|key, _| !(key.starts_with("application/") && key.contains("cbor")));
            map.values_mut().for_each(strip);
        }
        Value::Array(entries) => entries.iter_mut().for_each(strip),
        _ => {}
    }
}

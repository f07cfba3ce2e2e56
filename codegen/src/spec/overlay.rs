//! `openapi/overlay/`: facts that upstream has only in Go, written by hand, each with its source.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// All files.
#[derive(Default)]
pub struct Overlay {
    /// Constant defaults, by schema.
    pub defaults: Vec<Defaults>,
    /// What is refused.
    pub unsupported: Vec<Unsupported>,
    /// What has no rules beyond its schema.
    pub schema_alone: Vec<Unsupported>,
}

/// The defaults of one schema that one Go function sets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// The component.
    pub schema: String,
    /// The Go function that sets them.
    pub source: String,
    /// Field → value.
    pub set: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DefaultsFile {
    #[serde(default)]
    defaults: Vec<Defaults>,
}

/// A resource or subresource with a reason: why it is refused, or why its schema says all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsupported {
    /// The group; empty for core.
    #[serde(default)]
    pub group: String,
    /// `pods/exec`.
    pub resource: String,
    /// Said to the client, or to who reads the coverage.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnsupportedFile {
    #[serde(default)]
    refused: Vec<Unsupported>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaAloneFile {
    #[serde(default)]
    alone: Vec<Unsupported>,
}

impl Overlay {
    /// Reads all files.
    pub fn read(folder: &Path) -> Result<Self> {
        let unsupported: UnsupportedFile = toml(&folder.join("unsupported.toml"))?;
        let defaults: DefaultsFile = toml(&folder.join("defaults.toml"))?;
        let schema_alone: SchemaAloneFile = toml(&folder.join("schema-alone.toml"))?;
        Ok(Self {
            defaults: defaults.defaults,
            unsupported: unsupported.refused,
            schema_alone: schema_alone.alone,
        })
    }
}

fn toml<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    toml::from_str(&text).with_context(|| file.display().to_string())
}

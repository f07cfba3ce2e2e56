//! `openapi/overlay/`: facts that upstream has only in Go, written by hand, each with its source.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Both files.
#[derive(Default)]
pub struct Overlay {
    /// Schema name → field → default.
    pub defaults: BTreeMap<String, BTreeMap<String, Default_>>,
    /// What is refused.
    pub unsupported: Vec<Unsupported>,
}

/// One default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Default_ {
    /// The value.
    pub value: serde_json::Value,
    /// The Go function that sets it.
    pub source: String,
}

/// One refused resource or subresource.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsupported {
    /// The group; empty for core.
    #[serde(default)]
    pub group: String,
    /// `pods/exec`.
    pub resource: String,
    /// Said to the client.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnsupportedFile {
    #[serde(default)]
    refused: Vec<Unsupported>,
}

impl Overlay {
    /// Reads both files.
    pub fn read(folder: &Path) -> Result<Self> {
        let unsupported: UnsupportedFile = toml(&folder.join("unsupported.toml"))?;
        Ok(Self {
            defaults: toml(&folder.join("defaults.toml"))?,
            unsupported: unsupported.refused,
        })
    }
}

fn toml<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    toml::from_str(&text).with_context(|| file.display().to_string())
}

//! The inputs as they are written: an unknown keyword is an error, so nothing is lost in silence.

pub mod columns;
pub mod discovery;
pub mod go_fields;
pub mod openapi;
pub mod overlay;
pub mod protobuf;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

/// Every fact about one Kubernetes version.
pub struct Facts {
    /// The OpenAPI documents.
    pub openapi: openapi::Documents,
    /// Discovery, priorities, what is served by default.
    pub discovery: discovery::Discovery,
    /// What Go's encoder does with each field.
    pub go: go_fields::GoFields,
    /// How Go prints structs: name, then a text for each field.
    pub structs: BTreeMap<String, Vec<String>>,
    /// What a pod template is made of in Go: type, then a text for each field.
    pub dumps: BTreeMap<String, Vec<String>>,
    /// The columns of Tables.
    pub columns: columns::Columns,
    /// What the server says of every custom resource: section, name, text.
    pub custom: BTreeMap<String, BTreeMap<String, String>>,
    /// Message and field numbers.
    pub protobuf: protobuf::Protobuf,
    /// Facts written by hand.
    pub overlay: overlay::Overlay,
}

/// Reads `openapi/<version>/` and `openapi/overlay/`.
pub fn read(openapi: &Path, version: &str) -> Result<Facts> {
    let folder = openapi.join(version);
    Ok(Facts {
        openapi: openapi::Documents::read(&folder.join("openapi-v3"))?,
        discovery: json(&folder.join("discovery.json"))?,
        go: json(&folder.join("go-fields.json"))?,
        structs: json(&folder.join("go-structs.json"))?,
        dumps: json(&folder.join("go-dumps.json"))?,
        columns: json(&folder.join("columns.json"))?,
        custom: json(&folder.join("custom-resources.json"))?,
        protobuf: json(&folder.join("protobuf.json"))?,
        overlay: overlay::Overlay::read(&openapi.join("overlay"))?,
    })
}

fn json<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    serde_json::from_str(&text).with_context(|| file.display().to_string())
}

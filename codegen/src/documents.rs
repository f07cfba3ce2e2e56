//! The OpenAPI v3 documents as they are served: compact, compressed one by one, with their hashes.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use sha2::{Digest, Sha512};

/// All documents one after the other, and the rows that say where each is.
pub struct Packed {
    /// Rust source: an array of (path, hash, start, end).
    pub rows: String,
    /// gzip members, not meant to be read as one.
    pub bytes: Vec<u8>,
}

/// Packs every document of a version.
pub fn pack(folder: &Path) -> Result<Packed> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        files.push(entry?.path());
    }
    files.sort();
    let mut packed = Packed {
        rows: "&[\n".to_owned(),
        bytes: Vec::new(),
    };
    for file in files {
        let stem = file
            .file_stem()
            .context("a document without a name")?
            .to_string_lossy();
        let text = std::fs::read_to_string(&file)?;
        let mut document: Value =
            serde_json::from_str(&text).with_context(|| file.display().to_string())?;
        describe_responses(&mut document);
        let text = document.to_string();
        let hash = Sha512::digest(&text);
        let start = packed.bytes.len();
        let mut encoder = GzEncoder::new(&mut packed.bytes, Compression::best());
        encoder.write_all(text.as_bytes())?;
        encoder.finish()?;
        let path = stem.replace("__", "/");
        let row = format!(
            "    (\"{path}\", \"{hash:X}\", {start}, {}),\n",
            packed.bytes.len()
        );
        packed.rows.push_str(&row);
    }
    packed.rows.push_str("]\n");
    Ok(packed)
}

/// The OpenAPI specification demands a description of every response; the server gives the phrase
/// that goes with the status code.
fn describe_responses(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else {
        return;
    };
    let operations = paths
        .values_mut()
        .filter_map(Value::as_object_mut)
        .flat_map(|item| {
            item.values_mut()
                .filter_map(|operation| operation.get_mut("responses"))
        });
    for (code, response) in operations.filter_map(Value::as_object_mut).flatten() {
        let phrase = match code.as_str() {
            "200" => "OK",
            "201" => "Created",
            "202" => "Accepted",
            "401" => "Unauthorized",
            _ => "",
        };
        response["description"] = Value::from(phrase);
    }
}

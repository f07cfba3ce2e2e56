//! What was read and what was written, with checksums: `SOURCE.toml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::modules::Modules;
use crate::version::Version;

/// The folder being written, and the checksums gathered on the way.
pub(super) struct Output {
    folder: PathBuf,
    read: BTreeMap<String, String>,
    written: BTreeMap<String, String>,
}

impl Output {
    /// Nothing read and nothing written yet.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            read: BTreeMap::new(),
            written: BTreeMap::new(),
        }
    }

    /// Reads a source file, recording it under its import path.
    pub(super) fn read(&mut self, modules: &Modules, path: &str) -> Result<String> {
        let file = modules.locate(path)?;
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        self.read.insert(path.to_owned(), checksum(text.as_bytes()));
        Ok(text)
    }

    /// Writes a fact file below the version's folder.
    pub(super) fn write(&mut self, name: &str, text: &str) -> Result<()> {
        let file = self.folder.join(name);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&file, text).with_context(|| file.display().to_string())?;
        self.written
            .insert(name.to_owned(), checksum(text.as_bytes()));
        Ok(())
    }

    /// Removes facts of an earlier run that this one no longer wrote, then writes `SOURCE.toml`.
    pub(super) fn finish(self, version: &Version, modules: &Modules) -> Result<()> {
        remove_strays(&self.folder.join("openapi-v3"), &self.written)?;
        let mut text = format!(
            "# Written by `cargo codegen vendor {}`. Checksums are SHA-256.\n",
            version.release
        );
        for module in &modules.0 {
            write!(
                text,
                "\n[[module]]\npath = \"{}\"\nversion = \"{}\"\nsum = \"{}\"\n",
                module.path, module.version, module.sum
            )?;
        }
        for (title, entries) in [("read", &self.read), ("written", &self.written)] {
            write!(text, "\n[{title}]\n")?;
            for (name, sum) in entries {
                writeln!(text, "\"{name}\" = \"{sum}\"")?;
            }
        }
        std::fs::write(self.folder.join("SOURCE.toml"), text)?;
        Ok(())
    }
}

fn remove_strays(folder: &Path, written: &BTreeMap<String, String>) -> Result<()> {
    for file in super::modules::files(folder, |_| true)? {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !written.contains_key(&format!("openapi-v3/{name}")) {
            std::fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// The SHA-256 of bytes, in hexadecimal.
pub(crate) fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

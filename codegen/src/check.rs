//! Whether the facts are whole: every file as vendored, tables made of them, coverage up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::report;
use crate::vendor::checksum;
use crate::version::VERSIONS;

/// `SOURCE.toml`.
#[derive(Deserialize)]
struct Source {
    written: BTreeMap<String, String>,
}

/// Checks every version below `openapi/`.
pub fn check(openapi: &Path) -> Result<()> {
    for version in VERSIONS {
        let folder = openapi.join(version.folder);
        checksums(&folder).with_context(|| version.folder.to_owned())?;
        crate::generate(openapi, version.folder)?;
    }
    let Some(latest) = VERSIONS.last() else {
        bail!("no versions")
    };
    let model = crate::model(openapi, latest.folder)?;
    let written = std::fs::read_to_string(openapi.join("COVERAGE.md")).unwrap_or_default();
    let expected = report::coverage(&model, latest.folder.trim_start_matches('v'));
    ensure!(
        written == expected,
        "openapi/COVERAGE.md is stale: run `cargo codegen report`"
    );
    Ok(())
}

/// Compares every fact file with its checksum, and the files with the list.
fn checksums(folder: &Path) -> Result<()> {
    let text = std::fs::read_to_string(folder.join("SOURCE.toml")).context("SOURCE.toml")?;
    let source: Source = toml::from_str(&text).context("SOURCE.toml")?;
    for (name, expected) in &source.written {
        let bytes = std::fs::read(folder.join(name)).with_context(|| name.clone())?;
        ensure!(
            checksum(&bytes) == *expected,
            "{name} was edited by hand: vendor it again"
        );
    }
    let mut found = BTreeSet::new();
    for (prefix, folder) in [
        ("", folder.to_owned()),
        ("openapi-v3/", folder.join("openapi-v3")),
    ] {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_file() {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                found.insert(format!("{prefix}{name}"));
            }
        }
    }
    found.remove("SOURCE.toml");
    for name in found {
        ensure!(
            source.written.contains_key(&name),
            "{name} is not in SOURCE.toml"
        );
    }
    Ok(())
}

//! The Go modules of a release, as folders on this machine.
//!
//! *Invariant:* the only place that starts a process. `go mod download` verifies what it fetches.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::version::Version;

/// One downloaded module.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Module {
    /// The import path, `k8s.io/api`.
    pub(super) path: String,
    /// The module's version, `v0.37.0`.
    pub(super) version: String,
    /// The checksum Go keeps in `go.sum`.
    pub(super) sum: String,
    dir: PathBuf,
}

/// Every module the facts come from.
pub(super) struct Modules(pub(super) Vec<Module>);

impl Modules {
    /// The release's minor version: 37 of v1.37.0.
    pub(super) fn minor(&self) -> Result<u32> {
        let version = self.0.first().context("no modules")?.version.as_str();
        let minor = version
            .split('.')
            .nth(1)
            .context("a release is v1.minor.patch")?;
        minor.parse().context("a release is v1.minor.patch")
    }

    /// The folder of a file or package given by its import path.
    pub(super) fn locate(&self, path: &str) -> Result<PathBuf> {
        for module in &self.0 {
            if let Some(rest) = path.strip_prefix(module.path.as_str())
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return Ok(module.dir.join(rest.trim_start_matches('/')));
            }
        }
        bail!("no vendored module holds {path}")
    }
}

/// Downloads (or finds in the module cache) the six modules of a release.
pub(super) fn download(version: &Version) -> Result<Modules> {
    let published = [
        "k8s.io/api",
        "k8s.io/apimachinery",
        "k8s.io/apiserver",
        "k8s.io/apiextensions-apiserver",
        "k8s.io/kube-aggregator",
    ];
    let mut modules = vec![fetch("k8s.io/kubernetes", version.release)?];
    for path in published {
        modules.push(fetch(path, version.staging)?);
    }
    Ok(Modules(modules))
}

fn fetch(path: &str, version: &str) -> Result<Module> {
    let output = Command::new("go")
        .args(["mod", "download", "-json", &format!("{path}@{version}")])
        .current_dir(std::env::temp_dir())
        .output()
        .context("vendoring needs the `go` tool to download modules; it was not found")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "go mod download {path}@{version}: {text}"
    );
    let module: Module = serde_json::from_str(&text).context("the answer of go mod download")?;
    ensure!(
        module.dir.is_dir(),
        "{} is not a folder",
        module.dir.display()
    );
    Ok(module)
}

/// The files of a folder whose names pass, sorted.
pub(super) fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        if path.is_file() && name.as_deref().is_some_and(&wanted) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a file's name has this extension.
pub(super) fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|found| found == extension)
}

//! The definitions of well-known operators, as cases for the tests: `tests/cases/crds/`.
//!
//! *Invariant:* only facts leave this folder: descriptions, titles, examples and annotations are
//! dropped on the way, but for the annotation that the API server itself reads.
//! *Upstream:* the Go modules in [`FAMILIES`].

mod strip;
mod yaml;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::modules::{files, has_extension};
use super::source::checksum;

/// Where the definitions of one family come from.
struct Family {
    /// The folder below `tests/cases/crds/`.
    name: &'static str,
    module: &'static str,
    version: &'static str,
    /// The folder of the module with the definitions.
    folder: &'static str,
    /// Definitions that are left out, since another of their family has the same schema.
    without: &'static [&'static str],
}

/// Every family, by name.
const FAMILIES: [Family; 11] = [
    Family {
        name: "argo-cd",
        module: "github.com/argoproj/argo-cd/v3",
        version: "v3.6.1",
        folder: "manifests/crds",
        without: &[],
    },
    Family {
        name: "cert-manager",
        module: "github.com/cert-manager/cert-manager",
        version: "v1.21.2",
        folder: "deploy/crds",
        without: &["clusterissuers"],
    },
    Family {
        name: "cluster-api",
        module: "sigs.k8s.io/cluster-api",
        version: "v1.14.2",
        folder: "core/config/crd/bases",
        without: &[],
    },
    Family {
        name: "crossplane",
        module: "github.com/crossplane-contrib/provider-kubernetes",
        version: "v1.4.1",
        folder: "package/crds",
        without: &[],
    },
    Family {
        name: "external-secrets",
        module: "github.com/external-secrets/external-secrets",
        version: "v1.3.2",
        folder: "config/crds/bases",
        without: &["clustersecretstores"],
    },
    Family {
        name: "gateway-api-experimental",
        module: "sigs.k8s.io/gateway-api",
        version: "v1.7.0",
        folder: "config/crd/experimental",
        without: &[],
    },
    Family {
        name: "gateway-api-standard",
        module: "sigs.k8s.io/gateway-api",
        version: "v1.7.0",
        folder: "config/crd/standard",
        without: &[],
    },
    Family {
        name: "istio",
        module: "istio.io/api",
        version: "v1.31.1",
        folder: "kubernetes",
        without: &[],
    },
    Family {
        name: "keda",
        module: "github.com/kedacore/keda/v2",
        version: "v2.21.0",
        folder: "config/crd/bases",
        without: &[],
    },
    Family {
        name: "knative",
        module: "knative.dev/serving",
        version: "v0.51.0",
        folder: "config/core/300-resources",
        without: &[],
    },
    Family {
        name: "prometheus-operator",
        module: "github.com/prometheus-operator/prometheus-operator",
        version: "v0.85.0",
        folder: "example/prometheus-operator-crd",
        without: &[],
    },
];

/// What `go mod download` says of a module.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Downloaded {
    zip: PathBuf,
    sum: String,
}

/// Writes `definitions.jsonl` of every family below `cases`, and `SOURCE.toml`.
pub fn vendor(cases: &Path) -> Result<()> {
    let mut source = "# Written by `cargo codegen crds`. Checksums are SHA-256.\n".to_owned();
    for family in &FAMILIES {
        let (folder, sum) = download(family).context(family.name)?;
        let definitions = read(&folder.join(family.folder), family).context(family.name)?;
        ensure!(!definitions.is_empty(), "{} has none", family.name);
        let text = definitions.join("\n") + "\n";
        let into = cases.join(family.name);
        std::fs::create_dir_all(&into)?;
        std::fs::write(into.join("definitions.jsonl"), &text)?;
        write!(
            source,
            "\n[[family]]\nname = \"{}\"\nmodule = \"{}\"\nversion = \"{}\"\nsum = \"{sum}\"\n\
             folder = \"{}\"\nwritten = \"{}\"\n",
            family.name,
            family.module,
            family.version,
            family.folder,
            checksum(text.as_bytes())
        )?;
    }
    std::fs::write(cases.join("SOURCE.toml"), source)?;
    Ok(())
}

/// The folder of a module and its checksum in `go.sum`.
///
/// A module that wants a newer Go is brought and verified all the same: nothing of it is compiled.
fn download(family: &Family) -> Result<(PathBuf, String)> {
    let wanted = format!("{}@{}", family.module, family.version);
    let output = Command::new("go")
        .args(["mod", "download", "-json", &wanted])
        .current_dir(std::env::temp_dir())
        .output()
        .context("this needs the `go` tool to download modules; it was not found")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let module: Downloaded = serde_json::from_str(&text).with_context(|| text.to_string())?;
    let zip = module.zip.display().to_string();
    let (cache, below) = zip
        .split_once("/cache/download/")
        .with_context(|| zip.clone())?;
    let (path, _) = below.split_once("/@v/").with_context(|| zip.clone())?;
    let folder = PathBuf::from(format!("{cache}/{path}@{}", family.version));
    ensure!(
        folder.is_dir(),
        "{} is not a folder: {text}",
        folder.display()
    );
    Ok((folder, module.sum))
}

/// The definitions of a folder, without prose, one a line, by name.
fn read(folder: &Path, family: &Family) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in files(folder, |name| has_extension(name, "yaml"))? {
        let text = std::fs::read_to_string(&file)?;
        let documents = yaml::documents(&text).with_context(|| file.display().to_string())?;
        for document in documents {
            let name = document["metadata"]["name"].as_str().unwrap_or_default();
            let plural = name.split('.').next().unwrap_or_default();
            if document["kind"] == "CustomResourceDefinition" && !family.without.contains(&plural) {
                found.push((name.to_owned(), strip::definition(&document).to_string()));
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, text)| text).collect())
}

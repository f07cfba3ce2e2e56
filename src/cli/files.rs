//! Files that the command line reads and writes.
//!
//! *Invariant:* what is written for one user is readable by that user alone.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Fault;
use crate::object::yaml;

/// The text of a file that a flag names.
#[allow(clippy::disallowed_methods, reason = "the command line reads files")]
pub(super) fn read(flag: &str, path: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|error| unreadable(flag, path, &error))
}

/// A file of the API server's own configuration that a flag names, of a kind in a version known.
pub(super) fn configuration(flag: &str, path: &Path, kind: &str) -> Result<Value, Fault> {
    let text = read(flag, path)?;
    let wrong = |why: String| Fault::usage(format!("{}: {why}", path.display()));
    let document = yaml::first_document(text.as_bytes());
    let file = document.map_err(|error| wrong(error.to_string()))?.value;
    let versions =
        ["v1", "v1beta1", "v1alpha1"].map(|one| format!("apiserver.config.k8s.io/{one}"));
    let is_known = versions.iter().any(|known| file["apiVersion"] == **known);
    if !is_known || file["kind"] != kind {
        let why = format!("expected an apiserver.config.k8s.io/v1 {kind}");
        return Err(wrong(why));
    }
    Ok(file)
}

/// The bytes of a file.
#[allow(clippy::disallowed_methods, reason = "the command line reads files")]
pub(super) fn read_bytes(flag: &str, path: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|error| unreadable(flag, path, &error))
}

/// A file to add to; made where it is not there.
#[allow(clippy::disallowed_methods, reason = "the command line writes files")]
pub(super) fn append(flag: &str, path: &Path) -> Result<std::fs::File, Fault> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Fault::usage(format!("{flag}: cannot write {}: {error}", path.display())))
}

/// A file that a flag names, or the YAML and JSON files of a folder and its folders, in name order;
/// a folder without any is no use.
#[allow(clippy::disallowed_methods, reason = "the command line reads files")]
pub(super) fn manifest_files(flag: &str, path: &Path) -> Result<Vec<PathBuf>, Fault> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = files_below(flag, path)?;
    if files.is_empty() {
        let path = path.display();
        let why = format!("{flag}: no file in {path} ends in .yaml, .yml or .json");
        return Err(Fault::usage(why));
    }
    Ok(files)
}

#[allow(clippy::disallowed_methods, reason = "the command line reads files")]
fn files_below(flag: &str, path: &Path) -> Result<Vec<PathBuf>, Fault> {
    let fault = |error: std::io::Error| unreadable(flag, path, &error);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(fault)? {
        entries.push(entry.map_err(fault)?.path());
    }
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        let extension = entry.extension().and_then(|text| text.to_str());
        if entry.is_dir() {
            files.extend(files_below(flag, &entry)?);
        } else if matches!(extension, Some("yaml" | "yml" | "json")) {
            files.push(entry);
        }
    }
    Ok(files)
}

fn unreadable(flag: &str, path: &Path, error: &std::io::Error) -> Fault {
    let way_out = match error.kind() {
        std::io::ErrorKind::InvalidData => "; expected UTF-8 text",
        std::io::ErrorKind::IsADirectory => "; expected a file",
        _ => "",
    };
    let path = path.display();
    Fault::usage(format!("{flag}: cannot read {path}: {error}{way_out}"))
}

/// The kubeconfig on disk; one that nobody asked for goes with the cluster.
pub(super) struct Kubeconfig {
    /// Where it is.
    pub(super) path: PathBuf,
    folder: Option<PathBuf>,
}

impl Kubeconfig {
    #[allow(clippy::disallowed_methods, reason = "the command line writes files")]
    pub(super) fn write(asked: Option<&Path>, text: &str) -> Result<Self, Fault> {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
        let (path, folder) = if let Some(path) = asked {
            (path.to_owned(), None)
        } else {
            let name = format!("mockernetes-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            // Left behind by a process of the same id that was killed.
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::DirBuilder::new()
                .mode(0o700)
                .create(&folder)
                .map_err(|error| {
                    Fault::failed(format!("cannot create {}: {error}", folder.display()))
                })?;
            (folder.join("kubeconfig"), Some(folder))
        };
        let write = || -> std::io::Result<()> {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&path)?;
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())
        };
        write().map_err(|error| {
            let path = path.display();
            Fault::failed(format!(
                "--kubeconfig: cannot write {path}: {error}; name a file in a folder that exists"
            ))
        })?;
        Ok(Self { path, folder })
    }
}

impl Drop for Kubeconfig {
    #[allow(
        clippy::disallowed_methods,
        reason = "the command line removes what it wrote"
    )]
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

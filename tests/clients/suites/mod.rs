//! Suites that other projects wrote for a real `kube-apiserver` and `etcd`, unmodified, against the
//! binary under those names.
//!
//! They take minutes, so only where `MOCKERNETES_SUITES=1`. Where `MOCKERNETES_REFERENCE_ASSETS`
//! names a folder with the real programs, they run on those as well, test is held against test,
//! and the tables show both. `MOCKERNETES_BINARY` names another binary than the one just built: one
//! that is optimised, where times are to be shown.

mod controller_runtime;
mod environments;
mod kubebuilder;
mod outcome;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{binary, has, scratch, succeed};

/// controller-runtime, by the version whose figures are shown.
const CONTROLLER_RUNTIME: &str = "sigs.k8s.io/controller-runtime@v0.25.1";

/// Whether suites were asked for, and there is Go to run them.
fn is_asked() -> bool {
    let is_asked = std::env::var("MOCKERNETES_SUITES").is_ok_and(|value| value == "1");
    if !is_asked {
        eprintln!("skipped: suites run where MOCKERNETES_SUITES=1");
    }
    is_asked && has("go", &["version"])
}

/// A folder for `KUBEBUILDER_ASSETS`.
fn assets(folder: &Path) -> PathBuf {
    let folder = folder.to_owned();
    succeed(
        Command::new(binary())
            .args(["envtest", "--dir"])
            .arg(&folder),
    );
    folder
}

/// The folder of the real programs, where one is named.
fn reference() -> Option<PathBuf> {
    std::env::var_os("MOCKERNETES_REFERENCE_ASSETS").map(PathBuf::from)
}

/// A module's source in a folder that can be written to.
fn copy_of_module(name: &str, module: &str) -> PathBuf {
    let folder = scratch(name);
    let mut init = Command::new("go");
    succeed(init.args(["mod", "init", "scratch"]).current_dir(&folder));
    let mut download = Command::new("go");
    let download = download.args(["mod", "download", "-json", module]);
    let output = download.current_dir(&folder).output().expect("go runs");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let source = answer["Dir"].as_str().expect("a folder").to_owned();
    let copy = folder.join("copy");
    succeed(Command::new("cp").args(["-r", &source]).arg(&copy));
    succeed(Command::new("chmod").args(["-R", "u+w"]).arg(&copy));
    copy
}

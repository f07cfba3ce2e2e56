//! `kubectl`: the one that is installed.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::Fault;

/// Becomes the `kubectl` that `PATH` leads to.
#[allow(
    clippy::disallowed_methods,
    reason = "a program that stands for another runs it"
)]
pub(super) fn run(arguments: &[String]) -> Result<(), Fault> {
    let found = installed().ok_or_else(|| {
        Fault::failed("no kubectl in PATH: install one, this file only leads to it")
    })?;
    let error = Command::new(&found).args(arguments).exec();
    Err(Fault::failed(format!(
        "cannot run {}: {error}",
        found.display()
    )))
}

/// The first `kubectl` in `PATH` that is not this program.
#[allow(clippy::disallowed_methods, reason = "the command line reads PATH")]
fn installed() -> Option<PathBuf> {
    let own = std::env::current_exe()
        .and_then(|path| path.canonicalize())
        .ok();
    let path = std::env::var_os("PATH")?;
    let is_other = |file: &Path| file.canonicalize().is_ok_and(|file| Some(file) != own);
    std::env::split_paths(&path)
        .map(|folder| folder.join("kubectl"))
        .find(|file| file.is_file() && is_other(file))
}

//! `mockernetes envtest`: a folder that `KUBEBUILDER_ASSETS` may name.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Fault, personality};

/// Flags of `envtest`.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Lay the folder out here [default: in the user's cache, one for each binary]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Lays the folder out and prints its path.
#[allow(clippy::disallowed_methods, reason = "the command line writes files")]
pub(super) fn run(flags: &Flags) -> Result<(), Fault> {
    let own = std::env::current_exe()
        .and_then(|path| path.canonicalize())
        .map_err(|error| Fault::failed(format!("cannot find this program: {error}")))?;
    let folder = match &flags.dir {
        Some(folder) => folder.clone(),
        None => cache(&own)?,
    };
    let failed = |error: std::io::Error| {
        Fault::failed(format!("cannot lay out {}: {error}", folder.display()))
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    for name in personality::names() {
        lead(&folder.join(name), &own).map_err(failed)?;
    }
    let folder = folder.canonicalize().map_err(failed)?;
    // Who closes the pipe has read enough.
    let _ = writeln!(std::io::stdout(), "{}", folder.display());
    Ok(())
}

/// Makes a file lead to this program, in one step: others may be about to start it.
#[allow(clippy::disallowed_methods, reason = "the command line writes files")]
fn lead(file: &Path, own: &Path) -> std::io::Result<()> {
    if std::fs::read_link(file).is_ok_and(|found| found == own) {
        return Ok(());
    }
    let new = file.with_extension(std::process::id().to_string());
    let _ = std::fs::remove_file(&new);
    std::os::unix::fs::symlink(own, &new)?;
    std::fs::rename(new, file)
}

/// The folder of this binary in the user's cache.
#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads the environment"
)]
fn cache(own: &Path) -> Result<PathBuf, Fault> {
    let root = std::env::var_os("XDG_CACHE_HOME")
        .filter(|root| !root.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .ok_or_else(|| Fault::usage("no home folder to lay out in: name one with --dir"))?;
    let mut hasher = DefaultHasher::new();
    own.hash(&mut hasher);
    let name = format!("{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish());
    Ok(root.join("mockernetes").join("envtest").join(name))
}

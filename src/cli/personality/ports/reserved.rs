//! Which ports the process that started this one has just chosen.
//!
//! For each it holds a locked file `kubebuilder-envtest/port-NUMBER` open until it ends, so that
//! its open files name them, and the age of the files says for whom: ports are chosen one by one,
//! each just before the program that is to use it is asked for its flags.
//!
//! *Upstream:* controller-runtime's `pkg/internal/testing/addr/manager.go`.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Chosen;

/// The folder of the locked files.
const FOLDER: &str = "kubebuilder-envtest";
/// What the name of a locked file begins with.
const PREFIX: &str = "port-";

/// The newest of a process's ports, as many as are chosen for a program.
#[allow(
    clippy::disallowed_methods,
    reason = "the open files of whoever started this program, and their age"
)]
pub(super) fn newest(process: u32, chosen: &Chosen) -> Vec<u16> {
    let Ok(open) = std::fs::read_dir(format!("/proc/{process}/fd")) else {
        return Vec::new();
    };
    let now = SystemTime::now();
    let mut found: Vec<(Duration, u16)> = open
        .flatten()
        .filter_map(|entry| {
            let port = port_of(&std::fs::read_link(entry.path()).ok()?)?;
            let made = std::fs::metadata(entry.path()).ok()?.modified().ok()?;
            // Clocks of file systems may be ahead by a tick.
            Some((now.duration_since(made).unwrap_or_default(), port))
        })
        .filter(|(age, _)| *age <= chosen.within)
        .collect();
    found.sort_unstable();
    found.truncate(chosen.count);
    found.into_iter().map(|(_, port)| port).collect()
}

/// The port that a file stands for.
fn port_of(file: &Path) -> Option<u16> {
    let is_there = file.parent()?.file_name()? == FOLDER;
    let name = file.file_name()?.to_str()?;
    name.strip_prefix(PREFIX)?
        .parse()
        .ok()
        .filter(|port| is_there && *port > 0)
}

/// Whether somebody clears away a process whose parent is gone. The first process of a container
/// should, but a Go program there (the tests themselves, or `go test`) only does so for what it
/// started. It is known by the signal with which its runtime interrupts its own threads.
#[allow(
    clippy::disallowed_methods,
    reason = "what the kernel says of a process"
)]
pub(super) fn are_orphans_cleared() -> bool {
    /// `SIGURG`, as a bit of the mask.
    const INTERRUPTS: u64 = 1 << (23 - 1);
    let Ok(status) = std::fs::read_to_string("/proc/1/status") else {
        return false;
    };
    let mut lines = status.lines();
    let caught = lines
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & INTERRUPTS == 0)
}

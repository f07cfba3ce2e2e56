//! Ports that a test suite has chosen for what it is about to start.
//!
//! envtest chooses a port, asks the program for its `--help`, and then asks the port for its health
//! before the program runs: it is refused, and asks again a tenth of a second later. So `--help`
//! leaves a keeper behind, a process that listens on that port and accepts nobody; the program
//! takes the listening socket over, with whoever waits at it.
//!
//! *Invariant:* nothing depends on it. Where anything is not as expected there is no keeper, and a
//! program binds its ports as any other does. A keeper ends by itself within `LIFETIME` or with the
//! tests, keeps no file and none of its parent's streams, and serves its own user only.
//! *Upstream:* controller-runtime's `pkg/internal/testing/{addr,process}` and `pkg/internal/flock`.

#[cfg(target_os = "linux")]
mod keeper;
#[cfg(target_os = "linux")]
mod passing;
#[cfg(target_os = "linux")]
mod reserved;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

#[cfg(target_os = "linux")]
pub(super) use keeper::{NAME as KEEPER, leave_behind, run as keep};

/// How long ports are kept for a program that does not come.
#[cfg(target_os = "linux")]
const LIFETIME: Duration = Duration::from_secs(1);

/// The ports that are chosen for a program just before it is asked for its flags.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "read where ports can be kept")
)]
pub(super) struct Chosen {
    /// The program.
    pub(super) program: &'static str,
    /// How many there are.
    pub(super) count: usize,
    /// How long before, at most.
    pub(super) within: Duration,
}

/// A socket that listens at an address: the one that is kept for it, or a new one.
pub(super) fn listen(address: SocketAddr, chosen: &Chosen) -> io::Result<TcpListener> {
    #[cfg(target_os = "linux")]
    {
        keeper::take(address, chosen.program)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = chosen;
        TcpListener::bind(address)
    }
}

/// Elsewhere the ports of another process are not to be found out.
#[cfg(not(target_os = "linux"))]
pub(super) fn leave_behind(_: &Chosen) {}

/// No name that a process is started under.
#[cfg(not(target_os = "linux"))]
pub(super) const KEEPER: &str = "";

/// Never started.
#[cfg(not(target_os = "linux"))]
pub(super) fn keep(_: &[String]) -> Result<(), crate::cli::Fault> {
    Ok(())
}

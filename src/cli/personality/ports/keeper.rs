//! The keeper: listens where a program is about to, and hands the socket over.

use std::io;
use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::{CommandExt, parent_id};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{Chosen, LIFETIME, passing, reserved};
use crate::cli::Fault;

/// What its process is called.
pub(in crate::cli::personality) const NAME: &str = "mockernetes-port-keeper";

/// Turns it off where it is `off`.
const SWITCH: &str = "MOCKERNETES_PORT_KEEPER";

/// How often a port is asked for that somebody is about to let go of.
const AGAIN: Duration = Duration::from_millis(5);

/// Where the keeper of a port is found.
fn keeper_of(port: u16) -> String {
    format!("port/{port}")
}

/// Where a keeper is found that was left for a program of the process's, whatever it keeps.
fn keeper_for(program: &str, process: u32) -> String {
    format!("for/{process}/{program}")
}

/// Sockets that listen on the chosen ports, and places to ask for them.
struct Kept {
    ports: Vec<(TcpListener, UnixListener)>,
    /// Where one hears that the program came and asked for none of them; the first keeper of
    /// several that a process's environments leave at once.
    program: Option<UnixListener>,
}

impl Kept {
    /// Listens on what nobody else does.
    fn reserve(ports: &[u16], program: &str, process: u32) -> Option<Self> {
        let reserve = |port: &u16| -> io::Result<_> {
            let door = passing::listen(&keeper_of(*port))?;
            Ok((TcpListener::bind((Ipv4Addr::LOCALHOST, *port))?, door))
        };
        let ports: Vec<_> = ports.iter().flat_map(reserve).collect();
        if ports.is_empty() {
            return None;
        }
        let program = passing::listen(&keeper_for(program, process)).ok();
        Some(Self { ports, program })
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let ports = self.ports.iter();
        let pairs = ports.flat_map(|(port, door)| [port.as_fd(), door.as_fd()]);
        let program = self.program.iter().map(AsFd::as_fd);
        pairs.chain(program).collect()
    }

    /// The reverse of `descriptors`.
    fn from_descriptors(descriptors: Vec<OwnedFd>) -> Self {
        let mut kept = Self {
            ports: Vec::new(),
            program: None,
        };
        let mut rest = descriptors.into_iter();
        while let Some(first) = rest.next() {
            match rest.next() {
                Some(door) => kept.ports.push((first.into(), door.into())),
                None => kept.program = Some(first.into()),
            }
        }
        kept
    }

    /// Who asks at one of the doors, and for which port.
    fn asker(&self) -> Option<(UnixStream, Option<&TcpListener>)> {
        let ports = self.ports.iter().map(|(port, door)| (door, Some(port)));
        let all = ports.chain(self.program.iter().map(|door| (door, None)));
        let mut askers = all.filter_map(|(door, port)| {
            let (stream, _) = door.accept().ok()?;
            passing::is_own(&stream).then_some((stream, port))
        });
        askers.next()
    }
}

/// Leaves a keeper behind for the ports that this process's parent has just chosen for a program.
#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads the environment and starts itself again"
)]
pub(in crate::cli::personality) fn leave_behind(chosen: &Chosen) {
    let parent = parent_id();
    let is_off = std::env::var_os(SWITCH).is_some_and(|value| value == "off");
    if is_off || parent <= 1 || io::stdout().is_terminal() {
        return;
    }
    let ports = reserved::newest(parent, chosen);
    if ports.is_empty() || !reserved::are_orphans_cleared() {
        return;
    }
    let Some(kept) = Kept::reserve(&ports, chosen.program, parent) else {
        return;
    };
    let (Ok(own), Ok((near, far))) = (std::env::current_exe(), UnixStream::pair()) else {
        return;
    };
    let started = Command::new(own)
        .arg0(NAME)
        .arg(parent.to_string())
        .stdin(OwnedFd::from(far))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn();
    if started.is_ok() {
        // A keeper that is told nothing ends.
        let _ = passing::send(&near, &kept.descriptors());
    }
}

/// Keeps the ports whose sockets come in by stdin, until they are asked for, or the process that
/// chose them is gone, or time is up.
#[allow(
    clippy::disallowed_methods,
    reason = "a process's own life is not the cluster's time"
)]
pub(in crate::cli::personality) fn run(arguments: &[String]) -> Result<(), Fault> {
    let until = Instant::now() + LIFETIME;
    let failed = |error: io::Error| Fault::failed(format!("cannot keep ports: {error}"));
    let nobody = || Fault::usage("started by other programs of mockernetes only");
    let chooser = arguments.first().and_then(|id| id.parse().ok());
    let chooser = chooser.and_then(Pid::from_raw).ok_or_else(nobody)?;
    let chooser = pidfd_open(chooser, PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
    let kept = Kept::from_descriptors(passing::receive(io::stdin()).map_err(failed)?);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(|_| nobody())?;
        let doors = kept.ports.iter().map(|(_, door)| door);
        let mut waits: Vec<_> = doors
            .chain(&kept.program)
            .map(|door| PollFd::new(door, PollFlags::IN))
            .collect();
        waits.push(PollFd::new(&chooser, PollFlags::IN));
        let woken = poll(&mut waits, Some(&timeout)).map_err(|error| failed(error.into()))?;
        let is_over = |chooser: PollFd<'_>| !chooser.revents().is_empty();
        if woken == 0 || kept.ports.is_empty() || waits.pop().is_some_and(is_over) {
            return Ok(());
        }
        if let Some((asker, port)) = kept.asker() {
            if let Some(port) = port {
                // Who does not take it binds the port when nobody has it: `kept` goes before
                // `asker` hears that this process is done.
                let _ = passing::send(&asker, &[port.as_fd()]);
            }
            drop(kept);
            return Ok(());
        }
    }
}

/// A socket that listens at an address, from its keeper if there is one.
#[allow(
    clippy::disallowed_methods,
    reason = "a process's own life is not the cluster's time"
)]
pub(super) fn take(address: SocketAddr, program: &str) -> io::Result<TcpListener> {
    let Some(keeper) = passing::connect(&keeper_of(address.port())) else {
        // A keeper of other ports is not needed any more.
        passing::connect(&keeper_for(program, parent_id()));
        return TcpListener::bind(address);
    };
    let until = Instant::now() + LIFETIME;
    let _ = keeper.set_read_timeout(Some(LIFETIME));
    let received = passing::receive(&keeper).unwrap_or_default();
    let mut received = received.into_iter().map(TcpListener::from);
    if let Some(listener) = received.next()
        && listener.local_addr().is_ok_and(|found| found == address)
    {
        return Ok(listener);
    }
    drop(received);
    loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                std::thread::sleep(AGAIN);
            }
            bound => return bound,
        }
    }
}

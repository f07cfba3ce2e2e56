//! What runs inside containers: commands, what they write, and what listens on their ports.
//!
//! One trait, [`Runtime`], stands between the doors to a pod (exec, attach, port-forward, proxy,
//! logs) and whatever answers behind them. It is given streams and gives an [`Exit`]; to drop what
//! it returned ends what it runs.
//!
//! *Invariant:* knows no HTTP and no subprotocol; writes no objects but through a client.
//! *Upstream:* `k8s.io/cri-api` (`Exec`, `Attach`, `PortForward`), `pkg/kubelet/kuberuntime`.

mod forget;
pub mod logs;
mod place;
mod plain;
mod ports;
mod report;
pub mod scripted;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

pub use self::forget::forget_the_gone;
pub use self::logs::Logs;
pub use self::place::{Place, Stage};
pub use self::plain::Plain;
pub use self::ports::{Listener, listener};
pub use self::report::ended;
use crate::client::Client;
use crate::error::ApiError;
use crate::object::Object;
use crate::sim::{Clock, Spawn};

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// How many stand in a line.
    pub width: u16,
    /// How many lines there are.
    pub height: u16,
}

/// Where a command reads from.
pub type Input = Box<dyn AsyncRead + Send + Unpin>;

/// Where a command writes to. Who reads slowly is waited for.
pub type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// What a command reads and writes. Whoever runs it drops or shuts down what it is done with.
pub struct Streams {
    /// What is typed or piped in; `None` where nobody sends any: the command finds the end.
    pub stdin: Option<Input>,
    /// What it writes; a sink where nobody reads it.
    pub stdout: Output,
    /// What it complains of; a sink where nobody reads it. With a terminal all goes to `stdout`.
    pub stderr: Output,
    /// The size of the terminal and its changes, where there is one.
    pub terminal: Option<watch::Receiver<Size>>,
}

impl Default for Streams {
    /// Nobody sends and nobody reads.
    fn default() -> Self {
        Self {
            stdin: None,
            stdout: Box::new(tokio::io::sink()),
            stderr: Box::new(tokio::io::sink()),
            terminal: None,
        }
    }
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams")
            .field("stdin", &self.stdin.is_some())
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}

/// A command to run.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// In which container.
    pub place: Place,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Whether it is to have a terminal.
    pub tty: bool,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub enum Exit {
    /// With a code.
    Code(i32),
    /// It could not be run at all, or nobody knows how it ended.
    Failed(ApiError),
}

impl Exit {
    /// A command that could not be started, in the words of container runtimes; `why` is theirs:
    /// `exec: "x": executable file not found in $PATH`.
    pub fn not_started(why: &str) -> Self {
        Self::failed(&format!(
            "failed to exec in container: failed to start exec: OCI runtime exec failed: exec \
             failed: unable to start container process: {why}"
        ))
    }

    /// A command of which no more is known than this.
    pub fn failed(why: &str) -> Self {
        Self::Failed(ApiError::internal(format!(
            "error executing command in container: {why}"
        )))
    }
}

/// Both ends of a connection in one.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to what listens in a pod.
pub type Connection = Box<dyn Duplex>;

/// What runs containers. All that is returned does nothing until it is polled, and ends what it
/// runs when it is dropped.
pub trait Runtime: Send + Sync {
    /// Runs a command beside those of a container.
    fn exec(&self, invocation: Invocation, streams: Streams) -> BoxFuture<'static, Exit>;

    /// Joins what a container runs: reads what it writes from now on, and types into it. Who
    /// asked ends it when the container ends.
    fn attach(&self, place: Place, tty: bool, streams: Streams) -> BoxFuture<'static, Exit>;

    /// Connects to a port of a pod; `None` where nobody listens there.
    fn connect(&self, pod: Arc<Object>, port: u16) -> BoxFuture<'static, Option<Connection>>;
}

/// What a runtime is made with.
#[derive(Clone)]
pub struct Surroundings {
    /// The cluster's clock.
    pub clock: Clock,
    /// What containers have written.
    pub logs: Arc<Logs>,
    /// Objects: those that volumes and variables are made of.
    pub client: Client,
    /// Where tasks live that outlast a request: they end with the cluster.
    pub spawn: Spawn,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

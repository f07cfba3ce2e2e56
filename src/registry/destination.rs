//! Where a request leads that is answered by what is inside of a pod: the registry has found it and
//! let the request pass; the door leads there.
//!
//! *Invariant:* knows nothing of streams.
//! *Upstream:* `pkg/registry/core/pod/strategy.go` (`ExecLocation`, `LogLocation`, …): a URL of the
//! pod's kubelet.

use std::sync::Arc;

use crate::object::Object;

/// What of a pod is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A command of its own.
    Exec,
    /// What the container runs.
    Attach,
    /// Its ports.
    Forward,
    /// What the container wrote.
    Log,
    /// An HTTP server on a port.
    Proxy {
        /// Whether it speaks TLS.
        is_tls: bool,
        /// The port.
        port: u16,
    },
}

/// Where a request leads.
#[derive(Clone, Debug)]
pub struct Destination {
    /// What is wanted.
    pub way: Way,
    /// Of which pod.
    pub pod: Arc<Object>,
    /// Of which of its containers; empty where that makes no difference.
    pub container: String,
}

//! SPDY/3.1, as far as streams into pods need it: the server's side of one connection.
//!
//! No library speaks it any more. [`frame`] knows what frames look like, [`headers`] their
//! compressed headers, [`session`] the connection, and [`stream`] what its user sees.
//!
//! Flow control: Go's `spdystream`, which nearly all clients are, knows none. It never enlarges a
//! window, and never looks at one. So windows bind what is sent only once the other side has shown
//! that it keeps them (by SETTINGS or WINDOW_UPDATE); what is read is always given back. What a
//! stream's user has not read yet is bounded; beyond that the connection is not read on.
//!
//! *Invariant:* knows nothing of what streams are for.
//! *Upstream:* the SPDY/3.1 draft; `moby/spdystream`, `k8s.io/streaming/pkg/httpstream/spdy`.

mod dictionary;
pub mod frame;
pub mod headers;
mod session;
mod stream;

pub(super) use self::session::open;
pub(super) use self::stream::{Reader, Stream, Writer};

/// Why a session ends early.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The other side does not keep to the protocol.
    #[error("{0}")]
    Protocol(&'static str),
}

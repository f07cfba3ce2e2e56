//! How much of anything the server takes, where nobody says.

use std::time::Duration;

use super::filters::body;

/// How much of anything the server takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of a body; kube-apiserver's own limit.
    pub body_bytes_max: usize,
    /// Of path and query together.
    pub uri_bytes_max: usize,
    /// Of all headers together; Go's default.
    pub header_bytes_max: usize,
    /// Reading requests at once; 0 for no limit.
    pub in_flight_max: i64,
    /// The same for requests that change something.
    pub mutating_in_flight_max: i64,
    /// Watches at once; 0 for no limit.
    pub watches_max: i64,
    /// How long a client may take to send a body.
    pub body_patience: Duration,
    /// Connections at once; more wait to be accepted.
    pub connections_max: usize,
    /// How long a client may take to agree on TLS.
    pub handshake_patience: Duration,
    /// How long a connection may be without a request; sending its head included.
    pub idle_patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 3 * 1024 * 1024,
            uri_bytes_max: 60_000,
            header_bytes_max: 1 << 20,
            in_flight_max: 3000,
            mutating_in_flight_max: 3000,
            watches_max: 20_000,
            body_patience: body::PATIENCE,
            connections_max: 20_000,
            handshake_patience: Duration::from_secs(10),
            idle_patience: Duration::from_secs(90),
        }
    }
}

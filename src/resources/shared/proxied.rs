//! What the name in a path for a proxy means: `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`.
//!
//! *Upstream:* `apimachinery/pkg/util/net/port_split.go` (`SplitSchemeNamePort`).

use std::sync::Arc;

use crate::error::ApiError;
use crate::object::Object;
use crate::object::quote::quoted;
use crate::registry::{Destination, Response, Way};
use crate::resources::shared::look::Look;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxied<'a> {
    /// Whether it is to be spoken to by TLS.
    pub is_tls: bool,
    /// The object's name.
    pub name: &'a str,
    /// The port, by number or by name; empty where none is said.
    pub port: &'a str,
}

impl<'a> Proxied<'a> {
    /// Reads the name of one of a kind.
    pub fn read(text: &'a str, kind: &str) -> Result<Self, ApiError> {
        Self::parse(text).ok_or_else(|| {
            let text = quoted(text);
            ApiError::bad_request(format!("invalid {kind} request {text}"))
        })
    }

    fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (scheme, name, port) = match parts[..] {
            [name] => ("", name, ""),
            [name, port] => ("", name, port),
            [scheme @ ("" | "http" | "https"), name, port] => (scheme, name, port),
            _ => return None,
        };
        (!name.is_empty()).then_some(Self {
            is_tls: scheme == "https",
            name,
            port,
        })
    }

    /// The port of the scheme.
    pub fn usual_port(&self) -> i64 {
        if self.is_tls { 443 } else { 80 }
    }

    /// Leads to a port of a pod.
    pub fn lead(&self, pod: Object, port: u16) -> Response {
        let is_tls = self.is_tls;
        Response::pod(Destination {
            way: Way::Proxy { is_tls, port },
            pod: Arc::new(pod),
            container: String::new(),
        })
    }
}

/// A port that is no number leads nowhere.
pub fn unreachable_port(pod: &Object, port: &str) -> ApiError {
    let address = pod.at("status").text("podIP");
    let why = format!("lookup tcp/{port}: unknown port");
    let why = format!("error trying to reach service: dial tcp: address {address}:{port}: {why}");
    ApiError::service_unavailable(why)
}

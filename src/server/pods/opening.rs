//! How a request becomes a connection of its own: what it must say, which subprotocol is spoken,
//! and who speaks it then.
//!
//! *Upstream:* `k8s.io/streaming/pkg/httpstream` (`Handshake`, `NegotiateProtocol`),
//! `golang.org/x/net/websocket` (`hybiServerHandshaker`).

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;

use super::{Visit, bare, told};
use crate::audit::Stage;
use crate::error::ApiError;
use crate::server::encode::{self, Answer};
use crate::server::websocket;

/// In which versions of their protocol streams are wanted, and in which they are served.
const VERSION: HeaderName = HeaderName::from_static("x-stream-protocol-version");
const ACCEPTED: HeaderName = HeaderName::from_static("x-accepted-stream-protocol-versions");

/// What a connection is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    WebSocket,
    Other,
}

/// Whether a connection is wanted at all, and which.
pub(super) fn wanted(visit: &Visit<'_>) -> Result<Wanted, ApiError> {
    let headers = &visit.asked.headers;
    let mut said = texts(headers, &CONNECTION);
    if !said.any(|text| text.to_ascii_lowercase().contains("upgrade")) {
        return Err(ApiError::bad_request("Upgrade request required"));
    }
    let upgrade = texts(headers, &UPGRADE).next().unwrap_or("");
    Ok(if upgrade.eq_ignore_ascii_case("websocket") {
        Wanted::WebSocket
    } else {
        Wanted::Other
    })
}

fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let all = headers.get_all(name).into_iter();
    all.filter_map(|value| value.to_str().ok())
}

/// The items of a list in headers.
pub(super) fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    texts(headers, name)
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect()
}

/// The subprotocols of WebSockets that a client knows.
pub(super) fn subprotocols<'a>(visit: &'a Visit<'_>) -> Vec<&'a str> {
    items(&visit.asked.headers, &SEC_WEBSOCKET_PROTOCOL)
}

/// A connection over which a session speaks.
pub(super) type Io = TokioIo<Upgraded>;

type Begin = Box<dyn FnOnce(OnUpgrade) + Send>;

/// What becomes of a connection once it is given away; goes with its answer.
#[derive(Clone)]
pub(in crate::server) struct Opening(Arc<Mutex<Option<Begin>>>);

impl Opening {
    /// Begins.
    pub(in crate::server) fn begin(self, upgrade: OnUpgrade) {
        let begin = self.0.lock().take();
        if let Some(begin) = begin {
            begin(upgrade);
        }
    }
}

/// The answer that gives a connection away, and who speaks on it then.
fn open(
    visit: &Visit<'_>,
    speak: impl FnOnce(Io) -> BoxFuture<'static, ()> + Send + 'static,
) -> Answer {
    let mut out = bare(StatusCode::SWITCHING_PROTOCOLS);
    let (spawn, trail) = (Arc::clone(&visit.pods.spawn), visit.trail.clone());
    let begin: Begin = Box::new(move |upgrade| {
        spawn(Box::pin(async move {
            if let Ok(upgraded) = upgrade.await {
                speak(TokioIo::new(upgraded)).await;
            }
            trail.record(Stage::ResponseComplete);
        }));
    });
    let opening = Opening(Arc::new(Mutex::new(Some(begin))));
    out.extensions_mut().insert(opening);
    out.headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    out
}

/// Agrees on a WebSocket with one of these subprotocols; the empty one is for who names none.
pub(super) fn websocket(
    visit: &Visit<'_>,
    served: &[&str],
    speak: impl FnOnce(Io, String) -> BoxFuture<'static, ()> + Send + 'static,
) -> Answer {
    let headers = &visit.asked.headers;
    if visit.asked.method != Method::GET {
        return told(StatusCode::METHOD_NOT_ALLOWED, "bad method");
    }
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY) else {
        return told(StatusCode::BAD_REQUEST, "mismatch challenge/response");
    };
    if texts(headers, &SEC_WEBSOCKET_VERSION).next() != Some("13") {
        let mut out = told(StatusCode::BAD_REQUEST, "missing or bad WebSocket Version");
        out.headers_mut()
            .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return out;
    }
    let mut known = subprotocols(visit);
    if known.is_empty() {
        known.push("");
    }
    let Some(chosen) = known.into_iter().find(|one| served.contains(one)) else {
        return bare(StatusCode::FORBIDDEN);
    };
    let chosen = chosen.to_owned();
    let protocol = HeaderValue::from_str(&chosen);
    let has_protocol = !chosen.is_empty();
    let mut out = open(visit, move |io| speak(io, chosen));
    websocket::sign(key, out.headers_mut());
    if let (true, Ok(protocol)) = (has_protocol, protocol) {
        out.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    out
}

/// Agrees on SPDY with one of these versions of the streams' protocol.
pub(super) fn spdy(
    visit: &Visit<'_>,
    served: &[&str],
    speak: impl FnOnce(Io, String) -> BoxFuture<'static, ()> + Send + 'static,
) -> Answer {
    let headers = &visit.asked.headers;
    let refuse = |code, why: String| encode::text(code, format!("{why}\n"));
    if !headers.contains_key(&VERSION) {
        let count = headers.keys_len();
        return refuse(
            StatusCode::BAD_REQUEST,
            format!(
                "unable to upgrade: header X-Stream-Protocol-Version does not exist in request \
                 with {count} headers"
            ),
        );
    }
    let known = items(headers, &VERSION);
    if known.is_empty() {
        let said: Vec<&str> = texts(headers, &VERSION).collect();
        let said = said.join(" ");
        return refuse(
            StatusCode::BAD_REQUEST,
            format!(
                "unable to upgrade: header X-Stream-Protocol-Version contains [{said}], but no \
                 valid protocols"
            ),
        );
    }
    let Some(chosen) = known.iter().find(|one| served.contains(one)) else {
        let (known, all) = (known.join(" "), served.join(" "));
        let mut out = refuse(
            StatusCode::FORBIDDEN,
            format!(
                "unable to upgrade: unable to negotiate protocol: client supports [{known}], \
                 server accepts [{all}]"
            ),
        );
        for one in served {
            if let Ok(one) = HeaderValue::from_str(one) {
                out.headers_mut().append(&ACCEPTED, one);
            }
        }
        return out;
    };
    let upgrade = texts(headers, &UPGRADE).next().unwrap_or("");
    if !upgrade.to_ascii_lowercase().contains("spdy/3.1") {
        return refuse(
            StatusCode::BAD_REQUEST,
            format!(
                "unable to upgrade: missing upgrade headers in request: Upgrade is {upgrade:?}"
            ),
        );
    }
    let chosen = (*chosen).to_owned();
    let version = HeaderValue::from_str(&chosen);
    let mut out = open(visit, move |io| speak(io, chosen));
    let headers = out.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("SPDY/3.1"));
    if let Ok(version) = version {
        headers.insert(&VERSION, version);
    }
    out
}

//! The second door: the same requests, without a socket.
//!
//! A client calls the cluster in process. What it sends passes the same path parsing, negotiation
//! and limits as a request over the wire, so that a test sees what a program will see.
//!
//! *Invariant:* knows neither sockets nor what a kind is; whoever wires the cluster plugs the door
//! in.

mod api;
mod deed;

use std::fmt;
use std::sync::Arc;

pub use api::{Api, PatchKind};
use bytes::Bytes;
pub use deed::{Acted, Body, Deed};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::auth::User;

/// What answers calls: the server in the same process, or one far away.
pub trait Door: Send + Sync {
    /// Answers a call.
    fn call(&self, call: Call) -> BoxFuture<'_, Reply>;

    /// Does what a part of the cluster asks for; as a call, where the door knows no shorter way.
    fn act(&self, deed: Deed) -> BoxFuture<'_, Acted> {
        async move {
            let reply = self.call(deed.into_call()).await;
            let code = reply.code;
            let body = reply.into_bytes().await;
            Acted { code, body }
        }
        .boxed()
    }
}

/// A request on its way to a [`Door`].
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query, as in a URL.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Who asks; `None` for whoever the headers say.
    pub user: Option<User>,
}

/// What a [`Door`] answers.
pub struct Reply {
    /// The HTTP code.
    pub code: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: ReplyBody,
}

/// The body of a [`Reply`].
pub enum ReplyBody {
    /// All of it.
    Whole(Bytes),
    /// A watch: whole lines, as they come.
    Events(BoxStream<'static, Bytes>),
}

/// An answer that is not what was asked for: the Status the server sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The HTTP code.
    pub code: u16,
    /// The Status, or the text where it was none.
    pub status: Value,
}

/// A client of a cluster, acting as one user.
#[derive(Clone)]
pub struct Client {
    door: Arc<dyn Door>,
    user: Option<User>,
    agent: HeaderValue,
}

impl Client {
    /// A client of whatever stands behind a door.
    pub fn new(door: Arc<dyn Door>, user: Option<User>) -> Self {
        Self {
            door,
            user,
            agent: HeaderValue::from_static("mockernetes"),
        }
    }

    /// The same client as another user.
    pub fn acting_as(&self, user: User) -> Self {
        Self {
            user: Some(user),
            ..self.clone()
        }
    }

    /// The same client as whoever its headers say.
    pub fn acting_as_nobody(&self) -> Self {
        Self {
            user: None,
            ..self.clone()
        }
    }

    /// The same client under another `User-Agent`, from which field managers take their names.
    pub fn with_agent(&self, agent: &str) -> Self {
        Self {
            agent: HeaderValue::from_str(agent).unwrap_or(HeaderValue::from_static("mockernetes")),
            ..self.clone()
        }
    }

    /// Sends a request as HTTP would: any method, path with query, headers and body.
    pub async fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let mut map = HeaderMap::with_capacity(headers.len() + 1);
        map.insert(http::header::USER_AGENT, self.agent.clone());
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                map.insert(name, value);
            }
        }
        self.door
            .call(Call {
                method: Method::from_bytes(method.as_bytes()).unwrap_or_default(),
                target: target.to_owned(),
                headers: map,
                body: body.into(),
                user: self.user.clone(),
            })
            .await
    }

    /// Does what a part of the cluster asks for, as whom it says.
    pub async fn act(&self, deed: Deed) -> Acted {
        self.door.act(deed).await
    }

    /// Sends JSON, if any, and reads JSON.
    pub async fn json(
        &self,
        method: &str,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let headers = [("content-type", "application/json")];
        let headers = if body.is_empty() {
            &[]
        } else {
            headers.as_slice()
        };
        self.request(method, target, headers, body)
            .await
            .into_json()
            .await
    }

    /// The objects of a resource: `api("apps/v1", "deployments")`.
    pub fn api(&self, api_version: &str, plural: &str) -> Api {
        Api::new(self.clone(), api_version, plural)
    }
}

impl Reply {
    /// The whole body; of a watch, everything until its end.
    pub async fn into_bytes(self) -> Bytes {
        match self.body {
            ReplyBody::Whole(bytes) => bytes,
            ReplyBody::Events(events) => {
                let pieces: Vec<Bytes> = events.collect().await;
                pieces.concat().into()
            }
        }
    }

    /// The body as it comes: of a watch, its events in their encoding, several in a piece.
    pub fn into_events(self) -> BoxStream<'static, Bytes> {
        match self.body {
            ReplyBody::Whole(bytes) => futures_util::stream::iter([bytes]).boxed(),
            ReplyBody::Events(events) => events,
        }
    }

    /// The body as JSON; anything but a 2xx is a failure.
    pub async fn into_json(self) -> Result<Value, Failure> {
        let code = self.code;
        let bytes = self.into_bytes().await;
        let value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        if (200..300).contains(&code) {
            Ok(value)
        } else {
            Err(Failure {
                code,
                status: value,
            })
        }
    }

    /// A header as text, or empty.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }
}

impl Failure {
    /// `Status.reason`, or empty.
    pub fn reason(&self) -> &str {
        self.status["reason"].as_str().unwrap_or("")
    }

    /// `Status.message`, or the text that was answered.
    pub fn message(&self) -> &str {
        let message = &self.status["message"];
        message.as_str().or(self.status.as_str()).unwrap_or("")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message(), self.code)
    }
}

impl std::error::Error for Failure {}

//! The door without a socket: calls in process, through the same filters.

use std::sync::{Arc, Weak};

use bytes::{Buf, Bytes};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};

use super::encode::Payload;
use super::{Caller, Door};
use crate::client::{self, Acted, Call, Deed, Reply, ReplyBody};

/// The door of a cluster in this process.
pub struct Local {
    door: Arc<Door>,
    is_inside: bool,
}

impl Local {
    /// For whoever is no part of the cluster.
    pub fn outside(door: Arc<Door>) -> Self {
        Self {
            door,
            is_inside: false,
        }
    }

    /// For the cluster's own controllers, which have their turn already when they ask.
    pub fn inside(door: Arc<Door>) -> Self {
        Self {
            door,
            is_inside: true,
        }
    }
}

/// The cluster's own door for its own parts that the door itself leads to: it keeps none of them
/// alive.
pub struct Behind(Weak<Door>);

impl Behind {
    /// Behind a door.
    pub fn new(door: &Arc<Door>) -> Self {
        Self(Arc::downgrade(door))
    }
}

impl client::Door for Behind {
    fn call(&self, call: Call) -> BoxFuture<'_, Reply> {
        let door = self.0.upgrade();
        async move {
            match door {
                Some(door) => Local::inside(door).call(call).await,
                None => refused(),
            }
        }
        .boxed()
    }
}

impl client::Door for Local {
    fn call(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move {
            let mut request = http::Request::new(());
            *request.method_mut() = call.method;
            *request.headers_mut() = call.headers;
            // As there, requests are apart from each other, and there is no host to name.
            *request.version_mut() = http::Version::HTTP_2;
            match call.target.parse() {
                Ok(uri) => *request.uri_mut() = uri,
                Err(_) => return refused(),
            }
            let (parts, ()) = request.into_parts();
            let caller = Caller {
                user: call.user,
                is_inside: self.is_inside,
            };
            let answer = self.door.serve(parts, Full::new(call.body), caller).await;
            let (parts, payload) = answer.into_parts();
            let body = match payload {
                Payload::Events(events) => ReplyBody::Events(events.into_stream()),
                other => ReplyBody::Whole(whole(other).await),
            };
            Reply {
                code: parts.status.as_u16(),
                headers: parts.headers,
                body,
            }
        }
        .boxed()
    }

    fn act(&self, deed: Deed) -> BoxFuture<'_, Acted> {
        async move {
            let deed = if self.is_inside {
                match self.door.act(deed).await {
                    Ok(acted) => return acted,
                    Err(deed) => *deed,
                }
            } else {
                deed
            };
            let reply = self.call(deed.into_call()).await;
            let code = reply.code;
            let body = reply.into_bytes().await;
            Acted { code, body }
        }
        .boxed()
    }
}

/// What HTTP libraries answer to a target that is no URI.
fn refused() -> Reply {
    Reply {
        code: 400,
        headers: http::HeaderMap::new(),
        body: ReplyBody::Whole(Bytes::from_static(b"400 Bad Request")),
    }
}

async fn whole(payload: Payload) -> Bytes {
    let mut out: Vec<Bytes> = Vec::new();
    let mut payload = payload;
    while let Some(Ok(frame)) = payload.frame().await {
        if let Ok(mut piece) = frame.into_data() {
            out.push(piece.copy_to_bytes(piece.length()));
        }
    }
    match out.len() {
        1 => out.swap_remove(0),
        _ => out.concat().into(),
    }
}

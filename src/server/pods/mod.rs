//! The door to what is inside of a pod: commands, ports and logs, as a kubelet serves them and an
//! API server passes them on.
//!
//! A request that is let in becomes a connection of its own ([`opening`]); what is spoken on it
//! are channels in messages of a WebSocket ([`channels`]) or streams of SPDY ([`super::spdy`]).
//! All that a session holds is bounded: who does not read is waited for, and holds up nobody else.
//!
//! *Invariant:* whoever goes takes with them all that was started for them.
//! *Upstream:* `pkg/kubelet/server/server.go`, `k8s.io/kubelet/pkg/cri/streaming`,
//! `apiserver/pkg/util/proxy`.

pub(super) mod append;
mod channels;
mod command;
mod forward;
mod life;
mod log;
mod opening;
mod proxy;
mod tunnel;

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

pub(super) use self::opening::Opening;
use super::encode::{self, Answer, Payload};
use super::filters::{self, Asked};
use super::metrics::Series;
use super::negotiate::Media;
use super::{Door, Spawn, record, watch};
use crate::audit::Trail;
use crate::error::ApiError;
use crate::registry::{Body, Destination, Response, Way};
use crate::runtime::{Logs, Place, Runtime};

/// What is inside of pods.
pub struct Pods {
    /// Who runs their containers.
    pub runtime: Arc<dyn Runtime>,
    /// What those have written.
    pub logs: Arc<Logs>,
    /// Where what they are doing for a client lives.
    pub spawn: Spawn,
}

impl Door {
    /// Leads into pods from now on; what is inside of them may itself ask at the door, which is
    /// why it comes after it.
    pub fn lead_to(&self, pods: Pods) {
        // There is one cluster behind a door.
        let _ = self.pods.set(pods);
    }

    /// Makes an answer of what the corridor answered, or of what is inside of a pod.
    pub(super) async fn hand_on(
        self: &Arc<Self>,
        asked: &Asked,
        sent: Bytes,
        (response, media): (Response, Media),
        series: Series,
        trail: &Trail,
    ) -> Result<Answer, ApiError> {
        if let Body::Pod(to) = response.body {
            let answer = answer(self, (asked, sent), *to, trail);
            let answer = filters::without_panic(trail, answer).await?;
            let code = answer.status().as_u16();
            trail.answered(record::status(code), || None);
            return Ok(answer);
        }
        record::succeeded(trail, &response);
        let answer = encode::answer(response, media, &asked.headers);
        Ok(watch::count(answer, self, series, trail))
    }
}

/// A request that leads into a pod.
struct Visit<'a> {
    door: &'a Arc<Door>,
    pods: &'a Pods,
    asked: &'a Asked,
    destination: Destination,
    body: Bytes,
    trail: &'a Trail,
}

/// Leads into a pod.
async fn answer(
    door: &Arc<Door>,
    (asked, body): (&Asked, Bytes),
    destination: Destination,
    trail: &Trail,
) -> Result<Answer, ApiError> {
    let Some(pods) = door.pods.get() else {
        return Err(ApiError::service_unavailable("nothing runs pods yet"));
    };
    let visit = Visit {
        door,
        pods,
        asked,
        destination,
        body,
        trail,
    };
    match visit.destination.way {
        Way::Log => log::answer(&visit),
        Way::Proxy { port, .. } => proxy::answer(&visit, port).await,
        Way::Exec | Way::Attach => command::answer(&visit),
        Way::Forward => forward::answer(&visit),
    }
}

impl Visit<'_> {
    fn place(&self) -> Place {
        let pod = Arc::clone(&self.destination.pod);
        Place::new(pod, self.destination.container.clone())
    }

    /// The values of a parameter.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let all = self.asked.query.iter();
        all.filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is set.
    fn flag(&self, name: &str) -> bool {
        self.values(name).next().is_some_and(is_set)
    }
}

/// Whether the value of a parameter means yes: any that does not mean no.
fn is_set(value: &str) -> bool {
    value != "0" && !value.eq_ignore_ascii_case("false")
}

/// An error of a kubelet, as text; an API server passes it on as it is.
fn told(code: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut out = encode::plain_text(text);
    *out.status_mut() = code;
    out
}

/// No answer but its code.
fn bare(code: StatusCode) -> Answer {
    let mut out = Answer::new(Payload::empty());
    *out.status_mut() = code;
    out
}

//! What a container wrote: `pods/log`.
//!
//! *Upstream:* `pkg/kubelet/kubelet_pods.go` (`GetKubeletContainerLogs`,
//! `validateContainerLogStatus`), `apiserver/pkg/registry/generic/rest/streamer.go`.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Visit, life};
use crate::error::ApiError;
use crate::object::quote::quoted;
use crate::object::time;
use crate::registry::Registry;
use crate::runtime::Stage;
use crate::runtime::logs::{Instance, Query, Reading};
use crate::runtime::{Logs, Place};
use crate::server::encode::{Answer, Payload};

/// Leads to a log.
pub(super) fn answer(visit: &Visit<'_>) -> Result<Answer, ApiError> {
    let place = visit.place();
    let is_previous = visit.flag("previous");
    let instance = instance(&place, is_previous)?;
    introduce(&visit.pods.logs, &place, &instance);
    // What is no number and no time was refused before.
    let number = |name| visit.values(name).next().and_then(|text| text.parse().ok());
    let now = visit.door.registry.clock.now();
    let since_seconds: Option<i64> = number("sinceSeconds");
    let since_seconds = since_seconds.map(|seconds| {
        let since = now.checked_sub(SignedDuration::from_secs(seconds));
        since.unwrap_or(Timestamp::MIN)
    });
    let since_time = visit.values("sinceTime").next();
    let since_time = since_time.and_then(time::parse);
    let query = Query {
        since: since_seconds.or(since_time),
        tail: number("tailLines").and_then(|lines| u64::try_from(lines).ok()),
        limit_bytes: number("limitBytes").and_then(|bytes| u64::try_from(bytes).ok()),
        stream: None,
        has_timestamps: visit.flag("timestamps"),
    };
    let is_running = place.stage() == Stage::Running && !is_previous;
    let following = Following {
        reading: Reading::new(&visit.pods.logs, instance.clone(), query),
        logs: Arc::clone(&visit.pods.logs),
        registry: Arc::clone(&visit.door.registry),
        place,
        instance,
        is_live: visit.flag("follow") && is_running,
    };
    let pieces = stream::unfold(following, |mut following| async {
        let piece = following.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), following))
    });
    let body = axum::body::Body::from_stream(pieces);
    let mut out = Answer::new(Payload::Page(body));
    let kind = HeaderValue::from_static("text/plain");
    out.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(out)
}

/// Which life of a container is meant, where it has a log at all.
fn instance(place: &Place, is_previous: bool) -> Result<Instance, ApiError> {
    let (container, pod) = (quoted(&place.container), quoted(place.pod.name()));
    let refuse = |why: String| Err(ApiError::bad_request(why));
    let status = place.status();
    if status.is_null() {
        return refuse(format!(
            "container {container} in pod {pod} is not available"
        ));
    }
    let has_last = status["lastState"]["terminated"].is_object();
    let mut instance = place.instance();
    let stage = place.stage();
    if is_previous {
        if !has_last {
            return refuse(format!(
                "previous terminated container {container} in pod {pod} not found"
            ));
        }
        // Between two lives, the last is the one that was counted last.
        if matches!(stage, Stage::Running | Stage::Ended(_)) {
            instance.attempt = instance.attempt.saturating_sub(1);
        }
        return Ok(instance);
    }
    let why = match stage {
        Stage::Running | Stage::Ended(_) => return Ok(instance),
        _ if has_last => return Ok(instance),
        Stage::Waiting(reason) => match &reason[..] {
            "ErrImagePull" => ": image can't be pulled".to_owned(),
            "ImagePullBackOff" => ": trying and failing to pull image".to_owned(),
            reason => format!(": {reason}"),
        },
        Stage::Unknown => " - no logs yet".to_owned(),
    };
    refuse(format!(
        "container {container} in pod {pod} is waiting to start{why}"
    ))
}

/// What is said of a container that nobody says anything of.
fn introduce(logs: &Logs, place: &Place, of: &Instance) {
    // Of one that waits for somebody to attach it is known that it wrote nothing yet.
    if place.spec()["stdin"] == true {
        return;
    }
    let (pod, container) = (place.pod.name(), &place.container);
    let line = format!("Mock logs for pod {pod} in container {container}\n");
    let status = place.status();
    let started = |state: &Value| {
        let mut lives = ["running", "terminated"].into_iter();
        lives.find_map(|life| time::time_of(&state[life]["startedAt"]))
    };
    let is_present = of.attempt == place.restarts();
    let states = [&status["state"], &status["lastState"]];
    let mut states = states.into_iter().skip(usize::from(!is_present));
    let Some(time) = states.find_map(started) else {
        return;
    };
    logs.introduce(of, line.as_bytes(), time);
}

/// A log that is being read, and followed where that was asked for.
struct Following {
    reading: Reading,
    logs: Arc<Logs>,
    registry: Arc<Registry>,
    place: Place,
    instance: Instance,
    /// Whether more may come.
    is_live: bool,
}

impl Following {
    /// The next piece, or the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let mut changed = self.logs.changed(&self.instance);
            let has_ended = self.logs.has_ended(&self.instance);
            let piece = self.reading.next(&self.logs);
            if !piece.is_empty() {
                return Some(piece);
            }
            if !self.is_live || self.reading.is_full() || has_ended {
                return None;
            }
            tokio::select! {
                changed = changed.changed() => self.is_live = changed.is_ok(),
                () = life::over(self.registry.reader.as_ref(), &self.place) => {
                    // What it wrote at last is still read.
                    self.is_live = false;
                }
            }
        }
    }
}

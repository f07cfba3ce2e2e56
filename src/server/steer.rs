//! `/-/`: what steers a cluster from outside and has no counterpart in Kubernetes.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /-/settle` | answers when controllers have nothing left to do |
//! | `POST /-/advance?by=1h` | moves a virtual clock, step by step, and settles |
//! | `POST /-/advance?to=2026-01-01T00:00:00Z` | the same up to a time |
//! | `GET /-/clock` | what the time is, whether it can be moved, and where it began |
//! | `GET /-/waiting` | what waits for time, and until when |
//!
//! All answer with the same object. Who may ask is decided as for every path that is no resource:
//! by `nonResourceURLs`.
//!
//! *Invariant:* steers by the runner's handle alone.
//! *Upstream:* none.

use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::any;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::pages::{Head, error, indented, query};
use crate::error::{ApiError, Reason};
use crate::object::duration;
use crate::object::quote::quoted;
use crate::registry::handle::method_not_allowed;
use crate::runner::Handle;

/// So many of those that wait are named.
const WAITING_MAX: usize = 1000;

/// How long is waited for a cluster to settle, where nobody says.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Settle,
    Advance,
    Look,
}

/// The routes.
pub(super) fn router(runner: &Handle) -> axum::Router {
    let mut router = axum::Router::new();
    for (path, wish) in [
        ("/-/settle", Wish::Settle),
        ("/-/advance", Wish::Advance),
        ("/-/clock", Wish::Look),
        ("/-/waiting", Wish::Look),
    ] {
        let serve = move |State(runner): State<Handle>, head: Head| async move {
            match steer(&runner, wish, &head).await {
                Ok(found) => indented(format!("{found:#}\n")).into_response(),
                Err(refused) => error(&head, &refused),
            }
        };
        router = router.route(path, any(serve));
    }
    router.with_state(runner.clone())
}

async fn steer(runner: &Handle, wish: Wish, head: &Head) -> Result<Value, ApiError> {
    let method = if wish == Wish::Look {
        Method::GET
    } else {
        Method::POST
    };
    if head.method != method {
        return Err(method_not_allowed());
    }
    let query = query(head);
    let asked = |name: &str| {
        let mut found = query.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    };
    match wish {
        Wish::Look => {}
        Wish::Settle => within(asked("timeout"), runner.settle()).await?,
        Wish::Advance => {
            let by = distance(runner, asked("by"), asked("to"))?;
            runner.advance(by).await;
        }
    }
    Ok(state(runner))
}

/// Waits no longer than asked.
async fn within(timeout: Option<&str>, work: impl Future<Output = ()>) -> Result<(), ApiError> {
    let patience = match timeout {
        Some(text) => positive("timeout", text)?,
        None => PATIENCE,
    };
    // A client's patience is measured by the wall, whatever the cluster's clock says.
    #[allow(clippy::disallowed_methods)]
    let done = tokio::time::timeout(patience, work).await;
    done.map_err(|_| {
        let why = format!("controllers are still at work after {patience:?}");
        ApiError::timeout(why, 0)
    })
}

/// How far a clock is to be moved.
fn distance(runner: &Handle, by: Option<&str>, to: Option<&str>) -> Result<Duration, ApiError> {
    let clock = runner.clock();
    if !clock.is_virtual() {
        let why = "the clock is the wall's, which nobody moves; start the cluster with --clock \
                   virtual";
        return Err(ApiError::new(Reason::Conflict, why));
    }
    match (by, to) {
        (Some(text), None) => positive("by", text),
        (None, Some(text)) => {
            let time: Timestamp = text.parse().map_err(|_| {
                let why = "expected a time, for example 2026-01-01T00:00:00Z";
                ApiError::bad_request(format!("to={}: {why}", quoted(text)))
            })?;
            Duration::try_from(time.duration_since(clock.now())).map_err(|_| {
                let why = format!("it is {} already, and time does not go back", clock.now());
                ApiError::bad_request(format!("to={}: {why}", quoted(text)))
            })
        }
        _ => Err(ApiError::bad_request(
            "say how far to move the clock: by=DURATION (1h30m) or to=TIME (2026-01-01T00:00:00Z)",
        )),
    }
}

/// A duration that does not go back.
fn positive(name: &str, text: &str) -> Result<Duration, ApiError> {
    let refuse = |why: &str| ApiError::bad_request(format!("{name}={}: {why}", quoted(text)));
    let nanoseconds = duration::parse(text)
        .map_err(|_| refuse("expected a duration with its unit, for example 90s, 5m or 1h30m"))?;
    let nanoseconds = u64::try_from(nanoseconds).map_err(|_| refuse("time does not go back"))?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// The time, the revision, and what waits for time.
fn state(runner: &Handle) -> Value {
    let clock = runner.clock();
    let waiting: Vec<Value> = runner
        .waiting(WAITING_MAX)
        .into_iter()
        .map(|one| {
            json!({
                "until": one.until.to_string(),
                "controller": one.controller,
                "object": one.object,
            })
        })
        .collect();
    let mut state = json!({
        "now": clock.now().to_string(),
        "clock": if clock.is_virtual() { "virtual" } else { "wall" },
        "revision": runner.revision().0,
        "waitingCount": runner.waiting_count(),
        "waiting": waiting,
    });
    if let Some(start) = clock.start() {
        state["start"] = start.to_string().into();
    }
    state
}

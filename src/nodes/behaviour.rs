//! What a container does, as annotations of its pod say.
//!
//! | annotation | value | what happens |
//! |---|---|---|
//! | `mockernetes.dev/exit-code` | a number | the container ends with this code |
//! | `mockernetes.dev/exit-after` | `30s` | so long after its start; with 0 unless a code is said |
//! | `mockernetes.dev/exit-reason` | `OOMKilled` | the reason: `Completed` or `Error` if not said |
//! | `mockernetes.dev/image-pull` | `fail` | its image cannot be pulled |
//! | `mockernetes.dev/start-after` | `5s` | so long it is being created |
//! | `mockernetes.dev/ready-after` | `10s`, `never` | when it is ready after its start |
//! | `mockernetes.dev/stop-after` | `5s` | how long it takes to end when asked to |
//!
//! Each concerns the containers of the pod; `mockernetes.dev/exit-code.web` only the one named
//! `web`. Init containers are concerned by their names alone. Durations are as Go writes them.

use std::time::Duration;

use serde_json::Value;

use crate::object::{Object, duration};

/// What all the annotations begin with.
pub const PREFIX: &str = "mockernetes.dev/";

/// How a container ends of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    /// So long after its start.
    pub(super) after: Duration,
    /// `exitCode`.
    pub(super) code: i64,
    /// `reason`.
    pub(super) reason: String,
}

/// What a container does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Behaviour {
    /// How it ends, unless it runs on.
    pub(super) exit: Option<Exit>,
    /// Whether its image is there.
    pub(super) has_image: bool,
    /// How long it is being created.
    pub(super) start_after: Duration,
    /// When it is ready after its start; `None` is never.
    pub(super) ready_after: Option<Duration>,
    /// How long it takes to end when asked to.
    pub(super) stop_after: Duration,
}

impl Behaviour {
    /// What a container of a pod does.
    pub(super) fn of(pod: &Object, container: &Value, is_init: bool) -> Self {
        let annotations = pod.get(&["metadata", "annotations"]);
        let name = container["name"].as_str().unwrap_or("");
        let said = |what: &str| {
            let annotations = annotations?.as_object()?;
            let own = annotations.get(&format!("{PREFIX}{what}.{name}"));
            let shared = || annotations.get(&format!("{PREFIX}{what}"));
            let value = own.or_else(|| if is_init { None } else { shared() });
            value?.as_str()
        };
        let has_said = annotations.and_then(Value::as_object).is_some_and(|all| {
            let mut keys = all.keys();
            keys.any(|key| key.starts_with(PREFIX))
        });
        let said = |what: &str| if has_said { said(what) } else { None };
        let pause = |what: &str| said(what).and_then(read);
        let is_sidecar = is_init && container["restartPolicy"] == "Always";
        // What nobody says of init containers is that they complete; so do those of Jobs.
        let ends = (is_init && !is_sidecar) || (!is_init && is_of_job(pod));
        let code = said("exit-code").and_then(|text| text.parse().ok());
        let after = pause("exit-after");
        let exit = (ends || code.is_some() || after.is_some()).then(|| {
            let code = code.unwrap_or(0);
            let usual = if code == 0 { "Completed" } else { "Error" };
            Exit {
                after: after.unwrap_or_default(),
                code,
                reason: said("exit-reason").unwrap_or(usual).to_owned(),
            }
        });
        Self {
            exit,
            has_image: said("image-pull") != Some("fail"),
            start_after: pause("start-after").unwrap_or_default(),
            ready_after: match said("ready-after") {
                Some("never") => None,
                Some(text) => Some(read(text).unwrap_or_default()),
                None => Some(Duration::ZERO),
            },
            stop_after: pause("stop-after").unwrap_or_else(|| sleep(container)),
        }
    }
}

/// Whether a Job owns a pod.
pub(super) fn is_of_job(pod: &Object) -> bool {
    let owners = pod.items(&["metadata", "ownerReferences"]);
    owners.iter().any(|owner| owner["kind"] == "Job")
}

/// How long the `preStop` hook of a container sleeps.
fn sleep(container: &Value) -> Duration {
    let seconds = &container["lifecycle"]["preStop"]["sleep"]["seconds"];
    Duration::from_secs(seconds.as_u64().unwrap_or(0))
}

fn read(text: &str) -> Option<Duration> {
    let nanoseconds = duration::parse(text).ok()?;
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

//! One container: from the state it is in to the next.
//!
//! *Upstream:* `pkg/kubelet/{kubelet_pods.go,kuberuntime/kuberuntime_manager.go,images}`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::nodes::behaviour::Behaviour;
use crate::object::{Object, time};

/// The pause before the second restart; every further one doubles it.
const BACKOFF_FIRST: Duration = Duration::from_secs(10);

/// The longest pause before a restart.
const BACKOFF_MAX: Duration = Duration::from_mins(5);

/// A container that ran for so long has its pauses forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);

/// A container as its pod has it.
pub(super) struct Container<'a> {
    pub(super) pod: &'a Object,
    pub(super) spec: &'a Value,
    /// Its status as it is stored; null where it has none.
    pub(super) known: &'a Value,
    pub(super) is_init: bool,
    /// Whether somebody added it to look into the pod: it is never started again.
    pub(super) is_ephemeral: bool,
    pub(super) now: Timestamp,
}

/// What becomes of it.
pub(super) struct Next {
    /// Its status.
    pub(super) status: Value,
    /// When to look again.
    pub(super) wake: Option<Duration>,
    /// It did not come to run, or ended badly: the reason and message of an event.
    pub(super) trouble: Option<(&'static str, String)>,
}

impl Container<'_> {
    pub(super) fn name(&self) -> &str {
        self.spec["name"].as_str().unwrap_or("")
    }

    fn image(&self) -> &str {
        self.spec["image"].as_str().unwrap_or("")
    }

    /// Whether it is an init container that runs on beside the others.
    pub(super) fn is_sidecar(&self) -> bool {
        self.is_init && self.spec["restartPolicy"] == "Always"
    }

    /// Whether it is started again after it ended with a code.
    fn is_restarted(&self, code: i64) -> bool {
        if self.is_ephemeral {
            return false;
        }
        let policy = self.pod.text(&["spec", "restartPolicy"]);
        match self.spec["restartPolicy"].as_str().unwrap_or(policy) {
            "Never" => false,
            "OnFailure" => code != 0,
            _ => !self.is_init || self.is_sidecar() || code != 0,
        }
    }

    /// It waits for others.
    pub(super) fn waiting(&self) -> Next {
        let reason = if self.is_init || self.pod.items(&["spec", "initContainers"]).is_empty() {
            "ContainerCreating"
        } else {
            "PodInitializing"
        };
        if self.known["state"]["waiting"]["reason"] == reason {
            return next(self.known.clone());
        }
        next(self.status(&json!({"waiting": {"reason": reason}})))
    }

    /// What becomes of it now that nothing stands before it.
    pub(super) fn advance(&self) -> Next {
        let behaviour = Behaviour::of(self.pod, self.spec, self.is_init);
        let state = &self.known["state"];
        if let Some(running) = state.get("running") {
            let since = time::time_of(&running["startedAt"]).unwrap_or(self.now);
            return self.run_on(&behaviour, since);
        }
        if let Some(ended) = state.get("terminated") {
            let code = ended["exitCode"].as_i64().unwrap_or(0);
            if !self.is_restarted(code) {
                return next(self.known.clone());
            }
            return self.back_off(&behaviour, ended);
        }
        if !behaviour.has_image {
            return self.without_image();
        }
        if state["waiting"]["reason"] == "CrashLoopBackOff" {
            let ended = &self.known["lastState"]["terminated"];
            return self.back_off(&behaviour, ended);
        }
        let made = time::time_at(self.pod, &["status", "startTime"]).unwrap_or(self.now);
        let left = left(made, behaviour.start_after, self.now);
        if left.is_zero() {
            return self.start(&behaviour, 0, &Value::Null);
        }
        Next {
            wake: Some(left),
            ..next(self.status(&json!({"waiting": {"reason": "ContainerCreating"}})))
        }
    }

    /// It starts; an init container that has nothing to do but to end well has ended.
    fn start(&self, behaviour: &Behaviour, restarts: i64, last: &Value) -> Next {
        let started = time::seconds(self.now);
        let id = self.id(restarts);
        let exit = behaviour.exit.as_ref();
        let ends = exit.filter(|exit| exit.after.is_zero() && exit.code == 0 && self.is_init);
        let mut status = if let Some(exit) = ends {
            self.status(&json!({"terminated": {
                "exitCode": 0,
                "reason": exit.reason,
                "startedAt": started,
                "finishedAt": started,
                "containerID": id,
            }}))
        } else {
            self.status(&json!({"running": {"startedAt": started}}))
        };
        status["restartCount"] = restarts.into();
        status["containerID"] = id.into();
        status["imageID"] = format!("{}@sha256:{}", self.image(), digest(&[self.image()])).into();
        if !last.is_null() {
            status["lastState"] = json!({"terminated": last});
        }
        if ends.is_some() {
            status["ready"] = true.into();
            return next(status);
        }
        status["started"] = true.into();
        let (ready, until_ready) = readiness(behaviour, Duration::ZERO);
        status["ready"] = ready.into();
        // How it ends is seen when it is looked at again: at once, where it ends at once.
        let until_end = exit.map(|exit| exit.after);
        Next {
            wake: until_end.into_iter().chain(until_ready).min(),
            ..next(status)
        }
    }

    fn run_on(&self, behaviour: &Behaviour, since: Timestamp) -> Next {
        if let Some(exit) = &behaviour.exit {
            let until_end = left(since, exit.after, self.now);
            if until_end.is_zero() {
                let ended = since.checked_add(exit.after).unwrap_or(self.now);
                return self.end(exit.code, &exit.reason, ended);
            }
        }
        let ran = Duration::try_from(self.now.duration_since(since)).unwrap_or_default();
        let (ready, until_ready) = readiness(behaviour, ran);
        let mut status = self.known.clone();
        status["ready"] = ready.into();
        let until_end = behaviour.exit.as_ref();
        let until_end = until_end.map(|exit| left(since, exit.after, self.now));
        Next {
            wake: until_end.into_iter().chain(until_ready).min(),
            ..next(status)
        }
    }

    /// It has ended; where it is started again, it may have to wait.
    pub(super) fn end(&self, code: i64, reason: &str, at: Timestamp) -> Next {
        let started = &self.known["state"]["running"]["startedAt"];
        let ended = json!({
            "exitCode": code,
            "reason": reason,
            "startedAt": started,
            "finishedAt": time::seconds(at),
            "containerID": self.known["containerID"],
        });
        if self.is_restarted(code) {
            let behaviour = Behaviour::of(self.pod, self.spec, self.is_init);
            return self.back_off(&behaviour, &ended);
        }
        let mut status = self.known.clone();
        status["ready"] = (self.is_init && code == 0).into();
        status["started"] = false.into();
        status["state"] = json!({"terminated": ended});
        next(status)
    }

    /// Starts again after a pause.
    fn back_off(&self, behaviour: &Behaviour, ended: &Value) -> Next {
        let restarts = self.known["restartCount"].as_i64().unwrap_or(0);
        let at = |field: &str| time::time_of(&ended[field]).unwrap_or(self.now);
        let ran = at("finishedAt").duration_since(at("startedAt"));
        let is_forgotten = Duration::try_from(ran).unwrap_or_default() >= FORGOTTEN_AFTER;
        let pause = match u32::try_from(restarts).unwrap_or(u32::MAX).checked_sub(1) {
            Some(doublings) if !is_forgotten => {
                let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
                BACKOFF_FIRST.saturating_mul(factor.max(1)).min(BACKOFF_MAX)
            }
            _ => Duration::ZERO,
        };
        let wait = left(at("finishedAt"), pause, self.now);
        if wait.is_zero() {
            return self.start(behaviour, restarts + 1, ended);
        }
        let (name, pod) = (self.name(), self.pod);
        let place = format!("{}_{}({})", pod.name(), pod.namespace(), pod.uid());
        let message = format!(
            "back-off {} restarting failed container={name} pod={place}",
            pretty(pause)
        );
        let mut status = self.status(&json!({
            "waiting": {"reason": "CrashLoopBackOff", "message": message},
        }));
        status["restartCount"] = restarts.into();
        status["lastState"] = json!({"terminated": ended});
        for field in ["containerID", "imageID"] {
            status[field] = self.known[field].clone();
        }
        let message = format!("Back-off restarting failed container {name} in pod {place}");
        Next {
            status,
            wake: Some(wait),
            trouble: Some(("BackOff", message)),
        }
    }

    fn without_image(&self) -> Next {
        let image = self.image();
        let reason = &self.known["state"]["waiting"]["reason"];
        if reason == "ImagePullBackOff" {
            return next(self.known.clone());
        }
        if reason == "ErrImagePull" {
            let message = format!("Back-off pulling image \"{image}\"");
            let waiting = json!({"reason": "ImagePullBackOff", "message": message});
            return Next {
                trouble: Some(("BackOff", message)),
                ..next(self.status(&json!({"waiting": waiting})))
            };
        }
        let message = format!("failed to pull and unpack image \"{image}\": not found");
        Next {
            trouble: Some((
                "Failed",
                format!("Failed to pull image \"{image}\": {message}"),
            )),
            ..next(self.status(&json!({
                "waiting": {"reason": "ErrImagePull", "message": message},
            })))
        }
    }

    fn status(&self, state: &Value) -> Value {
        json!({
            "name": self.name(),
            "image": self.image(),
            "imageID": "",
            "ready": false,
            "restartCount": 0,
            "started": false,
            "state": state,
        })
    }

    fn id(&self, restarts: i64) -> String {
        let digest = digest(&[self.pod.uid(), self.name(), &restarts.to_string()]);
        format!("containerd://{digest}")
    }
}

fn next(status: Value) -> Next {
    Next {
        status,
        wake: None,
        trouble: None,
    }
}

fn readiness(behaviour: &Behaviour, ran: Duration) -> (bool, Option<Duration>) {
    match behaviour.ready_after {
        Some(after) if after <= ran => (true, None),
        Some(after) => (false, Some(after.saturating_sub(ran))),
        None => (false, None),
    }
}

/// How much of a pause that began at a time is left.
pub(super) fn left(since: Timestamp, pause: Duration, now: Timestamp) -> Duration {
    let until = since.checked_add(pause).unwrap_or(Timestamp::MAX);
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text
}

fn pretty(pause: Duration) -> String {
    let seconds = pause.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

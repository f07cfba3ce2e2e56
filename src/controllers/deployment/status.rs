//! What a Deployment has come to: counts, availability, progress and its deadline.
//!
//! *Upstream:* `pkg/controller/deployment/progress.go`, `pkg/controller/deployment/sync.go`
//! (`calculateStatus`, `checkPausedConditions`).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::shared::conditions;
use super::replica_sets::{self, ReplicaSets, size};
use crate::object::{Object, time};
use crate::runner::kinds::DEPLOYMENTS;
use crate::runner::{Again, Plan, Step};

const PROGRESSING: &str = "Progressing";
const AVAILABLE: &str = "Available";
const REPLICA_FAILURE: &str = "ReplicaFailure";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const DONE: &str = "NewReplicaSetAvailable";

/// Whether a rollout that stands still for too long is to be reported.
pub(super) fn has_deadline(deployment: &Object) -> bool {
    deadline(deployment).is_some()
}

fn deadline(deployment: &Object) -> Option<Duration> {
    let seconds = deployment.integer(&["spec", "progressDeadlineSeconds"]);
    let seconds = seconds.filter(|seconds| *seconds != i64::from(i32::MAX))?;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// The condition that tells of progress.
pub(super) fn progressing(deployment: &Object) -> Option<&Value> {
    conditions::find(deployment.items(&["status", "conditions"]), PROGRESSING)
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, now: Timestamp) -> Value {
    let now = time::seconds(now);
    json!({
        "type": kind,
        "status": status,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    })
}

/// Sets a condition at the end, unless it is there with this status and reason.
fn set(conditions: &mut Vec<Value>, mut condition: Value) {
    let kind = condition["type"].as_str().unwrap_or_default().to_owned();
    if let Some(known) = conditions::find(conditions, &kind)
        && known["status"] == condition["status"]
    {
        if known["reason"] == condition["reason"] {
            return;
        }
        condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
    }
    conditions::remove(conditions, &kind);
    conditions.push(condition);
}

/// Sets the condition that tells of progress.
pub(super) fn progress(
    deployment: &mut Object,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let mut conditions = deployment.items(&["status", "conditions"]).to_vec();
    set(
        &mut conditions,
        condition(PROGRESSING, status, reason, message, now),
    );
    deployment.set(&["status", "conditions"], conditions);
}

/// Tells of a pause and its end, so that nobody takes it for a standstill.
pub(super) fn note_pause(deployment: &Object, now: Timestamp) -> Option<Plan> {
    let reason = progressing(deployment).map(|known| known["reason"].as_str().unwrap_or(""));
    if !has_deadline(deployment) || reason == Some(TIMED_OUT) {
        return None;
    }
    let is_noted = reason == Some("DeploymentPaused");
    let (reason, message) = match (deployment.is_true(&["spec", "paused"]), is_noted) {
        (true, false) => ("DeploymentPaused", "Deployment is paused"),
        (false, true) => ("DeploymentResumed", "Deployment is resumed"),
        _ => return None,
    };
    let mut noted = deployment.clone();
    progress(&mut noted, "Unknown", reason, message, now);
    Some(Plan::of(Step::update_status(&DEPLOYMENTS, noted)))
}

/// The status that the ReplicaSets give, without a word on progress.
fn calculate(deployment: &Object, sets: &ReplicaSets, now: Timestamp) -> (Value, Vec<Value>) {
    let available = sets.sum("availableReplicas");
    let new = sets.new.as_deref();
    let mut status = json!({
        "observedGeneration": deployment.generation(),
        "replicas": sets.sum("replicas"),
        "updatedReplicas": new.map_or(0, |new| replica_sets::status(new, "replicas")),
        "readyReplicas": sets.sum("readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": (sets.size() - available).max(0),
    });
    if let Some(count) = deployment.get(&["status", "collisionCount"]) {
        status["collisionCount"] = count.clone();
    }
    let is_silent = |set: &Object| {
        set.get(&["status", "terminatingReplicas"]).is_none()
            && replica_sets::status(set, "observedGeneration") != 0
    };
    if !sets.all().any(|set| is_silent(set)) {
        status["terminatingReplicas"] = sets.sum("terminatingReplicas").into();
    }
    let mut conditions = deployment.items(&["status", "conditions"]).to_vec();
    let min = size(deployment) - replica_sets::max_unavailable(deployment);
    let (word, reason, message) = if available >= min {
        (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    set(
        &mut conditions,
        condition(AVAILABLE, word, reason, message, now),
    );
    (status, conditions)
}

/// Writes the status of a Deployment that does not roll out.
pub(super) fn sync(deployment: &Object, sets: &ReplicaSets, now: Timestamp) -> Plan {
    let (status, conditions) = calculate(deployment, sets, now);
    update(deployment, status, conditions).unwrap_or_default()
}

/// Writes the status of a rollout and, where nothing changes, waits for its deadline.
pub(super) fn sync_rollout(deployment: &Object, sets: &ReplicaSets, now: Timestamp) -> Plan {
    let (status, mut conditions) = calculate(deployment, sets, now);
    if has_deadline(deployment) {
        tell_progress(deployment, sets, &status, &mut conditions, now);
    } else {
        conditions::remove(&mut conditions, PROGRESSING);
    }
    match failure(sets) {
        Some(failure) => set(&mut conditions, failure),
        None => conditions::remove(&mut conditions, REPLICA_FAILURE),
    }
    let is_complete = is_complete(deployment, Some(&status));
    update(deployment, status, conditions).unwrap_or_else(|| wait(deployment, is_complete, now))
}

fn tell_progress(
    deployment: &Object,
    sets: &ReplicaSets,
    status: &Value,
    conditions: &mut Vec<Value>,
    now: Timestamp,
) {
    let known = progressing(deployment);
    let was_done = known.is_some_and(|known| known["reason"] == DONE);
    if was_done && status["replicas"] == status["updatedReplicas"] {
        return;
    }
    let who = match &sets.new {
        Some(new) => format!("ReplicaSet \"{}\"", new.name()),
        None => format!("Deployment \"{}\"", deployment.name()),
    };
    if is_complete(deployment, Some(status)) {
        let message = format!("{who} has successfully progressed.");
        set(
            conditions,
            condition(PROGRESSING, "True", DONE, &message, now),
        );
    } else if is_progressing(deployment, status) {
        let message = format!("{who} is progressing.");
        let mut told = condition(PROGRESSING, "True", "ReplicaSetUpdated", &message, now);
        if let Some(known) = known.filter(|known| known["status"] == "True") {
            told["lastTransitionTime"] = known["lastTransitionTime"].clone();
        }
        conditions::remove(conditions, PROGRESSING);
        conditions.push(told);
    } else if has_timed_out(deployment, conditions, now) {
        let message = format!("{who} has timed out progressing.");
        set(
            conditions,
            condition(PROGRESSING, "False", TIMED_OUT, &message, now),
        );
    }
}

/// Whether all pods that are asked for are of the present template and available.
pub(super) fn is_complete(deployment: &Object, status: Option<&Value>) -> bool {
    let count = |field: &str| {
        status
            .and_then(|status| status[field].as_i64())
            .unwrap_or(0)
    };
    let asked = size(deployment);
    ["updatedReplicas", "replicas", "availableReplicas"]
        .iter()
        .all(|field| count(field) == asked)
        && count("observedGeneration") >= deployment.generation()
}

fn is_progressing(deployment: &Object, status: &Value) -> bool {
    let before = |field: &str| replica_sets::status(deployment, field);
    let after = |field: &str| status[field].as_i64().unwrap_or(0);
    let old_before = before("replicas") - before("updatedReplicas");
    let old_after = after("replicas") - after("updatedReplicas");
    old_after < old_before
        || ["updatedReplicas", "readyReplicas", "availableReplicas"]
            .iter()
            .any(|field| after(field) > before(field))
}

fn has_timed_out(deployment: &Object, conditions: &[Value], now: Timestamp) -> bool {
    let Some(known) = conditions::find(conditions, PROGRESSING) else {
        return false;
    };
    if known["reason"] == DONE {
        return false;
    }
    known["reason"] == TIMED_OUT || due(deployment, known).is_some_and(|due| due < now)
}

/// When progress is overdue.
fn due(deployment: &Object, known: &Value) -> Option<Timestamp> {
    let since = time::time_of(&known["lastUpdateTime"])?;
    since.checked_add(deadline(deployment)?).ok()
}

/// Looks again when progress is overdue.
fn wait(deployment: &Object, is_complete: bool, now: Timestamp) -> Plan {
    let known = progressing(deployment).filter(|known| known["reason"] != TIMED_OUT);
    let due = known.and_then(|known| due(deployment, known));
    let Some(due) = due.filter(|_| !is_complete) else {
        return Plan::nothing();
    };
    let left = Duration::try_from(due.duration_since(now)).unwrap_or_default();
    // A second more, since times are kept in whole seconds.
    Plan::nothing().and_again(Again::After(left + Duration::from_secs(1)))
}

/// The condition of the first ReplicaSet, the new one before others, that cannot make its pods.
fn failure(sets: &ReplicaSets) -> Option<Value> {
    let of = |set: &Object| {
        conditions::find(set.items(&["status", "conditions"]), REPLICA_FAILURE).cloned()
    };
    let new = sets.new.iter();
    let mut failure = new.chain(&sets.old).find_map(|set| of(set))?;
    failure["lastUpdateTime"] = failure["lastTransitionTime"].clone();
    Some(failure)
}

/// Writes a status that is another than the stored one.
fn update(deployment: &Object, mut status: Value, conditions: Vec<Value>) -> Option<Plan> {
    status["conditions"] = conditions.into();
    let known = deployment.get(&["status"]).unwrap_or(&Value::Null);
    let fields = status.as_object().into_iter().flatten();
    let is_same = fields.clone().all(|(field, value)| {
        let known = known.get(field).unwrap_or(&Value::Null);
        known == value || (known.is_null() && *value == 0 && field != "terminatingReplicas")
    });
    let is_less =
        known.get("terminatingReplicas").is_some() && status.get("terminatingReplicas").is_none();
    if is_same && !is_less {
        return None;
    }
    let mut changed = deployment.clone();
    changed.set(&["status"], status);
    Some(Plan::of(Step::update_status(&DEPLOYMENTS, changed)))
}

//! What a StatefulSet has come to.
//!
//! *Upstream:* `pkg/controller/statefulset/stateful_set_control.go` (`updateStatus`),
//! `pkg/controller/statefulset/stateful_set_utils.go` (`completeUpdate`, `inconsistentStatus`).

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::shared::pods;
use super::identity;
use super::revisions::Revisions;
use crate::object::Object;
use crate::runner::kinds::STATEFUL_SETS;
use crate::runner::{Plan, Step};

/// The status that the pods give.
pub(super) fn calculate(
    set: &Object,
    own: &[Arc<Object>],
    revisions: &Revisions,
    now: Timestamp,
) -> Value {
    let min_ready = set.integer(&["spec", "minReadySeconds"]).unwrap_or(0);
    let count = |counts: &dyn Fn(&Object) -> bool| {
        i64::try_from(own.iter().filter(|pod| counts(pod)).count()).unwrap_or(0)
    };
    let is_ready =
        |pod: &Object| pod.text(&["status", "phase"]) == "Running" && pods::is_ready(pod);
    let is_of = |pod: &Object, revision: &Object| {
        !pod.is_being_deleted() && identity::revision(pod) == revision.name()
    };
    let replicas = count(&|_| true);
    let ready = count(&is_ready);
    let updated = count(&|pod| is_of(pod, &revisions.update));
    let mut current = count(&|pod| is_of(pod, &revisions.current));
    let mut name = revisions.current.name();
    let size = identity::size(set);
    if updated == size && ready == size && replicas == size {
        current = updated;
        name = revisions.update.name();
    }
    let available = |pod: &Object| is_ready(pod) && pods::is_available(pod, min_ready, now);
    json!({
        "observedGeneration": set.generation(),
        "replicas": replicas,
        "readyReplicas": ready,
        "availableReplicas": count(&available),
        "currentReplicas": current,
        "updatedReplicas": updated,
        "currentRevision": name,
        "updateRevision": revisions.update.name(),
        "collisionCount": revisions.collisions,
    })
}

/// Writes a status that is another than the stored one.
pub(super) fn update(set: &Object, mut status: Value) -> Plan {
    let known = set.get(&["status"]).unwrap_or(&Value::Null);
    let fields = status.as_object().into_iter().flatten();
    let is_same = fields
        .filter(|(field, _)| *field != "collisionCount")
        .all(|(field, value)| {
            let known = known.get(field).unwrap_or(&Value::Null);
            known == value || (known.is_null() && *value == 0)
        });
    if is_same {
        return Plan::nothing();
    }
    if let Some(conditions) = known.get("conditions") {
        status["conditions"] = conditions.clone();
    }
    let mut changed = set.clone();
    changed.set(&["status"], status);
    Plan::of(Step::update_status(&STATEFUL_SETS, changed))
}

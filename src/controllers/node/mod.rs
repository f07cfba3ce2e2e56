//! Nodes: whether they are alive, what their state keeps away from them, and which pods must go.

pub(super) mod device_eviction;
pub(super) mod eviction;
pub(super) mod lifecycle;
pub(super) mod pod_garbage;
mod taints;
pub(super) mod ttl;

use serde_json::{Value, json};

use crate::object::{Object, time};
use crate::runner::Step;
use crate::runner::kinds::PODS;

/// Says that a pod is about to go, and why; nothing where it says so already.
///
/// *Upstream:* `pkg/api/v1/pod/util.go` (`UpdatePodCondition`).
fn disrupt(pod: &Object, reason: &str, message: &str, now: jiff::Timestamp) -> Option<Value> {
    let mut conditions = pod.items(&["status", "conditions"]).to_vec();
    let mut condition = json!({
        "type": "DisruptionTarget",
        "status": "True",
        "lastTransitionTime": time::seconds(now),
        "reason": reason,
        "message": message,
    });
    if pod.integer(&["status", "observedGeneration"]).is_some() {
        condition["observedGeneration"] = pod.generation().into();
    }
    match conditions
        .iter_mut()
        .find(|one| one["type"] == "DisruptionTarget")
    {
        Some(known) if known["status"] == "True" && known["reason"] == reason => return None,
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
    Some(conditions.into())
}

/// Writes a pod's status.
fn with_status(pod: &Object, change: impl FnOnce(&mut Object)) -> Step {
    let mut pod = pod.clone();
    change(&mut pod);
    Step::update_status(&PODS, pod).or_go_on()
}

//! The taints that a node's state puts on it.
//!
//! *Upstream:* `pkg/controller/nodelifecycle/node_lifecycle_controller.go`
//! (`doNoScheduleTaintingPass`, `doNoExecuteTaintingPass`), `pkg/util/taints`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::object::{Object, time};

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// A condition, what it says, and the taint it puts on the node then.
const BY_CONDITION: [(&str, &str, &str); 6] = [
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    (
        "MemoryPressure",
        "True",
        "node.kubernetes.io/memory-pressure",
    ),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    (
        "NetworkUnavailable",
        "True",
        "node.kubernetes.io/network-unavailable",
    ),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];

/// The taints a node should have, where it has others.
pub(super) fn wanted(node: &Object, now: Timestamp) -> Option<Value> {
    let wanted = by_state(node);
    let known = node.items(&["spec", "taints"]);
    let is_same = |taint: &Value, (key, effect): &(&str, &str)| {
        taint["key"] == *key && taint["effect"] == *effect
    };
    let mut taints: Vec<Value> = known
        .iter()
        .filter(|taint| !is_own(taint) || wanted.iter().any(|one| is_same(taint, one)))
        .cloned()
        .collect();
    for one in &wanted {
        if !taints.iter().any(|taint| is_same(taint, one)) {
            let (key, effect) = one;
            taints.push(json!({
                "key": key,
                "effect": effect,
                "timeAdded": time::seconds(now),
            }));
        }
    }
    (taints != known).then(|| taints.into())
}

/// The taints that follow from a node's state.
fn by_state(node: &Object) -> Vec<(&'static str, &'static str)> {
    let conditions = node.items(&["status", "conditions"]);
    let mut taints = Vec::new();
    for (condition, status, key) in BY_CONDITION {
        let holds = conditions
            .iter()
            .any(|one| one["type"] == condition && one["status"] == status);
        if !holds {
            continue;
        }
        taints.push((key, "NoSchedule"));
        if condition == "Ready" {
            taints.push((key, "NoExecute"));
        }
    }
    if node.is_true(&["spec", "unschedulable"]) {
        taints.push((UNSCHEDULABLE, "NoSchedule"));
    }
    taints
}

/// Whether a taint is this controller's to take away.
fn is_own(taint: &Value) -> bool {
    let key = taint["key"].as_str().unwrap_or("");
    let is_of_state = key == UNSCHEDULABLE || BY_CONDITION.iter().any(|(_, _, own)| *own == key);
    match taint["effect"].as_str() {
        Some("NoSchedule") => is_of_state,
        Some("NoExecute") => key == NOT_READY || key == UNREACHABLE,
        _ => false,
    }
}

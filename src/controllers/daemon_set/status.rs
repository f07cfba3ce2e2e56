//! What a DaemonSet has come to.
//!
//! *Upstream:* `pkg/controller/daemon/daemon_controller.go` (`updateDaemonSetStatus`).

use serde_json::{Value, json};

use super::super::shared::pods;
use super::View;
use crate::runner::kinds::DAEMON_SETS;
use crate::runner::{Plan, Step};

/// Writes the status that nodes and pods give, where it is another than the stored one.
pub(super) fn update(view: &View<'_>) -> Plan {
    let (mut desired, mut current, mut misscheduled) = (0, 0, 0);
    let (mut ready, mut available, mut updated) = (0, 0, 0);
    for node in &view.nodes {
        let pod = view.pods.get(node.name()).and_then(|pods| pods.first());
        if !view.wish.judge(node).runs {
            misscheduled += i64::from(pod.is_some());
            continue;
        }
        desired += 1;
        let Some(pod) = pod else { continue };
        current += 1;
        ready += i64::from(pods::is_ready(pod));
        available += i64::from(view.is_available(pod));
        updated += i64::from(view.is_updated(pod));
    }
    let counts = json!({
        "observedGeneration": view.set.generation(),
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": current,
        "numberMisscheduled": misscheduled,
        "numberReady": ready,
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        "numberUnavailable": desired - available,
    });
    let mut status = view
        .set
        .get(&["status"])
        .cloned()
        .unwrap_or_else(|| json!({}));
    let fields = counts.as_object().into_iter().flatten();
    let is_same = fields.clone().all(|(field, value)| {
        let known = status.get(field).unwrap_or(&Value::Null);
        known == value || (known.is_null() && *value == 0)
    });
    if is_same {
        return Plan::nothing();
    }
    for (field, value) in fields {
        status[field] = value.clone();
    }
    let mut changed = view.set.clone();
    changed.set(&["status"], status);
    Plan::of(Step::update_status(&DAEMON_SETS, changed))
}

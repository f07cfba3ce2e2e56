//! New pods come while old ones go, within what the fence of surge and unavailability allows.
//!
//! *Upstream:* `pkg/controller/deployment/rolling.go`.

use std::sync::Arc;

use super::replica_sets::{self, ReplicaSets, size, status};
use super::{revision, scale};
use crate::object::Object;
use crate::runner::{Plan, World};

/// The next step; `None` where only the status is left.
pub(super) fn step(world: &World, deployment: &Object, sets: &ReplicaSets) -> Option<Plan> {
    let Some(new) = &sets.new else {
        return Some(revision::create(world, deployment, sets));
    };
    let asked = size(deployment);
    let to = if size(new) > asked {
        asked
    } else {
        replica_sets::new_size(deployment, sets.size(), size(new))
    };
    let plan = scale::set(deployment, new, to, false);
    if !plan.is_empty() {
        return Some(plan);
    }
    let plan = shrink_old(deployment, sets, new);
    (!plan.is_empty()).then_some(plan)
}

/// Scales old ReplicaSets down: first by their pods that are not available, which costs nothing,
/// then as far as enough others are.
fn shrink_old(deployment: &Object, sets: &ReplicaSets, new: &Object) -> Plan {
    let mut plan = Plan::nothing();
    let mut old: Vec<Arc<Object>> = sets.active_old().cloned().collect();
    if old.is_empty() {
        return plan;
    }
    let min_available = size(deployment) - replica_sets::max_unavailable(deployment);
    let new_unavailable = size(new) - status(new, "availableReplicas");
    let max = sets.size() - min_available - new_unavailable;
    if max <= 0 {
        return plan;
    }
    let mut gone = 0;
    for set in &mut old {
        let unavailable = size(set) - status(set, "availableReplicas");
        if gone >= max || unavailable <= 0 {
            continue;
        }
        let count = unavailable.min(max - gone);
        let to = size(set) - count;
        plan.append(scale::set(deployment, set, to, false));
        gone += count;
        let mut changed = Object::clone(set);
        changed.set(&["spec", "replicas"], to);
        // The next update is of what this one leaves.
        changed.remove(&["metadata", "resourceVersion"]);
        *set = Arc::new(changed);
    }
    let available: i64 = old.iter().map(|set| status(set, "availableReplicas")).sum();
    let spare = available + status(new, "availableReplicas") - min_available;
    let mut gone = 0;
    for set in &old {
        if gone >= spare || size(set) == 0 {
            continue;
        }
        let count = size(set).min(spare - gone);
        plan.append(scale::set(deployment, set, size(set) - count, false));
        gone += count;
    }
    plan
}

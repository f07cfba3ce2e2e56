//! All old pods go before the first new one comes.
//!
//! *Upstream:* `pkg/controller/deployment/recreate.go`.

use super::replica_sets::{ReplicaSets, size, status};
use super::{revision, scale};
use crate::object::Object;
use crate::runner::kinds::PODS;
use crate::runner::{Plan, World};

/// The next step; `None` where only the status is left.
pub(super) fn step(world: &World, deployment: &Object, sets: &ReplicaSets) -> Option<Plan> {
    let mut plan = Plan::nothing();
    for old in sets.active_old() {
        plan.append(scale::set(deployment, old, 0, false));
    }
    if !plan.is_empty() {
        return Some(plan);
    }
    if has_old_pods(world, sets) {
        return None;
    }
    let Some(new) = &sets.new else {
        return Some(revision::create(world, deployment, sets));
    };
    let plan = scale::set(deployment, new, size(deployment), false);
    (!plan.is_empty()).then_some(plan)
}

fn has_old_pods(world: &World, sets: &ReplicaSets) -> bool {
    sets.old.iter().any(|old| {
        let is_left = |pod: &&str| !matches!(*pod, "Succeeded" | "Failed");
        let pods = world.controlled(&PODS, old);
        let mut phases = pods.iter().map(|pod| pod.text(&["status", "phase"]));
        status(old, "replicas") > 0 || phases.any(|phase| is_left(&phase))
    })
}

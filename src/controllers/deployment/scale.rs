//! ReplicaSets scaled: one, or all in proportion when the Deployment is scaled midway.
//!
//! *Upstream:* `pkg/controller/deployment/sync.go` (`scale`, `scaleReplicaSet`).

use std::sync::Arc;

use super::replica_sets::{self, DESIRED, MAX, ReplicaSets, size, status};
use super::tell_scaled;
use crate::object::Object;
use crate::runner::kinds::REPLICA_SETS;
use crate::runner::{Plan, Step};

/// Has a ReplicaSet ask for so many pods. Unless forced, one that does so already is left alone.
pub(super) fn set(deployment: &Object, set: &Object, to: i64, is_forced: bool) -> Plan {
    let from = size(set);
    let asked = size(deployment);
    let max = asked + replica_sets::max_surge(deployment);
    let is_noted = replica_sets::number(set, DESIRED) == Some(asked)
        && replica_sets::number(set, MAX) == Some(max);
    if from == to && (!is_forced || is_noted) {
        return Plan::nothing();
    }
    let mut changed = set.clone();
    changed.set(&["spec", "replicas"], to);
    note(&mut changed, asked, max);
    let step = Step::update(&REPLICA_SETS, changed);
    if from == to {
        return Plan::of(step);
    }
    let way = if from < to { "up" } else { "down" };
    let event = tell_scaled(deployment, way, set.name(), from, to);
    Plan::of(step.tell(move |outcome| outcome.is_success().then_some(event)))
}

/// Notes on a ReplicaSet for how many pods the Deployment asks.
pub(super) fn note(set: &mut Object, asked: i64, max: i64) {
    set.set(&["metadata", "annotations", DESIRED], asked.to_string());
    set.set(&["metadata", "annotations", MAX], max.to_string());
}

/// Follows a Deployment that was scaled. In the middle of a rollout all ReplicaSets grow or shrink
/// in proportion, so that none of the templates gains by it.
pub(super) fn proportionally(deployment: &Object, sets: &ReplicaSets) -> Plan {
    let asked = size(deployment);
    let active: Vec<_> = sets.all().filter(|set| size(set) > 0).collect();
    let only = match active.as_slice() {
        [] => sets.new.as_ref().or(sets.old.last()),
        [one] => Some(*one),
        _ => None,
    };
    if let Some(only) = only {
        return set(deployment, only, asked, false);
    }
    if active.is_empty() {
        return Plan::nothing();
    }
    if sets
        .new
        .as_ref()
        .is_some_and(|new| is_saturated(deployment, new))
    {
        let mut plan = Plan::nothing();
        for old in sets.active_old() {
            plan.append(set(deployment, old, 0, false));
        }
        return plan;
    }
    if deployment.text(&["spec", "strategy", "type"]) != "RollingUpdate" {
        return Plan::nothing();
    }
    distribute(deployment, active)
}

/// Distributes what is to be added or taken away, the largest first, which takes what is left over.
fn distribute(deployment: &Object, mut active: Vec<&Arc<Object>>) -> Plan {
    let asked = size(deployment);
    let total: i64 = active.iter().map(|set| size(set)).sum();
    let allowed = if asked > 0 {
        asked + replica_sets::max_surge(deployment)
    } else {
        0
    };
    let to_add = allowed - total;
    let age = |set: &Object| {
        let created = set.text(&["metadata", "creationTimestamp"]);
        (created.to_owned(), set.name().to_owned())
    };
    if to_add != 0 {
        active.sort_by(|left, right| {
            let ages = age(left).cmp(&age(right));
            let ages = if to_add > 0 { ages.reverse() } else { ages };
            size(right).cmp(&size(left)).then(ages)
        });
    }
    let mut added = 0;
    let mut sizes = Vec::new();
    for set in &active {
        let share = share(deployment, set, to_add, added);
        sizes.push(size(set) + share);
        added += share;
    }
    if to_add != 0
        && let Some(first) = sizes.first_mut()
    {
        *first = (*first + to_add - added).max(0);
    }
    let mut plan = Plan::nothing();
    for (one, to) in active.into_iter().zip(sizes) {
        plan.append(set(deployment, one, to, true));
    }
    plan
}

/// What of the change falls to a ReplicaSet.
fn share(deployment: &Object, set: &Object, to_add: i64, added: i64) -> i64 {
    if to_add == 0 || to_add == added {
        return 0;
    }
    let fraction = fraction(deployment, set);
    if to_add > 0 {
        fraction.min(to_add - added)
    } else {
        fraction.max(to_add - added)
    }
}

fn fraction(deployment: &Object, set: &Object) -> i64 {
    let asked = size(deployment);
    if asked == 0 {
        return -size(set);
    }
    let max = asked + replica_sets::max_surge(deployment);
    let before = replica_sets::number(set, MAX).filter(|before| *before != 0);
    let before = before.unwrap_or_else(|| status(deployment, "replicas"));
    if before == 0 {
        return 0;
    }
    // Rounded to the nearest; all of it is positive.
    (2 * size(set) * max + before).div_euclid(2 * before) - size(set)
}

/// Whether the new ReplicaSet has all the pods that are asked for.
fn is_saturated(deployment: &Object, new: &Object) -> bool {
    let asked = size(deployment);
    size(new) == asked
        && replica_sets::number(new, DESIRED) == Some(asked)
        && status(new, "availableReplicas") == asked
}

//! The next step of a StatefulSet: pods made, taken away, brought to a new revision; one after the
//! other unless all may go at once.
//!
//! *Upstream:* `pkg/controller/statefulset/stateful_set_control.go`.

use std::sync::Arc;

use super::super::shared::pods;
use super::super::shared::scaled::{self, Round};
use super::replicas::{Replica, Replicas};
use super::revisions::Revisions;
use super::{claims, identity, tell};
use crate::object::Object;
use crate::runner::kinds::PODS;
use crate::runner::{Plan, Step, World};

/// What is done about a pod, and whether the next has to wait for it.
struct Turn {
    plan: Plan,
    waits: bool,
}

/// The next step; empty where only the status is left.
pub(super) fn step(
    world: &World,
    set: &Object,
    replicas: &Replicas,
    revisions: &Revisions,
) -> Plan {
    let is_ordered = set.text(&["spec", "podManagementPolicy"]) != "Parallel";
    let mut plan = Plan::nothing();
    for replica in &replicas.wanted {
        let turn = keep(world, set, replicas, replica, is_ordered);
        plan.append(turn.plan);
        if turn.waits && is_ordered {
            return plan;
        }
    }
    for pod in &replicas.condemned {
        plan.append(claims::own(world, set, pod));
    }
    for pod in &replicas.condemned {
        let turn = condemn(set, replicas, pod, is_ordered);
        plan.append(turn.plan);
        if turn.waits && is_ordered {
            return plan;
        }
    }
    let is_on_delete = set.text(&["spec", "updateStrategy", "type"]) == "OnDelete";
    if plan.is_empty() && !is_on_delete {
        plan.append(renew(set, replicas, revisions, is_ordered));
    }
    plan
}

/// Has a pod be there and be itself.
fn keep(
    world: &World,
    set: &Object,
    replicas: &Replicas,
    replica: &Replica,
    is_ordered: bool,
) -> Turn {
    let pod = &replica.pod;
    let phase = pod.text(&["status", "phase"]);
    if matches!(phase, "Failed" | "Succeeded") {
        let plan = if pod.is_being_deleted() {
            Plan::nothing()
        } else {
            delete(set, pod)
        };
        return Turn { plan, waits: true };
    }
    let mut plan = Plan::nothing();
    if !replica.is_there {
        if claims::is_stale(world, set, pod) {
            return Turn { plan, waits: true };
        }
        plan.append(claims::create(world, set, pod));
        let (owner, what) = (set.clone(), format!("Pod {}", pod.name()));
        let step = Step::create(&PODS, Object::clone(pod)).tell(move |outcome| {
            let is_news = outcome.code != 409;
            is_news.then(|| tell(&owner, "Create", &what, "successful", outcome))
        });
        plan.step(step);
        return Turn { plan, waits: true };
    }
    if phase == "Pending" {
        plan.append(claims::create(world, set, pod));
        plan.append(claims::own(world, set, pod));
    }
    if !plan.is_empty() {
        return Turn { plan, waits: true };
    }
    let is_running = phase == "Running" && pods::is_ready(pod);
    if is_ordered && (pod.is_being_deleted() || !is_running || !replicas.is_available(pod)) {
        return Turn { plan, waits: true };
    }
    let is_owned = claims::own(world, set, pod).is_empty();
    if !identity::matches(set, pod) || !identity::is_mounted(set, pod) || !is_owned {
        plan.append(correct(world, set, pod));
    }
    Turn { plan, waits: false }
}

/// Has a pod's labels and volumes say again who it is.
fn correct(world: &World, set: &Object, pod: &Object) -> Plan {
    let mut plan = claims::create(world, set, pod);
    plan.append(claims::own(world, set, pod));
    let mut corrected = pod.clone();
    let ordinal = identity::ordinal(pod).unwrap_or(0);
    if !identity::matches(set, pod) {
        identity::label(&mut corrected, ordinal);
    }
    if !identity::is_mounted(set, pod) {
        identity::mount(set, &mut corrected, ordinal);
    }
    let (owner, what) = (set.clone(), format!("Pod {}", pod.name()));
    let step = Step::update(&PODS, corrected)
        .tell(move |outcome| Some(tell(&owner, "Update", &what, "successful", outcome)));
    plan.step(step);
    plan
}

fn condemn(set: &Object, replicas: &Replicas, pod: &Object, is_ordered: bool) -> Turn {
    let nothing = |waits| Turn {
        plan: Plan::nothing(),
        waits,
    };
    if pod.is_being_deleted() {
        return nothing(true);
    }
    let is_first = replicas.first_unavailable.as_deref() == Some(pod.name());
    let is_running = pod.text(&["status", "phase"]) == "Running" && pods::is_ready(pod);
    if is_ordered && !is_first && (!is_running || !replicas.is_available(pod)) {
        return nothing(true);
    }
    Turn {
        plan: delete(set, pod),
        waits: true,
    }
}

fn delete(set: &Object, pod: &Object) -> Plan {
    let (owner, what) = (set.clone(), format!("Pod {}", pod.name()));
    let step = Step::delete(&PODS, pod);
    Plan::of(step.tell(move |outcome| Some(tell(&owner, "Delete", &what, "successful", outcome))))
}

/// Takes away pods of the old revision, the last first, as many as may be missing.
fn renew(set: &Object, replicas: &Replicas, revisions: &Revisions, is_ordered: bool) -> Plan {
    let rolling = set.get(&["spec", "updateStrategy", "rollingUpdate"]);
    let partition = rolling.and_then(|rolling| rolling["partition"].as_u64());
    let partition = usize::try_from(partition.unwrap_or(0)).unwrap_or(0);
    let max = rolling.map(|rolling| &rolling["maxUnavailable"]);
    let max = max.filter(|max| !max.is_null()).map_or(1, |max| {
        scaled::count(Some(max), identity::size(set), Round::Down).max(1)
    });
    let pods: Vec<&Arc<Object>> = replicas.wanted.iter().map(|replica| &replica.pod).collect();
    let is_old = |pod: &Object| identity::revision(pod) != revisions.update.name();
    let unavailable: Vec<_> = pods
        .iter()
        .filter(|pod| replicas.is_unavailable(pod))
        .collect();
    let count = i64::try_from(unavailable.len()).unwrap_or(i64::MAX);
    let is_stuck = |pod: &Object| !is_ordered && is_old(pod) && !pod.is_being_deleted();
    if count >= max && !unavailable.iter().any(|pod| is_stuck(pod)) {
        return Plan::nothing();
    }
    let mut plan = Plan::nothing();
    let mut budget = max - count;
    let candidates = pods.iter().skip(partition).rev().filter(|pod| is_old(pod));
    if is_ordered {
        for pod in candidates.filter(|pod| !pod.is_being_deleted()) {
            if budget > 0 {
                plan.append(delete(set, pod));
                budget -= 1;
            }
        }
        return plan;
    }
    // Those that serve nobody cost nothing.
    for pod in candidates.clone() {
        if !replicas.is_available(pod) && !pod.is_being_deleted() {
            plan.append(delete(set, pod));
        }
    }
    for pod in candidates.filter(|pod| !replicas.is_unavailable(pod)) {
        if budget > 0 {
            plan.append(delete(set, pod));
            budget -= 1;
        }
    }
    plan
}

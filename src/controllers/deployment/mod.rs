//! `Deployment`: from one pod template to the next, a few pods at a time.
//!
//! Each look takes one step: what is written is told, and the Deployment is looked at again.
//!
//! *Upstream:* `pkg/controller/deployment`.

mod recreate;
mod replica_sets;
mod revision;
mod rolling;
mod scale;
mod status;

use std::sync::LazyLock;

use self::replica_sets::ReplicaSets;
use super::shared::adoption;
use crate::object::Object;
use crate::object::selector::LabelSelector;
use crate::runner::kinds::{DEPLOYMENTS, PODS, REPLICA_SETS};
use crate::runner::{
    About, Controller, Event, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// Who tells events.
const COMPONENT: &str = "deployment-controller";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Deployments;

impl Controller for Deployments {
    fn name(&self) -> &'static str {
        "deployment-controller"
    }

    fn width(&self) -> usize {
        16
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 3]> = LazyLock::new(|| [&DEPLOYMENTS, &REPLICA_SETS, &PODS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == DEPLOYMENTS.resource {
            items.add(&seen.resource, &seen.object.key);
        } else if seen.resource == REPLICA_SETS.resource {
            adoption::concerns(world, seen, &DEPLOYMENTS, selector, items);
        } else if seen.is_gone() {
            react_to_pod(world, &seen.parsed(), items);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(deployment) = world.object(item) else {
            return Plan::nothing();
        };
        let Some(selector) = selector(&deployment).filter(|selector| !selector.is_empty()) else {
            return Plan::nothing();
        };
        let owner: (&Object, &Kind) = (&deployment, &DEPLOYMENTS);
        let claim = adoption::claim(world, owner, &REPLICA_SETS, &selector, |_| true);
        if !claim.plan.is_empty() {
            return claim.plan;
        }
        let sets = ReplicaSets::of(&deployment, claim.own);
        sync(world, &deployment, &sets)
    }
}

fn selector(deployment: &Object) -> Option<LabelSelector> {
    LabelSelector::from_json(deployment.get(&["spec", "selector"])).ok()
}

/// A Deployment that recreates waits for the last old pod to be gone.
fn react_to_pod(world: &World, pod: &Object, items: &mut Items) {
    let set = adoption::controller_of(pod, &REPLICA_SETS);
    let set = set.and_then(|name| world.get(&REPLICA_SETS, pod.namespace(), &name));
    let name = set.and_then(|set| adoption::controller_of(&set, &DEPLOYMENTS));
    let Some(name) = name else { return };
    let deployment = world.get(&DEPLOYMENTS, pod.namespace(), &name);
    if deployment.is_some_and(|one| one.text(&["spec", "strategy", "type"]) == "Recreate") {
        items.push(&DEPLOYMENTS, pod.namespace(), &name);
    }
}

fn sync(world: &World, deployment: &Object, sets: &ReplicaSets) -> Plan {
    if deployment.is_being_deleted() {
        return revision::sync(world, deployment, sets)
            .unwrap_or_else(|| status::sync(deployment, sets, world.now));
    }
    if let Some(plan) = status::note_pause(deployment, world.now) {
        return plan;
    }
    if let Some(plan) = revision::sync(world, deployment, sets) {
        return plan;
    }
    if deployment.is_true(&["spec", "paused"]) || sets.is_scaling(deployment) {
        let plan = scale::proportionally(deployment, sets);
        if !plan.is_empty() {
            return plan;
        }
        let mut plan = Plan::nothing();
        if deployment.is_true(&["spec", "paused"]) {
            plan.append(clean_up(deployment, sets));
        }
        plan.append(status::sync(deployment, sets, world.now));
        return plan;
    }
    let step = match deployment.text(&["spec", "strategy", "type"]) {
        "Recreate" => recreate::step(world, deployment, sets),
        _ => rolling::step(world, deployment, sets),
    };
    if let Some(plan) = step {
        return plan;
    }
    let mut plan = Plan::nothing();
    if status::is_complete(deployment, deployment.get(&["status"])) {
        plan.append(clean_up(deployment, sets));
    }
    plan.append(status::sync_rollout(deployment, sets, world.now));
    plan
}

/// Takes away the oldest ReplicaSets without pods, but for those that the history keeps.
fn clean_up(deployment: &Object, sets: &ReplicaSets) -> Plan {
    let mut plan = Plan::nothing();
    let limit = deployment.integer(&["spec", "revisionHistoryLimit"]);
    let Some(limit) = limit.filter(|limit| *limit != i64::from(i32::MAX)) else {
        return plan;
    };
    let mut old: Vec<_> = sets
        .old
        .iter()
        .filter(|set| !set.is_being_deleted())
        .collect();
    let excess = old
        .len()
        .saturating_sub(usize::try_from(limit).unwrap_or(0));
    old.sort_by_key(|set| revision::of(set).unwrap_or(0));
    for set in old.into_iter().take(excess) {
        let observed = set.integer(&["status", "observedGeneration"]).unwrap_or(0);
        let has_pods = replica_sets::status(set, "replicas") != 0 || replica_sets::size(set) != 0;
        if !has_pods && set.generation() <= observed {
            plan.step(Step::delete(&REPLICA_SETS, set).or_go_on());
        }
    }
    plan
}

/// Tells of a ReplicaSet that was scaled.
fn tell_scaled(deployment: &Object, way: &str, set: &str, from: i64, to: i64) -> Event {
    let message = format!("Scaled {way} replica set {set} from {from} to {to}");
    let about = About::object(&DEPLOYMENTS, deployment);
    Event::normal(about, COMPONENT, "ScalingReplicaSet", message)
}

//! `StatefulSet`: pods with names that stay theirs, in order, each with its claims.
//!
//! *Upstream:* `pkg/controller/statefulset`.

mod claims;
mod identity;
mod replicas;
mod revisions;
mod status;
mod update;

use std::sync::LazyLock;
use std::time::Duration;

use self::replicas::Replicas;
use self::revisions::Revisions;
use super::shared::{adoption, pods};
use crate::object::Object;
use crate::object::selector::LabelSelector;
use crate::runner::kinds::{CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS};
use crate::runner::{
    About, Again, Controller, Event, Item, Items, Kind, Outcome, Plan, Seen, Watches, World,
};

const COMPONENT: &str = "statefulset-controller";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct StatefulSets;

impl Controller for StatefulSets {
    fn name(&self) -> &'static str {
        "statefulset-controller"
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 4]> = LazyLock::new(|| {
            [
                &STATEFUL_SETS,
                &PODS,
                &PERSISTENT_VOLUME_CLAIMS,
                &CONTROLLER_REVISIONS,
            ]
        });
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == STATEFUL_SETS.resource {
            items.add(&seen.resource, &seen.object.key);
        } else if seen.resource == PERSISTENT_VOLUME_CLAIMS.resource {
            if seen.is_gone() {
                claims::concern(world, seen, items);
            }
        } else {
            adoption::concerns(world, seen, &STATEFUL_SETS, selector, items);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(set) = world.object(item) else {
            return Plan::nothing();
        };
        let Some(selector) = selector(&set) else {
            return Plan::nothing();
        };
        let owner: (&Object, &Kind) = (&set, &STATEFUL_SETS);
        let history = adoption::claim(world, owner, &CONTROLLER_REVISIONS, &selector, |_| true);
        if !history.plan.is_empty() {
            return history.plan;
        }
        if set.is_being_deleted() && history.own.is_empty() {
            // What is collected with the set is not made again while the rest of it goes.
            return Plan::nothing();
        }
        let is_member = |pod: &Object| identity::is_member(&set, pod);
        let mut claim = adoption::claim(world, owner, &PODS, &selector, is_member);
        if !claim.plan.is_empty() {
            return claim.plan;
        }
        claim.own.retain(|pod| is_member(pod));
        match revisions::sync(world, &set, history.own) {
            Ok(revisions) => sync(world, &set, &claim.own, &revisions),
            Err(plan) => plan,
        }
    }
}

fn selector(set: &Object) -> Option<LabelSelector> {
    LabelSelector::from_json(set.get(&["spec", "selector"])).ok()
}

fn sync(
    world: &World,
    set: &Object,
    own: &[std::sync::Arc<Object>],
    revisions: &Revisions,
) -> Plan {
    let replicas = Replicas::of(set, own, revisions, world.now);
    let status = status::calculate(set, own, revisions, world.now);
    if set.is_being_deleted() {
        return status::update(set, status);
    }
    let mut plan = update::step(world, set, &replicas, revisions);
    if !plan.is_empty() {
        // What is done is told, and the status follows then; not so where it cannot be done.
        let set = set.clone();
        return plan.then(move |outcomes| {
            if outcomes.is_cut_short {
                status::update(&set, status)
            } else {
                Plan::nothing()
            }
        });
    }
    plan.append(status::update(set, status));
    plan.append(revisions::truncate(set, own, revisions));
    let min_ready = set.integer(&["spec", "minReadySeconds"]).unwrap_or(0);
    let next = own
        .iter()
        .filter_map(|pod| pods::available_in(pod, min_ready, world.now));
    if let Some(pause) = next.min() {
        plan.again(Again::After(pause.max(Duration::from_millis(1))));
    }
    plan
}

/// Tells what became of a pod or claim.
fn tell(set: &Object, verb: &str, what: &str, success: &str, outcome: &Outcome) -> Event {
    let about = About::object(&STATEFUL_SETS, set);
    let name = set.name();
    if outcome.is_success() {
        let message = format!("{verb} {what} in StatefulSet {name} {success}");
        return Event::normal(about, COMPONENT, &format!("Successful{verb}"), message);
    }
    let why = outcome.message();
    let message = format!("{verb} {what} in StatefulSet {name} failed error: {why}");
    Event::warning(about, COMPONENT, &format!("Failed{verb}"), message)
}

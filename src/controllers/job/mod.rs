//! `Job`: pods that run to their end, as often as asked for.
//!
//! A pod is counted once: its uid stands in the status before its finalizer goes, and the count
//! follows after. Each look takes one of these steps.
//!
//! *Upstream:* `pkg/controller/job`.

mod backoff;
mod end;
mod failure_policy;
mod index;
mod intervals;
mod look;
mod pods;
mod status;
mod success_policy;

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::json;

use self::look::Look;
use super::shared::{adoption, conditions};
use crate::client::PatchKind;
use crate::object::Object;
use crate::object::selector::LabelSelector;
use crate::runner::kinds::{JOBS, PODS};
use crate::runner::{Again, Controller, Item, Items, Kind, Plan, Seen, Step, Watches, World};

const COMPONENT: &str = "job-controller";
/// What keeps a pod until it is counted.
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
/// Who looks after a Job that names nobody.
const MANAGER: &str = "kubernetes.io/job-controller";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Jobs;

impl Controller for Jobs {
    fn name(&self) -> &'static str {
        "job-controller"
    }

    fn width(&self) -> usize {
        16
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&JOBS, &PODS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource != JOBS.resource {
            adoption::concerns(world, seen, &JOBS, selector, items);
            if !seen.is_gone() && is_tracked(&seen.parsed()) {
                items.add(&seen.resource, &seen.object.key);
            }
            return;
        }
        items.add(&seen.resource, &seen.object.key);
        if seen.is_gone() {
            let uid = seen.parsed().uid().to_owned();
            for item in world.dependents(&uid) {
                if item.resource == PODS.resource {
                    items.add(&item.resource, &item.key);
                }
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(object) = world.object(item) else {
            return Plan::nothing();
        };
        if item.resource == PODS.resource {
            return free(world, &object);
        }
        let Some(selector) = selector(&object).filter(|_| is_ours(&object)) else {
            return Plan::nothing();
        };
        if is_finished(&object) {
            let mut plan = Plan::nothing();
            for pod in world
                .controlled(&PODS, &object)
                .iter()
                .filter(|pod| is_tracked(pod))
            {
                plan.step(untrack(pod));
            }
            return plan;
        }
        // Differs: a pod that is adopted is not tracked, and so not counted.
        let claim = adoption::claim(world, (&object, &JOBS), &PODS, &selector, |_| true);
        if !claim.plan.is_empty() {
            return claim.plan;
        }
        sync(Look::of(&object, claim.own, world.now))
    }
}

fn selector(job: &Object) -> Option<LabelSelector> {
    LabelSelector::from_json(job.get(&["spec", "selector"])).ok()
}

/// Whether nobody else looks after a Job.
fn is_ours(job: &Object) -> bool {
    matches!(job.text(&["spec", "managedBy"]), "" | MANAGER)
}

fn is_finished(job: &Object) -> bool {
    let conditions = job.items(&["status", "conditions"]);
    conditions::is_true(conditions, "Complete") || conditions::is_true(conditions, "Failed")
}

fn is_tracked(pod: &Object) -> bool {
    pod.finalizers().any(|finalizer| finalizer == FINALIZER)
}

/// Lets a pod go that waits to be counted by nobody: its Job is gone or finished.
fn free(world: &World, pod: &Object) -> Plan {
    if !is_tracked(pod) {
        return Plan::nothing();
    }
    if adoption::has_controller(pod) {
        let Some(name) = adoption::controller_of(pod, &JOBS) else {
            return Plan::nothing();
        };
        let owners = pod.items(&["metadata", "ownerReferences"]);
        let job = world.get(&JOBS, pod.namespace(), &name);
        let job = job.filter(|job| owners.iter().any(|owner| owner["uid"] == job.uid()));
        if job.is_some_and(|job| !is_ours(&job) || !is_finished(&job)) {
            return Plan::nothing();
        }
    }
    Plan::of(untrack(pod))
}

/// Takes a pod's finalizer away.
fn untrack(pod: &Object) -> Step {
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}});
    let how = PatchKind::Strategic;
    Step::patch(&PODS, pod.namespace(), pod.name(), how, patch).or_go_on()
}

fn sync(mut look: Look<'_>) -> Plan {
    end::judge(&mut look);
    let mut pause = end::deadline(&look);
    if look.end.is_some() {
        // What ended it is noted together with what it takes along: a later look could not tell.
        let plan = pods::delete_active(&mut look);
        let rest = status::plan(&mut look);
        if plan.is_empty() {
            return rest;
        }
        return plan.then(move |outcomes| {
            if outcomes.is_cut_short {
                Plan::nothing()
            } else {
                rest
            }
        });
    }
    if !look.job.is_being_deleted() {
        let change = pods::change(&look);
        if !change.plan.is_empty() {
            let rest = status::plan(&mut look);
            return change.plan.then(move |outcomes| {
                if outcomes.is_cut_short {
                    rest
                } else {
                    Plan::nothing()
                }
            });
        }
        pause = [pause, change.pause].into_iter().flatten().min();
    }
    end::complete(&mut look);
    let mut plan = Plan::nothing();
    if look.end.is_none() && !look.job.is_being_deleted() {
        plan.append(status::note_suspension(&mut look));
    }
    plan.append(status::plan(&mut look));
    if let Some(pause) = pause {
        plan.again(Again::After(pause.max(Duration::from_millis(1))));
    }
    plan
}

//! Finished Jobs that go some time after.
//!
//! *Upstream:* `pkg/controller/ttlafterfinished`.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::SignedDuration;

use crate::object::time;
use crate::runner::kinds::JOBS;
use crate::runner::{Again, Controller, Item, Items, Kind, Plan, Seen, Step, Watches, World};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct FinishedJobs;

impl Controller for FinishedJobs {
    fn name(&self) -> &'static str {
        "ttl-after-finished-controller"
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&JOBS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        items.add(&seen.resource, &seen.object.key);
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(job) = world.object(item).filter(|job| !job.is_being_deleted()) else {
            return Plan::nothing();
        };
        let Some(seconds) = job.integer(&["spec", "ttlSecondsAfterFinished"]) else {
            return Plan::nothing();
        };
        let mut conditions = job.items(&["status", "conditions"]).iter();
        let end = conditions.find(|condition| {
            matches!(condition["type"].as_str(), Some("Complete" | "Failed"))
                && condition["status"] == "True"
        });
        let at = end.and_then(|end| time::time_of(&end["lastTransitionTime"]));
        let until = at.and_then(|at| at.checked_add(SignedDuration::from_secs(seconds)).ok());
        let Some(until) = until else {
            return Plan::nothing();
        };
        let left = Duration::try_from(until.duration_since(world.now)).unwrap_or_default();
        if left.is_zero() {
            return Plan::of(Step::delete(&JOBS, &job).propagation("Foreground"));
        }
        Plan::nothing().and_again(Again::After(left))
    }
}

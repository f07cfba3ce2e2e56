//! `CronJob`: a Job whenever its schedule says so.
//!
//! *Upstream:* `pkg/controller/cronjob`.

mod cleaning;
mod events;
mod status;
mod timing;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use self::status::Status;
use self::timing::Due;
use super::shared::{adoption, pods};
use crate::object::Key;
use crate::object::Object;
use crate::object::quote::quoted;
use crate::resources::batch::schedule::{self, Schedule};
use crate::runner::kinds::{CRON_JOBS, JOBS};
use crate::runner::{
    Again, Controller, Item, Items, Kind, Outcomes, Plan, Seen, Step, Watches, World,
};

const COMPONENT: &str = "cronjob-controller";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct CronJobs {
    /// Those whose schedule was changed: what it would have missed is not made up for at once.
    rescheduled: BTreeSet<Key>,
}

impl Controller for CronJobs {
    fn name(&self) -> &'static str {
        "cronjob-controller"
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&CRON_JOBS, &JOBS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == CRON_JOBS.resource {
            items.add(&seen.resource, &seen.object.key);
            let timing = |object: &Object| {
                let text = |field| object.text(&["spec", field]).to_owned();
                (text("schedule"), text("timeZone"))
            };
            let previous = seen.parsed_previous().filter(|_| !seen.is_gone());
            if previous.is_some_and(|previous| timing(&previous) != timing(&seen.parsed())) {
                self.rescheduled.insert(seen.object.key.clone());
            }
            return;
        }
        let job = seen.parsed();
        let before = seen.parsed_previous();
        let owners = [Some(&job), before.as_ref()].into_iter().flatten();
        let names: BTreeSet<String> = owners
            .filter_map(|job| adoption::controller_of(job, &CRON_JOBS))
            .collect();
        for name in names {
            items.push(&CRON_JOBS, job.namespace(), &name);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let is_rescheduled = self.rescheduled.remove(&item.key);
        let Some(cron) = world.object(item) else {
            return Plan::nothing();
        };
        if is_rescheduled && let Ok(schedule) = read(&cron) {
            let pause = timing::pause(&cron, &schedule, world.now);
            return Plan::nothing().and_again(Again::After(pause));
        }
        sync(world, &cron)
    }

    fn forget(&mut self) {
        self.rescheduled.clear();
    }
}

/// The schedule, in its time zone.
fn read(cron: &Object) -> Result<Schedule, String> {
    let text = cron.text(&["spec", "schedule"]);
    let zone = cron.text(&["spec", "timeZone"]);
    if text.contains("TZ") || zone.is_empty() || schedule::zone_of(zone).is_none() {
        return schedule::parse(text);
    }
    schedule::parse(&format!("TZ={zone} {text}"))
}

fn sync(world: &World, cron: &Object) -> Plan {
    let jobs = world.controlled(&JOBS, cron);
    let mut status = Status::of(cron);
    let mut plan = Plan::nothing();
    status.follow(world, cron, &jobs, &mut plan);
    let mut pause = None;
    let mut made = None;
    if !cron.is_being_deleted() {
        (pause, made) = schedule_next(world, cron, &mut status, &mut plan);
    }
    cleaning::trim(cron, &jobs, &mut status, &mut plan);
    if let Some(pause) = pause {
        plan.again(Again::After(pause));
    }
    let cron = cron.clone();
    plan.then(move |outcomes| {
        let mut status = status;
        if let Some(made) = made {
            made.note(outcomes, &mut status);
        }
        status.update(&cron)
    })
}

/// A Job that is made, and the step that makes it.
struct Made {
    step: usize,
    scheduled: jiff::Timestamp,
}

impl Made {
    /// Notes the Job in the status, if it was made.
    fn note(&self, outcomes: &Outcomes, status: &mut Status) {
        let outcome = outcomes
            .all
            .get(self.step)
            .filter(|outcome| outcome.is_success());
        if let Some(outcome) = outcome {
            status.begin(&outcome.object(), self.scheduled);
        }
    }
}

/// Makes the Job that is due, if one is; when to look again.
fn schedule_next(
    world: &World,
    cron: &Object,
    status: &mut Status,
    plan: &mut Plan,
) -> (Option<Duration>, Option<Made>) {
    let now = world.now;
    let Some(schedule) = readable(cron, plan) else {
        return (None, None);
    };
    let pause = timing::pause(cron, &schedule, now);
    let Due {
        time,
        is_far_behind,
    } = timing::due(cron, &schedule, now, true);
    let Some(time) = time.filter(|time| *time <= now) else {
        return (Some(pause), None);
    };
    if is_far_behind {
        plan.event(events::warning(
            cron,
            "TooManyMissedTimes",
            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
        ));
    }
    if timing::is_too_late(cron, time, now) {
        plan.event(events::missed(cron, time));
        return (Some(pause), None);
    }
    let name = timing::name(cron, time);
    if status.has_name(&name) || status.is_last(time) {
        return (Some(pause), None);
    }
    match cron.text(&["spec", "concurrencyPolicy"]) {
        "Forbid" if status.is_active() => {
            plan.event(events::normal(
                cron,
                "JobAlreadyActive",
                "Not starting job because prior execution is running and concurrency policy is Forbid",
            ));
            return (Some(pause), None);
        }
        "Replace" => cleaning::replace(world, cron, status, plan),
        _ => {}
    }
    let known = world.get(&JOBS, cron.namespace(), &name);
    if let Some(known) = known {
        // Another's Job is left alone.
        if adoption::controller_of(&known, &CRON_JOBS).as_deref() == Some(cron.name()) {
            status.begin(&known, time);
        }
        return (Some(pause), None);
    }
    let made = Made {
        step: plan.steps(),
        scheduled: time,
    };
    plan.step(create(cron, &name, time));
    (Some(pause), Some(made))
}

/// The schedule of a CronJob that is not suspended, if it can be read.
fn readable(cron: &Object, plan: &mut Plan) -> Option<Schedule> {
    let zone = cron.text(&["spec", "timeZone"]);
    if schedule::zone_of(zone).is_none() {
        plan.event(events::warning(
            cron,
            "UnknownTimeZone",
            format!(
                "invalid timeZone: {}: unknown time zone {zone}",
                quoted(zone)
            ),
        ));
        return None;
    }
    if cron.is_true(&["spec", "suspend"]) {
        return None;
    }
    let text = cron.text(&["spec", "schedule"]);
    if text.contains("TZ") {
        plan.event(events::unsupported(cron, text));
    }
    match read(cron) {
        Ok(schedule) => Some(schedule),
        Err(why) => {
            let message = format!("unparseable schedule: {} : {why}", quoted(text));
            plan.event(events::warning(cron, "UnparseableSchedule", message));
            None
        }
    }
}

/// Makes the Job of a scheduled time.
fn create(cron: &Object, name: &str, time: jiff::Timestamp) -> Step {
    let mut job = Object::default();
    job.set_type("batch/v1", "Job");
    for field in ["labels", "annotations"] {
        if let Some(map) = cron.get(&["spec", "jobTemplate", "metadata", field]) {
            job.set(&["metadata", field], map.clone());
        }
    }
    job.set(&["metadata", "name"], name);
    job.set(&["metadata", "namespace"], cron.namespace());
    let zone =
        schedule::zone_of(cron.text(&["spec", "timeZone"])).unwrap_or(jiff::tz::TimeZone::UTC);
    let stamp = timing::stamp(time, zone);
    job.set(&["metadata", "annotations", timing::SCHEDULED], stamp);
    let owner = pods::controller_reference(cron, &CRON_JOBS);
    job.set(&["metadata", "ownerReferences"], vec![owner]);
    let spec = cron.get(&["spec", "jobTemplate", "spec"]).cloned();
    job.set(&["spec"], spec.unwrap_or_default());
    let owner = Arc::new(cron.clone());
    let name = name.to_owned();
    Step::create(&JOBS, job).tell(move |outcome| {
        if outcome.is_success() {
            let message = format!("Created job {name}");
            return Some(events::normal(&owner, "SuccessfulCreate", message));
        }
        let is_told = outcome.code != 409 && !outcome.has_cause("NamespaceTerminating");
        let message = format!("Error creating job: {}", outcome.message());
        is_told.then(|| events::warning(&owner, "FailedCreate", message))
    })
}

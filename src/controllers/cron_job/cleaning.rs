//! Jobs taken away: those the history does not keep, and those another replaces.
//!
//! *Upstream:* `pkg/controller/cronjob/cronjob_controllerv2.go` (`cleanupFinishedJobs`,
//! `deleteJob`).

use std::sync::Arc;

use super::events;
use super::status::{Status, end};
use crate::object::{Object, time};
use crate::runner::kinds::JOBS;
use crate::runner::{Plan, Step, World};

/// Takes away the oldest finished Jobs, but for as many as the limits keep.
pub(super) fn trim(cron: &Object, jobs: &[Arc<Object>], status: &mut Status, plan: &mut Plan) {
    let limits = [
        ("Complete", "successfulJobsHistoryLimit"),
        ("Failed", "failedJobsHistoryLimit"),
    ];
    for (kind, limit) in limits {
        let limit = cron.integer(&["spec", limit]);
        let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else {
            continue;
        };
        let finished = jobs.iter().filter(|job| end(job) == Some(kind));
        let mut finished: Vec<_> = finished.filter(|job| !job.is_being_deleted()).collect();
        let excess = finished.len().saturating_sub(limit);
        finished.sort_by_key(|job| {
            let start = time::time_at(job, &["status", "startTime"]);
            (start.is_none(), start, job.name().to_owned())
        });
        for job in finished.into_iter().take(excess) {
            plan.step(delete(cron, job));
            status.forget(job.uid());
        }
    }
}

/// Takes away all Jobs that are running.
pub(super) fn replace(world: &World, cron: &Object, status: &mut Status, plan: &mut Plan) {
    for name in status.names() {
        if let Some(job) = world.get(&JOBS, cron.namespace(), &name) {
            plan.step(delete(cron, &job));
            status.forget(job.uid());
        }
    }
}

fn delete(cron: &Object, job: &Object) -> Step {
    let owner = Arc::new(cron.clone());
    let name = job.name().to_owned();
    let step = Step::delete(&JOBS, job)
        .propagation("Background")
        .or_go_on();
    step.tell(move |outcome| {
        Some(if outcome.is_success() {
            let message = format!("Deleted job {name}");
            events::normal(&owner, "SuccessfulDelete", message)
        } else {
            let message = format!("Deleted job: {}", outcome.message());
            events::warning(&owner, "FailedDelete", message)
        })
    })
}

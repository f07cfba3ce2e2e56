//! The kinds of the group `batch`.

mod cron_job;
mod job;
pub mod schedule;

use crate::registry::Strategy;

/// The strategy of a resource of the group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "cronjobs" => &cron_job::CRON_JOB,
        "jobs" => &job::JOB,
        _ => return None,
    })
}

//! What a CronJob tells people.

use jiff::Timestamp;

use super::COMPONENT;
use crate::object::Object;
use crate::object::quote::quoted;
use crate::runner::kinds::CRON_JOBS;
use crate::runner::{About, Event};

pub(super) fn normal(cron: &Object, reason: &str, message: impl Into<String>) -> Event {
    Event::normal(About::object(&CRON_JOBS, cron), COMPONENT, reason, message)
}

pub(super) fn warning(cron: &Object, reason: &str, message: impl Into<String>) -> Event {
    Event::warning(About::object(&CRON_JOBS, cron), COMPONENT, reason, message)
}

/// A time zone stands where it should not.
pub(super) fn unsupported(cron: &Object, schedule: &str) -> Event {
    let message = format!(
        "CRON_TZ or TZ used in schedule {} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details",
        quoted(schedule)
    );
    warning(cron, "UnsupportedSchedule", message)
}

/// It is too late for a Job.
pub(super) fn missed(cron: &Object, time: Timestamp) -> Event {
    let time = time.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let message = format!("Missed scheduled time to start a job: {time}");
    warning(cron, "MissSchedule", message)
}

//! When the next Job is due.
//!
//! *Upstream:* `pkg/controller/cronjob/utils.go`.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::object::{Object, time};
use crate::resources::batch::schedule::Schedule;

/// The annotation with the time that a Job was scheduled for.
pub(super) const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// So much later than scheduled is looked, lest it be too early.
const DELTA: Duration = Duration::from_millis(100);
/// More than so many missed times are worth a word.
const MISSED_MAX: i64 = 100;

/// The last time that something was due.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Due {
    pub(super) time: Option<Timestamp>,
    pub(super) is_far_behind: bool,
}

/// Since when times count.
fn since(cron: &Object, now: Timestamp, with_deadline: bool) -> Timestamp {
    let created = time::time_at(cron, &["metadata", "creationTimestamp"]);
    let last = time::time_at(cron, &["status", "lastScheduleTime"]);
    let since = last.or(created).unwrap_or(now);
    let deadline = cron.integer(&["spec", "startingDeadlineSeconds"]);
    let deadline = deadline
        .filter(|_| with_deadline)
        .map(SignedDuration::from_secs);
    let limit = deadline.and_then(|deadline| now.checked_sub(deadline).ok());
    limit.map_or(since, |limit| since.max(limit))
}

/// The last time that something was due.
pub(super) fn due(cron: &Object, schedule: &Schedule, now: Timestamp, with_deadline: bool) -> Due {
    let since = since(cron, now, with_deadline);
    let Some(first) = schedule.next(since).filter(|first| *first <= now) else {
        return Due::default();
    };
    let only = Due {
        time: Some(first),
        is_far_behind: false,
    };
    let Some(second) = schedule.next(first).filter(|second| *second <= now) else {
        return only;
    };
    // Far behind, the times between are not gone through one by one.
    let step = second.duration_since(first).as_secs().max(1);
    let missed = now.duration_since(first).as_secs() / step + 1;
    let near = SignedDuration::from_secs((missed - 2) * step);
    let near = first.checked_add(near).unwrap_or(first);
    let mut last = None;
    let mut next = schedule.next(near);
    while let Some(time) = next.filter(|time| *time <= now) {
        last = Some(time);
        next = schedule.next(time);
    }
    Due {
        time: last,
        is_far_behind: missed > MISSED_MAX,
    }
}

/// How long until the next Job is due.
pub(super) fn pause(cron: &Object, schedule: &Schedule, now: Timestamp) -> Duration {
    let due = due(cron, schedule, now, false);
    let last = due.time.unwrap_or_else(|| since(cron, now, false));
    let next = schedule.next(last).unwrap_or(Timestamp::MAX);
    Duration::try_from(next.duration_since(now)).unwrap_or_default() + DELTA
}

/// Whether it is too late for a Job.
pub(super) fn is_too_late(cron: &Object, time: Timestamp, now: Timestamp) -> bool {
    let deadline = cron.integer(&["spec", "startingDeadlineSeconds"]);
    let deadline = deadline.map(SignedDuration::from_secs);
    deadline.is_some_and(|deadline| time.checked_add(deadline).is_ok_and(|until| until < now))
}

/// The name of the Job of a scheduled time: its minutes.
pub(super) fn name(cron: &Object, time: Timestamp) -> String {
    format!("{}-{}", cron.name(), time.as_second() / 60)
}

/// A time as it stands in the annotation.
pub(super) fn stamp(time: Timestamp, zone: TimeZone) -> String {
    let is_utc = zone.to_offset(time).seconds() == 0;
    let zoned = time.to_zoned(zone);
    let form = if is_utc {
        "%Y-%m-%dT%H:%M:%SZ"
    } else {
        "%Y-%m-%dT%H:%M:%S%:z"
    };
    zoned.strftime(form).to_string()
}

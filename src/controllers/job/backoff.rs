//! How long a Job waits after failures.
//!
//! Differs: the failures since the last success are those of pods that are still there; upstream
//! remembers them, and forgets them when it starts anew.
//!
//! *Upstream:* `pkg/controller/job/backoff_utils.go`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::index;
use super::look::{Look, is_failed};
use crate::object::{Object, time};

const FIRST: Duration = Duration::from_secs(10);
const MAX: Duration = Duration::from_mins(10);

/// When a pod came to its end.
pub(super) fn finished(pod: &Object) -> Option<Timestamp> {
    by_containers(pod)
        .or_else(|| by_readiness(pod))
        .or_else(|| by_deletion(pod))
        .or_else(|| time::time_at(pod, &["metadata", "creationTimestamp"]))
}

fn by_containers(pod: &Object) -> Option<Timestamp> {
    let restarts = |name: &Value| {
        let mut init = pod.items(&["spec", "initContainers"]).iter();
        init.any(|one| one["name"] == *name && one["restartPolicy"] == "Always")
    };
    let statuses = pod.items(&["status", "containerStatuses"]).iter();
    let init = pod.items(&["status", "initContainerStatuses"]).iter();
    let all = statuses.chain(init.filter(|status| restarts(&status["name"])));
    let times: Option<Vec<_>> = all
        .map(|status| time::time_of(&status["state"]["terminated"]["finishedAt"]))
        .collect();
    times?.into_iter().max()
}

fn by_readiness(pod: &Object) -> Option<Timestamp> {
    let mut conditions = pod.items(&["status", "conditions"]).iter();
    let ready = conditions.find(|one| one["type"] == "Ready" && one["status"] == "False")?;
    time::time_of(&ready["lastTransitionTime"])
}

fn by_deletion(pod: &Object) -> Option<Timestamp> {
    let at = time::time_at(pod, &["metadata", "deletionTimestamp"])?;
    let grace = pod
        .integer(&["metadata", "deletionGracePeriodSeconds"])
        .unwrap_or(0);
    at.checked_sub(SignedDuration::from_secs(grace)).ok()
}

/// How long until the next pod may come.
pub(super) fn remaining(look: &Look<'_>) -> Option<Duration> {
    let is_good = |pod: &Object| pod.text(&["status", "phase"]) == "Succeeded";
    let good = look.pods.iter().filter(|pod| is_good(pod));
    let last_success = good.filter_map(|pod| finished(pod)).max();
    let bad = look.pods.iter().filter(|pod| is_failed(look.job, pod));
    let failures: Vec<_> = bad
        .filter_map(|pod| finished(pod))
        .filter(|at| last_success.is_none_or(|success| *at > success))
        .collect();
    left(failures.len(), failures.iter().max().copied(), look.now)
}

/// How long until the next pod of an index may come.
pub(super) fn remaining_of_index(look: &Look<'_>, index: i64) -> Option<Duration> {
    let failed = look.delayed.get(&index)?;
    let failures = usize::try_from(index::all_failures(failed) + 1).unwrap_or(1);
    left(failures, finished(failed), look.now)
}

fn left(failures: usize, last: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let doublings = u32::try_from(failures.checked_sub(1)?)
        .unwrap_or(u32::MAX)
        .min(10);
    let pause = FIRST.saturating_mul(1 << doublings).min(MAX);
    let since = Duration::try_from(now.duration_since(last?)).unwrap_or_default();
    pause.checked_sub(since).filter(|left| !left.is_zero())
}

//! Whether a Job is at its end, and why.
//!
//! *Upstream:* `pkg/controller/job/job_controller.go` (`syncJob`).

use std::time::Duration;

use super::super::shared::conditions;
use super::look::{End, Look, is_failed, is_indexed};
use super::{failure_policy, success_policy};
use crate::object::time;

const FAILURE: &str = "FailureTarget";
const SUCCESS: &str = "SuccessCriteriaMet";

fn failure(reason: &str, message: impl Into<String>) -> End {
    End {
        kind: FAILURE,
        reason: reason.to_owned(),
        message: message.into(),
    }
}

/// Finds what ends the Job, but for its pods having done all there is to do.
pub(super) fn judge(look: &mut Look<'_>) {
    look.end = known(look)
        .or_else(|| by_policy(look))
        .or_else(|| by_limit(look))
        .or_else(|| by_indexes(look))
        .or_else(|| {
            let message = success_policy::met(look).filter(|_| is_indexed(look.job))?;
            Some(End {
                kind: SUCCESS,
                reason: "SuccessPolicy".to_owned(),
                message,
            })
        });
}

/// What was found before.
fn known(look: &Look<'_>) -> Option<End> {
    let known = look.job.items(&["status", "conditions"]);
    [SUCCESS, FAILURE].into_iter().find_map(|kind| {
        let condition = conditions::find(known, kind).filter(|one| one["status"] == "True")?;
        let text = |field: &str| condition[field].as_str().unwrap_or("").to_owned();
        Some(End {
            kind,
            reason: text("reason"),
            message: text("message"),
        })
    })
}

fn by_policy(look: &Look<'_>) -> Option<End> {
    let mut failed = look.pods.iter().filter(|pod| is_failed(look.job, pod));
    let message = failed.find_map(|pod| failure_policy::fails_job(look.job, pod))?;
    Some(failure("PodFailurePolicy", message))
}

fn by_limit(look: &Look<'_>) -> Option<End> {
    let limit = look.job.integer(&["spec", "backoffLimit"]).unwrap_or(6);
    if look.failed > limit || restarts_too_often(look, limit) {
        let message = "Job has reached the specified backoff limit";
        return Some(failure("BackoffLimitExceeded", message));
    }
    if overdue(look).is_some_and(|left| left.is_zero()) {
        let message = "Job was active longer than specified deadline";
        return Some(failure("DeadlineExceeded", message));
    }
    None
}

/// Whether the containers of pods that restart them did so too often.
fn restarts_too_often(look: &Look<'_>, limit: i64) -> bool {
    let policy = ["spec", "template", "spec", "restartPolicy"];
    if look.job.text(&policy) != "OnFailure" {
        return false;
    }
    let phase = ["status", "phase"];
    let live = look
        .pods
        .iter()
        .filter(|pod| matches!(pod.text(&phase), "Running" | "Pending"));
    let restarts: i64 = live
        .flat_map(|pod| {
            let statuses = |list| pod.items(&["status", list]).iter();
            statuses("initContainerStatuses").chain(statuses("containerStatuses"))
        })
        .filter_map(|status| status["restartCount"].as_i64())
        .sum();
    if limit == 0 {
        restarts > 0
    } else {
        restarts >= limit
    }
}

/// How long until the Job may not be active any more.
fn overdue(look: &Look<'_>) -> Option<Duration> {
    let seconds = look.job.integer(&["spec", "activeDeadlineSeconds"])?;
    let start = time::time_of(look.start.as_ref()?).filter(|_| !look.is_suspended())?;
    let allowed = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let since = Duration::try_from(look.now.duration_since(start)).unwrap_or_default();
    Some(allowed.saturating_sub(since))
}

/// When a Job that goes on is to be looked at for its deadline.
pub(super) fn deadline(look: &Look<'_>) -> Option<Duration> {
    overdue(look).filter(|_| look.end.is_none())
}

fn by_indexes(look: &Look<'_>) -> Option<End> {
    let failed = look.failed_indexes.as_ref()?.total();
    let max = look.job.integer(&["spec", "maxFailedIndexes"]);
    if max.is_some_and(|max| failed > max) {
        let message = "Job has exceeded the specified maximal number of failed indexes";
        return Some(failure("MaxFailedIndexesExceeded", message));
    }
    let is_all = failed + look.succeeded_indexes.total() >= look.completions().unwrap_or(0);
    (failed > 0 && is_all).then(|| failure("FailedIndexes", "Job has failed indexes"))
}

/// Ends the Job where its pods have done all there is to do.
pub(super) fn complete(look: &mut Look<'_>) {
    let is_done = match look.completions() {
        None => look.succeeded > 0,
        Some(completions) => look.succeeded >= completions,
    };
    if is_done && look.active_count == 0 {
        look.end = Some(End {
            kind: SUCCESS,
            reason: "CompletionsReached".to_owned(),
            message: "Reached expected number of succeeded pods".to_owned(),
        });
    }
}

//! What a Job has come to, and its pods counted.
//!
//! *Upstream:* `pkg/controller/job/job_controller.go` (`trackJobStatusAndRemoveFinalizers`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::shared::conditions;
use super::look::{Look, is_failed, is_indexed};
use super::{COMPONENT, failure_policy, is_tracked, untrack};
use crate::object::{Object, time};
use crate::runner::kinds::JOBS;
use crate::runner::{About, Event, Plan, Step};

fn condition(kind: &str, status: &str, reason: &str, message: &str, now: Timestamp) -> Value {
    let now = time::seconds(now);
    json!({
        "type": kind,
        "status": status,
        "lastProbeTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    })
}

/// Sets a condition where it stands; one that is not there is added unless it is `False`. Whether
/// anything changed.
fn ensure(conditions: &mut Vec<Value>, wanted: Value) -> bool {
    let known = conditions
        .iter_mut()
        .find(|one| one["type"] == wanted["type"]);
    match known {
        Some(known) => {
            let is_same = |field: &str| known[field] == wanted[field];
            if is_same("status") && is_same("reason") && is_same("message") {
                return false;
            }
            *known = wanted;
            true
        }
        None if wanted["status"] == "False" => false,
        None => {
            conditions.push(wanted);
            true
        }
    }
}

/// Notes that a Job is suspended or goes on.
pub(super) fn note_suspension(look: &mut Look<'_>) -> Plan {
    let (status, reason, message, event) = if look.is_suspended() {
        ("True", "JobSuspended", "Job suspended", "Suspended")
    } else {
        ("False", "JobResumed", "Job resumed", "Resumed")
    };
    let wanted = condition("Suspended", status, reason, message, look.now);
    if !ensure(&mut look.conditions, wanted) {
        return Plan::nothing();
    }
    look.start = (!look.is_suspended()).then(|| time::seconds(look.now).into());
    let mut plan = Plan::nothing();
    let about = About::object(&JOBS, look.job);
    plan.event(Event::normal(about, COMPONENT, event, message));
    plan
}

/// The uids of pods on their way to being counted.
#[derive(Default)]
struct Uncounted {
    succeeded: Vec<Value>,
    failed: Vec<Value>,
}

/// Writes the status, and lets those pods go that it counts.
pub(super) fn plan(look: &mut Look<'_>) -> Plan {
    let (mut uncounted, succeeded, failed) = settle(look);
    let pods = count(look, &mut uncounted);
    let end = note_end(look);
    let is_over = end.is_some()
        && pods.is_empty()
        && uncounted.succeeded.is_empty()
        && uncounted.failed.is_empty()
        && look.terminating == 0;
    if let Some(condition) = end.clone().filter(|_| is_over) {
        ensure(&mut look.conditions, condition);
    }
    let succeeded = if is_indexed(look.job) {
        look.succeeded_indexes.total()
    } else {
        succeeded
    };
    let mut status = write(look, &uncounted, succeeded, failed);
    let is_complete = end.as_ref().is_some_and(|end| end["type"] == "Complete");
    if is_over && is_complete {
        status["completionTime"] = time::seconds(look.now).into();
    }
    let mut plan = Plan::nothing();
    if look.job.get(&["status"]) != Some(&status) {
        let mut changed = look.job.clone();
        changed.set(&["status"], status);
        plan.step(Step::update_status(&JOBS, changed));
    }
    for pod in pods {
        plan.step(pod);
    }
    if let Some(end) = end.filter(|_| is_over) {
        tell(look.job, &end, succeeded, &mut plan);
    }
    plan
}

/// Counts those whose finalizers are gone. What is left, and the counts.
fn settle(look: &Look<'_>) -> (Uncounted, i64, i64) {
    let is_waiting = |uid: &&Value| {
        look.pods
            .iter()
            .any(|pod| **uid == *pod.uid() && is_tracked(pod))
    };
    let split = |list: &str, count: &str| {
        let known = look.uncounted(list);
        let waiting: Vec<Value> = known.iter().filter(is_waiting).cloned().collect();
        let done = i64::try_from(known.len() - waiting.len()).unwrap_or(0);
        let before = look.job.integer(&["status", count]).unwrap_or(0);
        (waiting, before + done)
    };
    let (succeeded, good) = split("succeeded", "succeeded");
    let (failed, bad) = split("failed", "failed");
    (Uncounted { succeeded, failed }, good, bad)
}

/// Notes the pods that came to their end; what lets them go.
fn count(look: &Look<'_>, uncounted: &mut Uncounted) -> Vec<Step> {
    let mut steps = Vec::new();
    let is_success = look
        .end
        .as_ref()
        .is_some_and(|end| end.kind == "SuccessCriteriaMet");
    for pod in look.pods.iter().filter(|pod| is_tracked(pod)) {
        let is_good = pod.text(&["status", "phase"]) == "Succeeded";
        let is_bad = is_failed(look.job, pod);
        if !may_go(look, pod, is_good, is_bad) {
            continue;
        }
        steps.push(untrack(pod));
        let uid = Value::from(pod.uid());
        let was_failed = uncounted.failed.contains(&uid);
        if is_good && !was_failed {
            if !is_indexed(look.job) && !uncounted.succeeded.contains(&uid) {
                uncounted.succeeded.push(uid);
            }
        } else if (is_bad || (look.end.is_some() && !is_success))
            && !was_failed
            && (!is_indexed(look.job) || look.has_index(pod))
            && failure_policy::counts(look.job, pod)
        {
            uncounted.failed.push(uid);
        }
    }
    steps
}

fn may_go(look: &Look<'_>, pod: &Object, is_good: bool, is_bad: bool) -> bool {
    if look.job.is_being_deleted() || look.end.is_some() || is_good {
        return true;
    }
    let is_kept = look.delayed.values().any(|kept| kept.uid() == pod.uid());
    is_bad && !is_kept
}

/// Notes what ends the Job; the condition of its end, once all is counted.
fn note_end(look: &mut Look<'_>) -> Option<Value> {
    let end = look.end.clone()?;
    if conditions::find(&look.conditions, end.kind).is_none() {
        let noted = condition(end.kind, "True", &end.reason, &end.message, look.now);
        look.conditions.push(noted);
    }
    let kind = if end.kind == "FailureTarget" {
        "Failed"
    } else {
        "Complete"
    };
    Some(condition(kind, "True", &end.reason, &end.message, look.now))
}

fn write(look: &Look<'_>, uncounted: &Uncounted, succeeded: i64, failed: i64) -> Value {
    let mut status = look
        .job
        .get(&["status"])
        .cloned()
        .unwrap_or_else(|| json!({}));
    let mut waiting = json!({});
    for (field, uids) in [
        ("succeeded", &uncounted.succeeded),
        ("failed", &uncounted.failed),
    ] {
        if !uids.is_empty() {
            waiting[field] = Value::from(uids.clone());
        }
    }
    status["uncountedTerminatedPods"] = waiting;
    status["ready"] = look.ready.into();
    status["terminating"] = look.terminating.into();
    let mut set = |field: &str, value: Value, is_empty: bool| {
        if !is_empty {
            status[field] = value;
        } else if let Some(map) = status.as_object_mut() {
            map.remove(field);
        }
    };
    set("active", look.active_count.into(), look.active_count == 0);
    set("succeeded", succeeded.into(), succeeded == 0);
    set("failed", failed.into(), failed == 0);
    set(
        "startTime",
        look.start.clone().unwrap_or_default(),
        look.start.is_none(),
    );
    let conditions = Value::from(look.conditions.clone());
    set("conditions", conditions, look.conditions.is_empty());
    if is_indexed(look.job) {
        let indexes = look.succeeded_indexes.to_string();
        let is_empty = indexes.is_empty();
        set("completedIndexes", indexes.into(), is_empty);
        if let Some(failed) = &look.failed_indexes {
            set("failedIndexes", failed.to_string().into(), false);
        }
    }
    status
}

fn tell(job: &Object, end: &Value, succeeded: i64, plan: &mut Plan) {
    let about = About::object(&JOBS, job);
    if end["type"] != "Complete" {
        let text = |field: &str| end[field].as_str().unwrap_or("");
        plan.event(Event::warning(
            about,
            COMPONENT,
            text("reason"),
            text("message"),
        ));
        return;
    }
    let completions = job.integer(&["spec", "completions"]);
    if completions.is_some_and(|completions| succeeded > completions) {
        let message = "Too many succeeded pods running after completion count reached";
        let event = Event::warning(about.clone(), COMPONENT, "TooManySucceededPods", message);
        plan.event(event);
    }
    plan.event(Event::normal(
        about,
        COMPONENT,
        "Completed",
        "Job completed",
    ));
}

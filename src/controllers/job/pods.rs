//! The pods of a Job: made, and taken away where there are too many.
//!
//! *Upstream:* `pkg/controller/job/job_controller.go` (`manageJob`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::shared::pod_steps::Maker;
use super::super::shared::pods as shared;
use super::look::{Look, is_indexed, replaces_failed_only};
use super::{COMPONENT, FINALIZER, backoff, index, is_tracked, untrack};
use crate::object::Object;
use crate::runner::Plan;
use crate::runner::kinds::JOBS;

/// So many pods are made or taken away in one go.
const BURST: usize = 500;

/// What is done about pods, and when to look again.
#[derive(Default)]
pub(super) struct Change {
    pub(super) plan: Plan,
    pub(super) pause: Option<Duration>,
}

fn maker<'a>(look: &'a Look<'_>) -> Maker<'a> {
    Maker {
        owner: look.job,
        kind: &JOBS,
        component: COMPONENT,
    }
}

/// Takes all active pods away, since the Job is at its end.
pub(super) fn delete_active(look: &mut Look<'_>) -> Plan {
    let mut plan = Plan::nothing();
    for pod in &look.active {
        plan.step(maker(look).delete(pod));
    }
    look.terminating += look.active_count;
    (look.active_count, look.ready) = (0, 0);
    plan
}

/// Brings the number of pods to what is asked for.
pub(super) fn change(look: &Look<'_>) -> Change {
    let count = |number: i64| usize::try_from(number).unwrap_or(0);
    let active = look.active.len();
    if look.is_suspended() {
        return delete(look, active);
    }
    let parallelism = count(look.job.integer(&["spec", "parallelism"]).unwrap_or(1));
    let wanted = match look.completions() {
        None if look.succeeded > 0 => active,
        None => parallelism,
        Some(completions) => count(completions - look.succeeded).min(parallelism),
    };
    let change = delete(look, active.saturating_sub(wanted));
    if !change.plan.is_empty() {
        return change;
    }
    let going = if replaces_failed_only(look.job) {
        count(look.terminating)
    } else {
        0
    };
    let missing = wanted.saturating_sub(going + active);
    if missing == 0 {
        return Change::default();
    }
    create(look, missing.min(BURST))
}

fn delete(look: &Look<'_>, at_least: usize) -> Change {
    let mut plan = Plan::nothing();
    for pod in to_remove(look, at_least).into_iter().take(BURST) {
        if is_tracked(&pod) {
            plan.step(untrack(&pod));
        }
        plan.step(maker(look).delete(&pod));
    }
    Change { plan, pause: None }
}

/// The pods that go: those whose index another has or nobody asks for, then as many others as are
/// too many.
fn to_remove(look: &Look<'_>, at_least: usize) -> Vec<Arc<Object>> {
    let mut left = look.active.clone();
    left.sort_by(|left, right| shared::compare_for_deletion((left, 0), (right, 0), look.now));
    let mut removed = Vec::new();
    if is_indexed(look.job) {
        let mut last: BTreeMap<i64, String> = BTreeMap::new();
        for pod in left.iter().filter(|pod| look.has_index(pod)) {
            last.insert(index::of(pod).unwrap_or(0), pod.uid().to_owned());
        }
        let is_kept = |pod: &Arc<Object>| {
            let index = index::of(pod).filter(|_| look.has_index(pod));
            index.is_some_and(|index| last.get(&index).is_some_and(|uid| uid == pod.uid()))
        };
        (left, removed) = left.into_iter().partition(is_kept);
    }
    let more = at_least.saturating_sub(removed.len());
    removed.extend(left.into_iter().take(more));
    removed
}

fn create(look: &Look<'_>, missing: usize) -> Change {
    let job = look.job;
    if look.limit_per_index().is_none()
        && let Some(pause) = backoff::remaining(look)
    {
        return Change {
            plan: Plan::nothing(),
            pause: Some(pause),
        };
    }
    let mut template = job.get(&["spec", "template"]).cloned().unwrap_or_default();
    track(&mut template);
    let mut change = Change::default();
    if !is_indexed(job) {
        let pod = shared::of_template(&template, job, &JOBS);
        for _ in 0..missing {
            change.plan.step(maker(look).create(pod.clone()));
        }
        return change;
    }
    index::tell_containers(&mut template);
    let pod = shared::of_template(&template, job, &JOBS);
    for index in pending(look, missing) {
        if let Some(pause) = backoff::remaining_of_index(look, index) {
            change.pause = Some(change.pause.map_or(pause, |known| known.min(pause)));
            continue;
        }
        let mut pod = pod.clone();
        let replaced = look.delayed.get(&index).map(|pod| &**pod);
        index::give(job, &mut pod, index, replaced);
        change.plan.step(maker(look).create(pod));
    }
    change
}

/// Has the pods of a template wait to be counted.
fn track(template: &mut Value) {
    let known = template["metadata"]["finalizers"].as_array().cloned();
    let mut finalizers = known.unwrap_or_default();
    if !finalizers.iter().any(|one| one == FINALIZER) {
        finalizers.push(json!(FINALIZER));
    }
    template["metadata"]["finalizers"] = finalizers.into();
}

/// The first indexes that have neither an end nor a pod.
fn pending(look: &Look<'_>, missing: usize) -> Vec<i64> {
    let mut taken: Vec<i64> = look
        .active
        .iter()
        .filter_map(|pod| index::of(pod))
        .collect();
    if replaces_failed_only(look.job) {
        let is_going = |pod: &&Arc<Object>| {
            let phase = pod.text(&["status", "phase"]);
            pod.is_being_deleted() && !matches!(phase, "Succeeded" | "Failed")
        };
        let going = look.pods.iter().filter(is_going);
        taken.extend(going.filter_map(|pod| index::of(pod)));
    }
    let failed = look.failed_indexes.as_ref();
    (0..look.completions().unwrap_or(0))
        .filter(|index| !look.succeeded_indexes.has(*index) && !taken.contains(index))
        .filter(|index| failed.is_none_or(|failed| !failed.has(*index)))
        .take(missing)
        .collect()
}

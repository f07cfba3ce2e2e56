//! The index of an indexed Job's pod, and how often it failed before.
//!
//! *Upstream:* `pkg/controller/job/indexed_job_utils.go`.

use serde_json::{Value, json};

use super::failure_policy;
use super::look::is_failed;
use crate::object::Object;

/// A pod's index, as annotation and label.
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";
const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";
const VARIABLE: &str = "JOB_COMPLETION_INDEX";
/// What generated names may be long before their suffix.
const STEM_CHARS_MAX: usize = 58;

fn number(pod: &Object, annotation: &str) -> Option<i64> {
    let text = pod.text(&["metadata", "annotations", annotation]);
    text.parse::<i64>().ok().filter(|number| *number >= 0)
}

/// A pod's index.
pub(super) fn of(pod: &Object) -> Option<i64> {
    number(pod, INDEX)
}

/// How often the index failed before this pod.
fn failures(pod: &Object) -> i64 {
    number(pod, FAILURES).unwrap_or(0)
}

/// The same with failures that do not count.
pub(super) fn all_failures(pod: &Object) -> i64 {
    failures(pod) + number(pod, IGNORED).unwrap_or(0)
}

/// Whether the index failed for good with this pod.
pub(super) fn has_failed(job: &Object, pod: &Object, limit: i64) -> bool {
    if !is_failed(job, pod) {
        return false;
    }
    failure_policy::fails_index(job, pod)
        || (failure_policy::counts(job, pod) && failures(pod) >= limit)
}

/// Has a template's containers know their index.
pub(super) fn tell_containers(template: &mut Value) {
    for list in ["initContainers", "containers"] {
        let containers = template["spec"].get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let known = container["env"].as_array();
            if known.is_some_and(|env| env.iter().any(|one| one["name"] == VARIABLE)) {
                continue;
            }
            let path = format!("metadata.labels['{INDEX}']");
            let variable = json!({
                "name": VARIABLE,
                "valueFrom": {"fieldRef": {"fieldPath": path}},
            });
            match container.get_mut("env").and_then(Value::as_array_mut) {
                Some(env) => env.push(variable),
                None => container["env"] = json!([variable]),
            }
        }
    }
}

/// Gives a pod its index, and the failures of the one it replaces.
pub(super) fn give(job: &Object, pod: &mut Object, index: i64, replaced: Option<&Object>) {
    pod.set(&["metadata", "annotations", INDEX], index.to_string());
    pod.set(&["metadata", "labels", INDEX], index.to_string());
    pod.set(&["spec", "hostname"], format!("{}-{index}", job.name()));
    let end = format!("-{index}-");
    let room = STEM_CHARS_MAX.saturating_sub(end.len());
    let stem = job.name().get(..room).unwrap_or(job.name());
    pod.set(&["metadata", "generateName"], format!("{stem}{end}"));
    if job.get(&["spec", "backoffLimitPerIndex"]).is_none() {
        return;
    }
    let (mut counted, mut ignored) = (0, 0);
    if let Some(replaced) = replaced {
        let counts = failure_policy::counts(job, replaced);
        counted = failures(replaced) + i64::from(counts);
        ignored = all_failures(replaced) - failures(replaced) + i64::from(!counts);
    }
    pod.set(&["metadata", "annotations", FAILURES], counted.to_string());
    if ignored > 0 {
        pod.set(&["metadata", "annotations", IGNORED], ignored.to_string());
    }
}

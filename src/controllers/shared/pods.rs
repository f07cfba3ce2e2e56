//! Pods as controllers count them.
//!
//! *Upstream:* `pkg/controller/controller_utils.go`, `pkg/api/v1/pod/util.go`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::conditions;
use crate::object::{Object, time};
use crate::runner::Kind;

/// Whether a pod is neither at its end nor going.
pub(crate) fn is_active(pod: &Object) -> bool {
    !matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed") && !pod.is_being_deleted()
}

/// Whether the condition `Ready` is true.
pub(crate) fn is_ready(pod: &Object) -> bool {
    conditions::is_true(pod.items(&["status", "conditions"]), "Ready")
}

/// Since when the pod is ready.
pub(crate) fn ready_since(pod: &Object) -> Option<Timestamp> {
    ready_changed_at(pod).filter(|_| is_ready(pod))
}

/// Since when the pod is ready, or is not.
pub(crate) fn ready_changed_at(pod: &Object) -> Option<Timestamp> {
    let ready = conditions::find(pod.items(&["status", "conditions"]), "Ready")?;
    time::time_of(&ready["lastTransitionTime"])
}

/// Whether a pod has been ready for long enough.
pub(crate) fn is_available(pod: &Object, min_ready_seconds: i64, now: Timestamp) -> bool {
    is_ready(pod) && available_in(pod, min_ready_seconds, now).is_none()
}

/// How long until a ready pod counts as available; `None` where it does, or is not ready.
pub(crate) fn available_in(
    pod: &Object,
    min_ready_seconds: i64,
    now: Timestamp,
) -> Option<Duration> {
    if min_ready_seconds == 0 || !is_ready(pod) {
        return None;
    }
    let pause = Duration::from_secs(u64::try_from(min_ready_seconds).unwrap_or(0));
    let Some(at) = ready_since(pod).and_then(|since| since.checked_add(pause).ok()) else {
        return Some(pause);
    };
    let left = at.duration_since(now);
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}

/// The pods by the node they are on, to see how many stand together.
pub(crate) fn count_by_node<'a>(
    pods: impl Iterator<Item = &'a Arc<Object>>,
) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for pod in pods {
        *counts
            .entry(pod.text(&["spec", "nodeName"]).to_owned())
            .or_default() += 1;
    }
    counts
}

/// In which order pods go first when there are too many: not bound, pending, not ready, cheap to
/// delete, many on the same node, ready for a short time, restarted often, young.
///
/// *Upstream:* `ActivePodsWithRanks`.
pub(crate) fn compare_for_deletion(
    (left, left_rank): (&Object, usize),
    (right, right_rank): (&Object, usize),
    now: Timestamp,
) -> Ordering {
    let is_bound = |pod: &Object| !pod.text(&["spec", "nodeName"]).is_empty();
    let phase = |pod: &Object| match pod.text(&["status", "phase"]) {
        "Pending" => 0,
        "Running" => 2,
        _ => 1,
    };
    is_bound(left)
        .cmp(&is_bound(right))
        .then_with(|| phase(left).cmp(&phase(right)))
        .then_with(|| is_ready(left).cmp(&is_ready(right)))
        .then_with(|| deletion_cost(left).cmp(&deletion_cost(right)))
        .then_with(|| right_rank.cmp(&left_rank))
        .then_with(|| compare_ready_times(left, right, now))
        .then_with(|| restarts(right).cmp(&restarts(left)))
        .then_with(|| compare_ages(left, right, now))
        .then_with(|| left.uid().cmp(right.uid()))
}

/// `controller.kubernetes.io/pod-deletion-cost`; 0 where it is missing or no number.
fn deletion_cost(pod: &Object) -> i32 {
    pod.get(&[
        "metadata",
        "annotations",
        "controller.kubernetes.io/pod-deletion-cost",
    ])
    .and_then(Value::as_str)
    .and_then(|text| text.parse().ok())
    .unwrap_or(0)
}

/// Of two ready pods the one that is ready for a shorter time goes first, as far as the logarithms
/// of the times differ.
fn compare_ready_times(left: &Object, right: &Object, now: Timestamp) -> Ordering {
    if !is_ready(left) || !is_ready(right) {
        return Ordering::Equal;
    }
    compare_logarithms(ready_since(left), ready_since(right), now)
}

fn compare_ages(left: &Object, right: &Object, now: Timestamp) -> Ordering {
    let created = |pod: &Object| time::time_at(pod, &["metadata", "creationTimestamp"]);
    compare_logarithms(created(left), created(right), now)
}

/// The later time first, where the logarithms of both ages differ.
fn compare_logarithms(
    left: Option<Timestamp>,
    right: Option<Timestamp>,
    now: Timestamp,
) -> Ordering {
    let rank = |at: Option<Timestamp>| {
        at.map(|at| {
            let age = u128::try_from(now.duration_since(at).as_nanos()).unwrap_or(0);
            age.checked_ilog2()
        })
    };
    rank(left).cmp(&rank(right))
}

/// The most restarts of any container.
fn restarts(pod: &Object) -> i64 {
    let counts = pod.items(&["status", "containerStatuses"]).iter();
    counts
        .filter_map(|status| status["restartCount"].as_i64())
        .max()
        .unwrap_or(0)
}

/// A pod of a template: labels, annotations and finalizers of the template, the spec, and the
/// owner.
///
/// *Upstream:* `GetPodFromTemplate`.
pub(crate) fn of_template(template: &Value, owner: &Object, kind: &Kind) -> Object {
    let mut metadata = Map::new();
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template["metadata"]
            .get(field)
            .filter(|value| !value.is_null())
        {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    metadata.insert("namespace".to_owned(), owner.namespace().into());
    metadata.insert("generateName".to_owned(), prefix(owner.name()).into());
    metadata.insert(
        "ownerReferences".to_owned(),
        json!([controller_reference(owner, kind)]),
    );
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": template["spec"],
    });
    Object::from_value(pod).unwrap_or_default()
}

/// `ownerReferences` of what an object controls.
pub(crate) fn controller_reference(owner: &Object, kind: &Kind) -> Value {
    json!({
        "apiVersion": kind.api_version(),
        "kind": kind.kind.as_ref(),
        "name": owner.name(),
        "uid": owner.uid(),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// What generated names of pods begin with; a name that is no name of a pod is used as it is.
fn prefix(name: &str) -> String {
    format!("{name}-")
}

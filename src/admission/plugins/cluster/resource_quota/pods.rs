//! What a pod uses.
//!
//! *Upstream:* `pkg/quota/v1/evaluator/core/pods.go`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::measure::one;
use super::selects;
use crate::admission::plugins::usage::{self, Usage};
use crate::admission::{Attributes, Operation};
use crate::object::Object;
use crate::object::quantity::Quantity;

const COUNTED: [&str; 11] = [
    "count/pods",
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
];

/// Resources that every container must speak of where they are counted.
const SPOKEN_OF: [&str; 6] = [
    "cpu",
    "limits.cpu",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.memory",
];

/// Whether a write may change what a pod uses.
pub(super) fn is_seen(write: &Attributes, object: &Object) -> bool {
    let is_update = write.operation == Operation::Update;
    match write.subresource {
        "" if is_update => {
            let old = write.old;
            old.is_some_and(|old| has_deadline(old) != has_deadline(object))
        }
        "" => true,
        "resize" => is_update,
        _ => false,
    }
}

fn has_deadline(pod: &Object) -> bool {
    let seconds = pod.integer(&["spec", "activeDeadlineSeconds"]);
    seconds.is_some_and(|seconds| seconds >= 0)
}

/// Whether a resource of a quota is one that pods use.
pub(super) fn is_counted(name: &str) -> bool {
    COUNTED.contains(&name)
        || name.starts_with("hugepages-")
        || name.starts_with("requests.hugepages-")
        || is_extended(name)
}

/// `requests.` before the name of a resource that is none of Kubernetes' own.
fn is_extended(name: &str) -> bool {
    let Some(resource) = name.strip_prefix("requests.") else {
        return false;
    };
    let is_native = !name.contains('/') || name.contains("kubernetes.io/");
    !is_native || resource.starts_with("deviceclass.resource.kubernetes.io/")
}

/// What a pod uses.
pub(super) fn usage(pod: &Object, now: Timestamp) -> Usage {
    let mut all = Usage::from([("count/pods".to_owned(), one())]);
    if !is_over(pod, now) {
        let requests = usage::of_pod(pod, "requests");
        all.extend(named(&requests, &usage::of_pod(pod, "limits")));
    }
    all
}

/// A pod that ended, or should have long ago, uses nothing.
fn is_over(pod: &Object, now: Timestamp) -> bool {
    if matches!(pod.text(&["status", "phase"]), "Failed" | "Succeeded") {
        return true;
    }
    let seconds = pod.integer(&["metadata", "deletionGracePeriodSeconds"]);
    let at: Option<Timestamp> = pod.text(&["metadata", "deletionTimestamp"]).parse().ok();
    match (at, seconds) {
        (Some(at), Some(seconds)) => at
            .checked_add(SignedDuration::from_secs(seconds))
            .is_ok_and(|end| now > end),
        _ => false,
    }
}

/// Requests and limits under the names that quotas have for them.
fn named(requests: &Usage, limits: &Usage) -> Usage {
    let mut all = Usage::from([("pods".to_owned(), one())]);
    for (name, amount) in requests {
        let is_plain = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage")
            || name.starts_with("hugepages-");
        if is_plain {
            all.insert(name.clone(), amount.clone());
        }
        let is_extended = name.contains('/') && !name.contains("kubernetes.io/")
            || name.starts_with("deviceclass.resource.kubernetes.io/");
        if is_plain || is_extended {
            all.insert(format!("requests.{name}"), amount.clone());
        }
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(amount) = limits.get(name) {
            all.insert(format!("limits.{name}"), amount.clone());
        }
    }
    all
}

/// Whether a pod is in a scope.
pub(super) fn is_in_scope(pod: &Object, selector: &Value) -> bool {
    match selector["scopeName"].as_str().unwrap_or("") {
        "Terminating" => has_deadline(pod),
        "NotTerminating" => !has_deadline(pod),
        "BestEffort" => is_best_effort(pod),
        "NotBestEffort" => !is_best_effort(pod),
        "PriorityClass" => {
            let class = pod.text(&["spec", "priorityClassName"]);
            selects(selector, (!class.is_empty()).then_some(class))
        }
        "CrossNamespacePodAffinity" => reaches_out(pod),
        _ => false,
    }
}

fn is_best_effort(pod: &Object) -> bool {
    let class = pod.text(&["status", "qosClass"]);
    if !class.is_empty() {
        return class == "BestEffort";
    }
    ["requests", "limits"].iter().all(|which| {
        let amounts = usage::of_pod(pod, which);
        ["cpu", "memory"]
            .iter()
            .all(|name| amounts.get(*name).is_none_or(Quantity::is_zero))
    })
}

/// Whether a pod's place depends on pods of other namespaces.
fn reaches_out(pod: &Object) -> bool {
    let is_far = |term: &Value| {
        let names = term["namespaces"].as_array();
        names.is_some_and(|names| !names.is_empty()) || term["namespaceSelector"].is_object()
    };
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let of = |when: &str| pod.items(&["spec", "affinity", kind, when]);
        of("requiredDuringSchedulingIgnoredDuringExecution")
            .iter()
            .any(is_far)
            || of("preferredDuringSchedulingIgnoredDuringExecution")
                .iter()
                .any(|weighted| is_far(&weighted["podAffinityTerm"]))
    })
}

/// What containers must say and do not.
pub(super) fn missing(pod: &Object, counted: &[&str]) -> Option<String> {
    let has_own = ["requests", "limits"].iter().any(|which| {
        let own = usage::of_map(pod.get(&["spec", "resources", which]));
        own.keys().any(|name| usage::is_of_pods(name))
    });
    if has_own {
        return None;
    }
    let mut silent: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let lists = ["containers", "initContainers"];
    for container in lists.iter().flat_map(|list| pod.items(&["spec", list])) {
        let of = |which: &str| usage::of_map(container["resources"].get(which));
        let own = named(&of("requests"), &of("limits"));
        let name = container["name"].as_str().unwrap_or("");
        for resource in SPOKEN_OF {
            if counted.contains(&resource) && !own.contains_key(resource) {
                silent.entry(resource).or_default().insert(name);
            }
        }
    }
    if silent.is_empty() {
        return None;
    }
    let parts = silent.into_iter().map(|(resource, containers)| {
        let names: Vec<&str> = containers.into_iter().collect();
        format!("{resource} for: {}", names.join(","))
    });
    Some(format!(
        "must specify {}",
        parts.collect::<Vec<_>>().join("; ")
    ))
}

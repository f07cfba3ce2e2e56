//! Which nodes are fit for the pods of a DaemonSet.
//!
//! *Upstream:* `pkg/controller/daemon/daemon_controller.go` (`nodeShouldRunDaemonPod`),
//! `component-helpers/scheduling/corev1`.

use serde_json::{Value, json};

use crate::controllers::shared::placement::{matches, tolerates};
use crate::object::Object;
use crate::runner::Seen;

/// Taints that the pods of a set put up with, with their effects.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];
/// And this one, where they use the network of their node.
const TOLERATED_ON_HOST: (&str, &str) = ("node.kubernetes.io/network-unavailable", "NoSchedule");

/// What the pods of a set want of their node.
pub(super) struct Wish {
    node: String,
    labels: Vec<(String, String)>,
    terms: Option<Vec<Value>>,
    tolerations: Vec<Value>,
}

/// Whether there should be a pod, and whether one that is there may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) runs: bool,
    pub(super) stays: bool,
}

impl Wish {
    pub(super) fn of(set: &Object) -> Self {
        let spec = set
            .get(&["spec", "template", "spec"])
            .unwrap_or(&Value::Null);
        let labels = spec["nodeSelector"].as_object().into_iter().flatten();
        let terms = spec
            .pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution")
            .and_then(|required| required["nodeSelectorTerms"].as_array());
        Self {
            node: spec["nodeName"].as_str().unwrap_or("").to_owned(),
            labels: labels
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or("").to_owned()))
                .collect(),
            terms: terms.cloned(),
            tolerations: tolerations(spec),
        }
    }

    /// What becomes of a pod on a node.
    pub(super) fn judge(&self, node: &Object) -> Verdict {
        let verdict = |runs, stays| Verdict { runs, stays };
        if !self.node.is_empty() && self.node != node.name() {
            return verdict(false, false);
        }
        let has = |(key, value): &(String, String)| node.label(key) == Some(value.as_str());
        let is_met = |terms: &Vec<Value>| {
            let label = |key: &str| node.label(key);
            terms.iter().any(|term| matches(term, node.name(), label))
        };
        if !self.labels.iter().all(has) || !self.terms.as_ref().is_none_or(is_met) {
            return verdict(false, false);
        }
        let taints = node.items(&["spec", "taints"]);
        let repels = |effect: &str| {
            let mut taints = taints.iter().filter(|taint| taint["effect"] == effect);
            taints.any(|taint| !self.tolerations.iter().any(|one| tolerates(one, taint)))
        };
        let is_evicting = repels("NoExecute");
        verdict(!is_evicting && !repels("NoSchedule"), !is_evicting)
    }
}

/// The tolerations of a set's pods: its own, and those that all sets have.
pub(super) fn tolerations(spec: &Value) -> Vec<Value> {
    let mut all = spec["tolerations"].as_array().cloned().unwrap_or_default();
    let on_host = (spec["hostNetwork"] == true).then_some(TOLERATED_ON_HOST);
    for (key, effect) in TOLERATED.into_iter().chain(on_host) {
        let toleration = json!({"key": key, "operator": "Exists", "effect": effect});
        let is_like = |one: &Value| {
            one["key"] == key
                && one["effect"] == effect
                && one["operator"] == "Exists"
                && one["value"].as_str().unwrap_or("").is_empty()
        };
        match all.iter_mut().find(|one| is_like(one)) {
            Some(known) => *known = toleration,
            None => all.push(toleration),
        }
    }
    all
}

/// Whether a node changed in what sets look at.
pub(super) fn is_news(seen: &Seen) -> bool {
    let Some(previous) = seen.parsed_previous().filter(|_| !seen.is_gone()) else {
        return true;
    };
    let node = seen.parsed();
    let differs = |path: &[&str]| node.get(path) != previous.get(path);
    differs(&["metadata", "labels"]) || differs(&["spec", "taints"])
}

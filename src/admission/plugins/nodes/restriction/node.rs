//! What a kubelet may make of its node.
//!
//! *Upstream:* `plugin/pkg/admission/noderestriction/admission.go` (`admitNode`),
//! `staging/src/k8s.io/kubelet/pkg/apis/well_known_labels.go`.

use serde_json::Value;

use super::Restricted;
use crate::admission::Operation;
use crate::error::ApiError;
use crate::object::Object;
use crate::object::quote::quoted;

/// Labels of Kubernetes that a kubelet sets.
const LABELS: [&str; 12] = [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "node.kubernetes.io/windows-build",
];

/// Domains whose labels are all a kubelet's.
const DOMAINS: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

const RESTRICTED: &str = "node-restriction.kubernetes.io";

pub(super) fn check(of: &Restricted<'_>) -> Result<(), ApiError> {
    let node = quoted(of.node);
    let name = of.name();
    if name != of.node {
        let name = quoted(name);
        return of.refuse(&format!("node {node} is not allowed to modify node {name}"));
    }
    match (of.write.operation, of.object, of.write.old) {
        (Operation::Create, Some(new), _) => {
            if new
                .get(&["spec", "configSource"])
                .is_some_and(|source| !source.is_null())
            {
                return of.refuse(&format!(
                    "node {node} is not allowed to create pods with a non-nil configSource"
                ));
            }
            let labels = forbidden_labels(new, None);
            if labels.is_empty() {
                return Ok(());
            }
            let labels = labels.join(", ");
            of.refuse(&format!(
                "node {node} is not allowed to set the following labels: {labels}"
            ))
        }
        (Operation::Update, Some(new), Some(old)) => check_update(of, new, old),
        _ => Ok(()),
    }
}

fn check_update(of: &Restricted<'_>, new: &Object, old: &Object) -> Result<(), ApiError> {
    let node = quoted(of.node);
    let source = ["spec", "configSource"];
    let is_set = new.get(&source).is_some_and(|source| !source.is_null());
    if is_set && new.get(&source) != old.get(&source) {
        return of.refuse(&format!(
            "node {node} is not allowed to update configSource to a new non-nil configSource"
        ));
    }
    if new.items(&["spec", "taints"]) != old.items(&["spec", "taints"]) {
        return of.refuse(&format!("node {node} is not allowed to modify taints"));
    }
    let owners = ["metadata", "ownerReferences"];
    if new.items(&owners) != old.items(&owners) {
        return of.refuse(&format!(
            "node {node} is not allowed to modify ownerReferences"
        ));
    }
    let labels = forbidden_labels(new, Some(old));
    if labels.is_empty() {
        return Ok(());
    }
    of.refuse(&format!(
        "is not allowed to modify labels: {}",
        labels.join(", ")
    ))
}

/// The labels that differ and are not a kubelet's to change, in order.
fn forbidden_labels(new: &Object, old: Option<&Object>) -> Vec<String> {
    let value = |of: Option<&Object>, key: &str| {
        let labels = of?.get(&["metadata", "labels"])?;
        labels.get(key).and_then(Value::as_str).map(str::to_owned)
    };
    let keys = new.labels().chain(old.into_iter().flat_map(Object::labels));
    let mut bad: Vec<String> = keys
        .map(|(key, _)| key)
        .filter(|key| value(Some(new), key) != value(old, key) && is_forbidden(key))
        .map(str::to_owned)
        .collect();
    bad.sort();
    bad.dedup();
    bad
}

fn is_forbidden(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let is_in = |parent: &str| {
        let below = domain.strip_suffix(parent);
        below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
    };
    let is_kubelets = LABELS.contains(&key) || DOMAINS.iter().any(|domain| is_in(domain));
    is_in(RESTRICTED) || (is_in("kubernetes.io") || is_in("k8s.io")) && !is_kubelets
}

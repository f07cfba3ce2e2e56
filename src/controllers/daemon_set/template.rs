//! The pods of a DaemonSet, each made for one node.
//!
//! *Upstream:* `pkg/controller/daemon/util/daemonset_util.go`.

use serde_json::{Value, json};

use super::super::shared::pods;
use super::placement;
use crate::object::Object;
use crate::runner::kinds::DAEMON_SETS;

/// The revision of a pod's template.
pub(super) const HASH: &str = "controller-revision-hash";
const GENERATION: &str = "pod-template-generation";
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// The number of a set's template; `None` where the set has none.
fn generation(set: &Object) -> Option<i64> {
    set.text(&["metadata", "annotations", TEMPLATE_GENERATION])
        .parse()
        .ok()
}

/// Whether a pod is of the present template.
pub(super) fn is_updated(set: &Object, pod: &Object, hash: &str) -> bool {
    let number = generation(set).map(|number| number.to_string());
    let is_numbered = number.is_some() && pod.label(GENERATION) == number.as_deref();
    is_numbered || (!hash.is_empty() && pod.label(HASH) == Some(hash))
}

/// A pod for a node.
pub(super) fn pod(set: &Object, node: &str, hash: &str) -> Object {
    let mut template = set.get(&["spec", "template"]).cloned().unwrap_or_default();
    template["metadata"]["labels"][HASH] = hash.into();
    if let Some(number) = generation(set) {
        template["metadata"]["labels"][GENERATION] = number.to_string().into();
    }
    let tolerations = placement::tolerations(&template["spec"]);
    template["spec"]["tolerations"] = tolerations.into();
    // Only the terms are replaced: what else is wanted of a node stays.
    template["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = json!([
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    ]);
    pods::of_template(&template, set, &DAEMON_SETS)
}

/// The node that a pod is on or meant for.
pub(super) fn target(pod: &Object) -> Option<String> {
    let node = pod.text(&["spec", "nodeName"]);
    if !node.is_empty() {
        return Some(node.to_owned());
    }
    let terms = pod.items(&[
        "spec",
        "affinity",
        "nodeAffinity",
        REQUIRED,
        "nodeSelectorTerms",
    ]);
    let fields = terms
        .iter()
        .filter_map(|term| term["matchFields"].as_array())
        .flatten();
    let mut fields = fields.filter(|field| field["key"] == "metadata.name");
    let field = fields.find(|field| field["operator"] == "In")?;
    match field["values"].as_array().map(Vec::as_slice) {
        Some([Value::String(node)]) => Some(node.clone()),
        _ => None,
    }
}

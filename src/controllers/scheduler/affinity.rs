//! Which nodes a pod wants by their labels and names.
//!
//! *Upstream:* `component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go`.

use serde_json::Value;

use super::node::Node;
use crate::controllers::shared::placement;
use crate::object::Object;

/// What a pod wants of its node.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeWish {
    labels: Vec<(String, String)>,
    required: Option<Vec<Value>>,
    preferred: Vec<(i64, Value)>,
}

impl NodeWish {
    pub(super) fn of(pod: &Object) -> Self {
        let labels = pod
            .get(&["spec", "nodeSelector"])
            .and_then(Value::as_object);
        let labels = labels.into_iter().flatten();
        let affinity = pod.get(&["spec", "affinity", "nodeAffinity"]);
        let required = affinity
            .map(|affinity| &affinity["requiredDuringSchedulingIgnoredDuringExecution"])
            .and_then(|required| required["nodeSelectorTerms"].as_array().cloned());
        let preferred = affinity
            .map(|affinity| &affinity["preferredDuringSchedulingIgnoredDuringExecution"])
            .and_then(Value::as_array);
        Self {
            labels: labels
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or("").to_owned()))
                .collect(),
            required,
            preferred: preferred
                .into_iter()
                .flatten()
                .map(|term| {
                    (
                        term["weight"].as_i64().unwrap_or(0),
                        term["preference"].clone(),
                    )
                })
                .collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.required.is_none()
    }

    /// Whether a node is one that the pod may go to.
    pub(super) fn admits(&self, node: &Node) -> bool {
        let has = |(key, value): &(String, String)| node.label(key) == Some(value.as_str());
        let required = self.required.as_ref();
        self.labels.iter().all(has)
            && required.is_none_or(|terms| terms.iter().any(|term| matches(term, node)))
    }

    /// Whether the names that the pod asks for by field include a node's: others are not even
    /// looked at.
    pub(super) fn names(&self, node: &Node) -> bool {
        let Some(terms) = &self.required else {
            return true;
        };
        terms.is_empty()
            || terms.iter().any(|term| {
                let fields = term["matchFields"].as_array().into_iter().flatten();
                let mut by_name =
                    fields.filter(|one| one["key"] == "metadata.name" && one["operator"] == "In");
                by_name.all(|one| placement::is_met(one, Some(node.name())))
            })
    }

    /// How much the pod would like a node.
    pub(super) fn liking(&self, node: &Node) -> i64 {
        let liked = self
            .preferred
            .iter()
            .filter(|(_, term)| matches(term, node));
        liked.map(|(weight, _)| weight).sum()
    }

    pub(super) fn has_likings(&self) -> bool {
        !self.preferred.is_empty()
    }
}

/// Whether a node selector term matches a node; an empty one matches none.
pub(super) fn matches(term: &Value, node: &Node) -> bool {
    placement::matches(term, node.name(), |key| node.label(key))
}

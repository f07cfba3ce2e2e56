//! What keeps pods off nodes, and what pods put up with.
//!
//! *Upstream:* `component-helpers/scheduling/corev1/helpers.go`,
//! `k8s.io/api/core/v1/toleration.go`.

use serde_json::Value;

use crate::object::Object;

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taint {
    key: String,
    value: String,
    effect: String,
}

/// A toleration of a pod.
#[derive(Clone, Debug)]
pub(super) struct Toleration {
    key: String,
    operator: String,
    value: String,
    effect: String,
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or("").to_owned()
}

/// The taints of a node.
pub(super) fn taints(node: &Object) -> Vec<Taint> {
    let taints = node.items(&["spec", "taints"]).iter();
    let taint = |taint: &Value| Taint {
        key: text(taint, "key"),
        value: text(taint, "value"),
        effect: text(taint, "effect"),
    };
    taints.map(taint).collect()
}

/// The tolerations of a pod.
pub(super) fn tolerations(pod: &Object) -> Vec<Toleration> {
    let tolerations = pod.items(&["spec", "tolerations"]).iter();
    let toleration = |one: &Value| Toleration {
        key: text(one, "key"),
        operator: text(one, "operator"),
        value: text(one, "value"),
        effect: text(one, "effect"),
    };
    tolerations.map(toleration).collect()
}

impl Taint {
    /// What cordoned nodes count as.
    pub(super) fn of_cordon() -> Self {
        Self {
            key: "node.kubernetes.io/unschedulable".to_owned(),
            value: String::new(),
            effect: "NoSchedule".to_owned(),
        }
    }

    /// Whether it keeps pods away that do not tolerate it.
    pub(super) fn is_hard(&self) -> bool {
        matches!(self.effect.as_str(), "NoSchedule" | "NoExecute")
    }

    /// Whether it asks pods to stay away.
    pub(super) fn is_soft(&self) -> bool {
        self.effect == "PreferNoSchedule"
    }

    /// Whether any of the tolerations tolerates it.
    pub(super) fn is_tolerated(&self, tolerations: &[Toleration]) -> bool {
        tolerations.iter().any(|one| one.tolerates(self))
    }
}

impl Toleration {
    fn tolerates(&self, taint: &Taint) -> bool {
        if !self.effect.is_empty() && self.effect != taint.effect {
            return false;
        }
        if !self.key.is_empty() && self.key != taint.key {
            return false;
        }
        let compare = |is_right: fn(&i64, &i64) -> bool| {
            let numbers = taint.value.parse().ok().zip(self.value.parse().ok());
            numbers.is_some_and(|(value, bound)| is_right(&value, &bound))
        };
        match self.operator.as_str() {
            "" | "Equal" => self.value == taint.value,
            "Exists" => true,
            "Lt" => compare(i64::lt),
            "Gt" => compare(i64::gt),
            _ => false,
        }
    }
}

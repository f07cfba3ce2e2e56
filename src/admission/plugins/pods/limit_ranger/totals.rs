//! What a container or a whole pod asks for.
//!
//! *Upstream:* `plugin/pkg/admission/limitranger/admission.go` (`podRequests`, `podLimits`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::admission::plugins::usage;
use crate::object::Object;
use crate::object::quantity::Amount;

/// Amounts by resource.
pub(super) type List = BTreeMap<String, Amount>;

/// Requests and limits.
#[derive(Clone, Debug, Default)]
pub(super) struct Amounts {
    /// `requests`.
    pub(super) requests: List,
    /// `limits`.
    pub(super) limits: List,
}

impl Amounts {
    /// What resources say.
    pub(super) fn of(resources: &Value) -> Self {
        Self {
            requests: list(&resources["requests"]),
            limits: list(&resources["limits"]),
        }
    }
}

/// Amounts of a map of quantities.
pub(super) fn list(map: &Value) -> List {
    map.as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), Amount::parse(value.as_str()?)?)))
        .collect()
}

/// What a pod asks for: its containers together, and before that, what the pod itself says.
pub(super) fn of_pod(pod: &Object) -> Amounts {
    let total = |which: &str| {
        let of = |container: &Value| list(&container["resources"][which]);
        let mut sum = usage::of_containers(pod, of);
        let whole = pod.get(&["spec", "resources", which]);
        let own = list(whole.unwrap_or(&Value::Null)).into_iter();
        sum.extend(own.filter(|(name, _)| usage::is_of_pods(name)));
        sum
    };
    Amounts {
        requests: total("requests"),
        limits: total("limits"),
    }
}

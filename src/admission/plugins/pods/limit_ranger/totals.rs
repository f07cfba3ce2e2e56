//! What a container or a whole pod asks for.
//!
//! *Upstream:* `plugin/pkg/admission/limitranger/admission.go` (`podRequests`, `podLimits`).

use std::collections::BTreeMap;

use serde_json::Value;

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

/// What a pod asks for: its containers together, or what one that runs before them takes at most;
/// and before that, what the pod itself says.
pub(super) fn of_pod(pod: &Object) -> Amounts {
    let total = |which: &str| {
        let of = |container: &Value| list(&container["resources"][which]);
        let (mut sum, mut sidecars, mut initial) = (List::new(), List::new(), List::new());
        for container in pod.items(&["spec", "containers"]) {
            add(&mut sum, &of(container));
        }
        for container in pod.items(&["spec", "initContainers"]) {
            let mut own = of(container);
            if container["restartPolicy"] == "Always" {
                add(&mut sum, &own);
                add(&mut sidecars, &own);
                own.clone_from(&sidecars);
            } else {
                add(&mut own, &sidecars);
            }
            raise(&mut initial, own);
        }
        raise(&mut sum, initial);
        let whole = pod.get(&["spec", "resources", which]);
        sum.extend(
            list(whole.unwrap_or(&Value::Null))
                .into_iter()
                .filter(|(name, _)| {
                    matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-")
                }),
        );
        sum
    };
    Amounts {
        requests: total("requests"),
        limits: total("limits"),
    }
}

fn add(sum: &mut List, more: &List) {
    for (name, amount) in more {
        let entry = sum.entry(name.clone()).or_insert(Amount::ZERO);
        *entry = *entry + *amount;
    }
}

fn raise(most: &mut List, other: List) {
    for (name, amount) in other {
        let entry = most.entry(name).or_insert(amount);
        *entry = (*entry).max(amount);
    }
}

//! Amounts of resources: what pods ask for, and how amounts are added and told.
//!
//! *Upstream:* `component-helpers/resource/helpers.go`, `apiserver/pkg/quota/v1/resources.go`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::object::Object;
use crate::object::quantity::{Amount, Quantity};

/// Amounts by resource.
pub(super) type Usage = BTreeMap<String, Quantity>;

/// The amounts in a map of quantities.
pub(super) fn of_map(map: Option<&Value>) -> Usage {
    let map = map.and_then(Value::as_object).into_iter().flatten();
    map.filter_map(|(name, value)| Some((name.clone(), Quantity::from_json(value)?)))
        .collect()
}

/// An amount that can be added to another.
pub(super) trait Term: Clone + PartialOrd {
    /// Adds another.
    fn plus(&mut self, other: &Self);
}

impl Term for Quantity {
    fn plus(&mut self, other: &Self) {
        self.add(other);
    }
}

impl Term for Amount {
    fn plus(&mut self, other: &Self) {
        *self = *self + *other;
    }
}

/// Adds amounts to others.
pub(super) fn add<T: Term>(sum: &mut BTreeMap<String, T>, more: &BTreeMap<String, T>) {
    for (name, amount) in more {
        match sum.get_mut(name) {
            Some(own) => own.plus(amount),
            None => {
                sum.insert(name.clone(), amount.clone());
            }
        }
    }
}

/// Takes the larger amount of each resource.
fn raise<T: Term>(most: &mut BTreeMap<String, T>, other: &BTreeMap<String, T>) {
    for (name, amount) in other {
        match most.get_mut(name) {
            Some(own) if *own >= *amount => {}
            Some(own) => *own = amount.clone(),
            None => {
                most.insert(name.clone(), amount.clone());
            }
        }
    }
}

/// `requests` or `limits` of a whole pod: its containers together, or what one that runs before
/// them takes at most; where the pod itself says something, that; and what its runtime costs.
pub(super) fn of_pod(pod: &Object, which: &str) -> Usage {
    let status = |container: &Value| statuses(pod, container, which);
    let mut sum = of_containers(pod, |container| of_map(container["resources"].get(which)));
    raise(&mut sum, &of_containers(pod, status));
    let own = pod.get(&["spec", "resources", which]);
    sum.extend(of_map(own).into_iter().filter(|(name, _)| is_of_pods(name)));
    let overhead = of_map(pod.get(&["spec", "overhead"]));
    for (name, amount) in overhead {
        match sum.get_mut(&name) {
            Some(own) => own.add(&amount),
            None if which == "requests" => {
                sum.insert(name, amount);
            }
            None => {}
        }
    }
    sum
}

/// Whether a whole pod may ask for a resource.
pub(super) fn is_of_pods(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

/// What the containers of a pod come to together, or what one that runs before them takes at most.
pub(super) fn of_containers<T: Term>(
    pod: &Object,
    of: impl Fn(&Value) -> BTreeMap<String, T>,
) -> BTreeMap<String, T> {
    let (mut sum, mut sidecars, mut initial) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
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
        raise(&mut initial, &own);
    }
    raise(&mut sum, &initial);
    sum
}

/// What a container was given, as far as its status says.
fn statuses(pod: &Object, container: &Value, which: &str) -> Usage {
    let all = ["containerStatuses", "initContainerStatuses"]
        .into_iter()
        .flat_map(|list| pod.items(&["status", list]));
    let mut found = all.filter(|status| status["name"] == container["name"]);
    let Some(status) = found.next() else {
        return of_map(container["resources"].get(which));
    };
    let mut given = of_map(status["resources"].get(which));
    if which == "requests" {
        raise(&mut given, &of_map(status.get("allocatedResources")));
    }
    if given.is_empty() {
        given = of_map(container["resources"].get(which));
    }
    given
}

/// Amounts in a message: `cpu=1,memory=2Gi`.
pub(super) fn told(usage: &Usage) -> String {
    let parts = usage
        .iter()
        .map(|(name, amount)| format!("{name}={amount}"));
    parts.collect::<Vec<_>>().join(",")
}

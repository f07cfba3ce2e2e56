//! The quality of service that a pod gets for what it asks of resources.
//!
//! *Upstream:* `pkg/apis/core/helper/qos/qos.go`.

use serde_json::Value;

use super::super::look::Look;
use super::super::pod_spec::resources::is_for_pods;
use super::super::quantity::Amount;

/// The class of a pod.
pub fn class(spec: &Value) -> &'static str {
    let own = spec.at("resources");
    let is_set = ["requests", "limits"]
        .iter()
        .any(|which| own.entries(which).any(|(name, _)| is_for_pods(name)));
    if is_set {
        return of_requirements(own);
    }
    let containers = spec.list("initContainers").iter();
    let mut classes = containers
        .chain(spec.list("containers"))
        .map(|container| of_requirements(container.at("resources")));
    let first = classes.next().unwrap_or("BestEffort");
    if classes.all(|class| class == first) {
        first
    } else {
        "Burstable"
    }
}

fn of_requirements(resources: &Value) -> &'static str {
    let is_empty = |which| resources.map(which).is_none_or(serde_json::Map::is_empty);
    if is_empty("requests") && is_empty("limits") {
        return "BestEffort";
    }
    let amount = |which, name| {
        let text = resources.at(which).maybe_text(name);
        text.and_then(Amount::parse).unwrap_or(Amount::ZERO)
    };
    let class = |name| {
        let (request, limit) = (amount("requests", name), amount("limits", name));
        if request != limit {
            "Burstable"
        } else if request.is_zero() {
            "BestEffort"
        } else {
            "Guaranteed"
        }
    };
    let (cpu, memory) = (class("cpu"), class("memory"));
    if cpu == memory { cpu } else { "Burstable" }
}

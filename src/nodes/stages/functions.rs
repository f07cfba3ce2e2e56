//! What templates of Stages may call beside what all templates may.
//!
//! *Upstream:* kwok's `pkg/utils/gotpl/funcs.go`, `pkg/kwok/controllers/{pod,node}_controller.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::nodes::registration::CONDITIONS;
use crate::nodes::template::Functions;
use crate::object::{Object, time};
use crate::sim::Entropy;

/// So deep YAML is written at most.
const INDENT_MAX: u64 = 1000;

/// What the place of an object knows: addresses of its node, and of its pods.
pub(in crate::nodes) trait Places {
    /// The addresses of a node.
    fn node_addresses(&mut self, node: &str) -> Vec<String>;

    /// The addresses of the pod that is looked at.
    fn pod_addresses(&mut self, uses_host: bool) -> Vec<String>;
}

/// Where nothing has an address.
pub(in crate::nodes) struct Nowhere;

impl Places for Nowhere {
    fn node_addresses(&mut self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn pod_addresses(&mut self, _: bool) -> Vec<String> {
        Vec::new()
    }
}

/// The functions for an object.
pub(super) struct Own<'a> {
    pub(super) object: &'a Object,
    pub(super) places: &'a mut dyn Places,
    pub(super) now: Timestamp,
    pub(super) entropy: Entropy,
}

impl Own<'_> {
    /// The addresses of the node that an object is.
    fn own_addresses(&self) -> Vec<String> {
        let addresses = self.object.items(&["status", "addresses"]).iter();
        let internal = addresses.filter(|one| one["type"] == "InternalIP");
        internal
            .filter_map(|one| one["address"].as_str().map(str::to_owned))
            .collect()
    }
}

impl Functions for Own<'_> {
    fn call(&mut self, name: &str, arguments: &[Value]) -> Option<Value> {
        let argument = arguments.first().unwrap_or(&Value::Null);
        let text = |place: usize| arguments.get(place).and_then(Value::as_str).unwrap_or("");
        let uses_host = arguments.get(1) == Some(&Value::Bool(true));
        let first = |all: Vec<String>| all.into_iter().next().unwrap_or_default().into();
        Some(match name {
            "Quote" => match argument {
                Value::String(text) => Value::String(text.clone()).to_string().into(),
                other => Value::String(other.to_string()).to_string().into(),
            },
            "Now" | "StartTime" => time::seconds(self.now).into(),
            // What is written so is YAML as well, however deep it stands.
            "YAML" => match arguments.get(1).and_then(Value::as_u64) {
                Some(indent) if indent > 0 => format!(
                    "\n{}{argument}",
                    "  ".repeat(indent.min(INDENT_MAX) as usize)
                )
                .into(),
                _ => format!("{argument}\n").into(),
            },
            "Version" => concat!("v", env!("CARGO_PKG_VERSION")).into(),
            "NodeConditions" => CONDITIONS
                .map(|[kind, status, reason, message]| {
                    json!({"type": kind, "status": status, "reason": reason, "message": message,
                        "lastHeartbeatTime": null, "lastTransitionTime": null})
                })
                .to_vec()
                .into(),
            "NodeIP" => first(self.own_addresses()),
            "NodeName" => self.object.name().into(),
            "NodePort" => 0.into(),
            "NodeIPWith" => first(self.places.node_addresses(text(0))),
            "NodeIPsWith" => self.places.node_addresses(text(0)).into(),
            "PodIP" => first(self.places.pod_addresses(false)),
            "PodIPWith" => first(self.places.pod_addresses(uses_host)),
            "PodIPsWith" => self.places.pod_addresses(uses_host).into(),
            _ => return None,
        })
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn entropy(&self) -> &Entropy {
        &self.entropy
    }
}

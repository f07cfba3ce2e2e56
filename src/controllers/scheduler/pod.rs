//! A pod, as far as scheduling needs it: what it wants, and what it takes where it is.

use serde_json::Value;

use super::affinity::NodeWish;
use super::resources::{self, Resources};
use super::taints::{self, Toleration};
use crate::object::Object;

/// A pod that is on a node.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) requests: Resources,
    pub(super) weight: (i64, i64),
    pub(super) ports: Vec<Port>,
    /// The uid of whoever controls it.
    pub(super) owner: Box<str>,
}

/// A port of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    address: String,
    protocol: String,
    number: i64,
}

/// A pod that waits for a node.
#[derive(Debug)]
pub(super) struct Wanting {
    pub(super) bound: Bound,
    pub(super) nodes: NodeWish,
    pub(super) tolerations: Vec<Toleration>,
}

impl Bound {
    pub(super) fn of(pod: &Object) -> Self {
        let owners = pod.items(&["metadata", "ownerReferences"]).iter();
        let mut controllers = owners.filter(|owner| owner["controller"] == true);
        let owner = controllers.next().and_then(|owner| owner["uid"].as_str());
        Self {
            requests: resources::requests(pod),
            weight: resources::weights(pod),
            ports: ports(pod),
            owner: owner.unwrap_or("").into(),
        }
    }
}

impl Wanting {
    pub(super) fn of(pod: &Object) -> Self {
        Self {
            bound: Bound::of(pod),
            nodes: NodeWish::of(pod),
            tolerations: taints::tolerations(pod),
        }
    }
}

impl Port {
    /// Whether both cannot be on one host.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let is_any = |address: &str| matches!(address, "" | "0.0.0.0");
        self.number == other.number
            && self.protocol == other.protocol
            && (self.address == other.address || is_any(&self.address) || is_any(&other.address))
    }
}

fn ports(pod: &Object) -> Vec<Port> {
    let sidecars = pod.items(&["spec", "initContainers"]).iter();
    let sidecars = sidecars.filter(|one| one["restartPolicy"] == "Always");
    let all = pod.items(&["spec", "containers"]).iter().chain(sidecars);
    let all = all
        .filter_map(|container| container["ports"].as_array())
        .flatten();
    let port = |port: &Value| {
        let number = port["hostPort"].as_i64().filter(|number| *number > 0)?;
        let text = |field: &str| port[field].as_str().unwrap_or("").to_owned();
        let protocol = match text("protocol").as_str() {
            "" => "TCP".to_owned(),
            protocol => protocol.to_owned(),
        };
        Some(Port {
            address: text("hostIP"),
            protocol,
            number,
        })
    };
    all.filter_map(port).collect()
}

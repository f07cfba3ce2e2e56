//! A pod, as far as scheduling needs it: what it wants, and what it takes where it is.

use serde_json::Value;

use super::affinity::NodeWish;
use super::node::Node;
use super::resources::{self, Resources};
use super::taints::{self, Taint, Toleration};
use super::terms::{self, Constraint, Term, Terms};
use super::volumes::Volumes;
use crate::object::Object;
use crate::runner::World;

/// A pod that is on a node.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) requests: Resources,
    pub(super) weight: (i64, i64),
    pub(super) ports: Vec<Port>,
    pub(super) priority: i64,
    labels: Box<[(Box<str>, Box<str>)]>,
    /// From which pods it keeps away.
    pub(super) far: Box<[Term]>,
    /// Whether it is being deleted.
    pub(super) is_going: bool,
    uid: Box<str>,
    generation: i64,
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
    pub(super) namespace: String,
    pub(super) terms: Terms,
    pub(super) spread: Vec<Constraint>,
    pub(super) volumes: Volumes,
}

impl Bound {
    pub(super) fn of(world: &World, pod: &Object) -> Self {
        let owners = pod.items(&["metadata", "ownerReferences"]).iter();
        let mut controllers = owners.filter(|owner| owner["controller"] == true);
        let owner = controllers.next().and_then(|owner| owner["uid"].as_str());
        let labels = pod.labels().map(|(key, value)| (key.into(), value.into()));
        let mut labels: Vec<(Box<str>, Box<str>)> = labels.collect();
        labels.sort();
        Self {
            requests: resources::requests(pod),
            weight: resources::weights(pod),
            ports: ports(pod),
            priority: pod.integer(&["spec", "priority"]).unwrap_or(0),
            labels: labels.into(),
            far: Terms::of(world, pod).far.into(),
            is_going: pod.is_being_deleted(),
            uid: pod.uid().into(),
            generation: pod.generation(),
            owner: owner.unwrap_or("").into(),
        }
    }

    /// Whether nothing of the pod that counts has changed: what changes most is its status.
    pub(super) fn says_all_of(&self, pod: &Object) -> bool {
        let labels = self.labels.iter().map(|(key, value)| (&**key, &**value));
        self.generation == pod.generation()
            && self.is_going == pod.is_being_deleted()
            && *self.uid == *pod.uid()
            && labels.eq(pod.labels())
    }

    /// The value of a label.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        let place = self
            .labels
            .binary_search_by(|(known, _)| (**known).cmp(key));
        place.ok().map(|place| &*self.labels[place].1)
    }
}

impl Wanting {
    pub(super) fn of(world: &World, pod: &Object, volumes: Volumes) -> Self {
        Self {
            volumes,
            bound: Bound::of(world, pod),
            nodes: NodeWish::of(pod),
            tolerations: taints::tolerations(pod),
            namespace: pod.namespace().to_owned(),
            terms: Terms::of(world, pod),
            spread: terms::constraints(pod),
        }
    }

    /// Whether the pod puts up with what keeps others off a node.
    pub(super) fn tolerates(&self, node: &Node) -> bool {
        let mut hard = node.taints.iter().filter(|taint| taint.is_hard());
        hard.all(|taint| self.is_fine_with(taint))
    }

    /// Whether it puts up with a taint.
    pub(super) fn is_fine_with(&self, taint: &Taint) -> bool {
        taint.is_tolerated(&self.tolerations)
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

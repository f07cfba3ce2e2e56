//! A node and its pods, as far as scheduling needs them.
//!
//! *Upstream:* `pkg/scheduler/framework/types.go` (`NodeInfo`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::pod::{Bound, Port};
use super::resources::Resources;
use super::taints::{self, Taint};
use crate::object::{Key, Object};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Node {
    name: String,
    /// `false` where pods are known to be on it, but not the node itself.
    pub(super) is_there: bool,
    labels: BTreeMap<Box<str>, Box<str>>,
    pub(super) taints: Vec<Taint>,
    pub(super) is_cordoned: bool,
    pub(super) room: Resources,
    pub(super) used: Resources,
    /// CPU and memory in use, as nodes are compared by.
    pub(super) weight: (i64, i64),
    pub(super) pods: BTreeMap<Key, Arc<Bound>>,
}

impl Node {
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(|value| &**value)
    }

    /// Takes over what the object says; whether that is anything new.
    pub(super) fn set(&mut self, node: &Object) -> bool {
        let labels: BTreeMap<Box<str>, Box<str>> = node
            .labels()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        let taints = taints::taints(node);
        let is_cordoned = node.is_true(&["spec", "unschedulable"]);
        let room = Resources::of(node.get(&["status", "allocatable"]));
        let is_new = !self.is_there
            || self.labels != labels
            || self.taints != taints
            || self.is_cordoned != is_cordoned
            || self.room != room;
        self.is_there = true;
        self.labels = labels;
        self.taints = taints;
        self.is_cordoned = is_cordoned;
        self.room = room;
        is_new
    }

    pub(super) fn add(&mut self, key: &Key, pod: Arc<Bound>) {
        self.used.add(&pod.requests);
        self.weight.0 += pod.weight.0;
        self.weight.1 += pod.weight.1;
        self.pods.insert(key.clone(), pod);
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<Bound>> {
        let pod = self.pods.remove(key)?;
        self.used.take(&pod.requests);
        self.weight.0 -= pod.weight.0;
        self.weight.1 -= pod.weight.1;
        Some(pod)
    }

    /// Whether none of the ports is taken by a pod that is here.
    pub(super) fn has_free(&self, ports: &[Port]) -> bool {
        let mut taken = self.pods.values().flat_map(|pod| &pod.ports);
        ports.is_empty() || !taken.any(|taken| ports.iter().any(|port| port.is_same(taken)))
    }
}

//! Which nodes can take a pod, and why others cannot.
//!
//! *Upstream:* `pkg/scheduler/framework/plugins/{nodename,nodeunschedulable,tainttoleration,
//! nodeaffinity,nodeports,noderesources}`.

use std::collections::BTreeMap;

use super::node::Node;
use super::pod::Wanting;
use super::taints::Taint;

/// Why a node cannot take a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reasons: Vec<String>,
    /// Whether it could if other pods were not there.
    pub(super) is_curable: bool,
}

impl Refusal {
    pub(super) fn lasting(reason: &str) -> Self {
        Self {
            reasons: vec![reason.to_owned()],
            is_curable: false,
        }
    }

    pub(super) fn curable(reason: &str) -> Self {
        Self {
            reasons: vec![reason.to_owned()],
            is_curable: true,
        }
    }
}

/// What the node by itself says to a pod.
pub(super) fn check(pod: &Wanting, node: &Node) -> Result<(), Refusal> {
    if !pod.nodes.names(node) {
        let reason = "node(s) didn't satisfy plugin(s) [NodeAffinity]";
        return Err(Refusal::lasting(reason));
    }
    if node.is_cordoned && !pod.is_fine_with(&Taint::of_cordon()) {
        return Err(Refusal::lasting("node(s) were unschedulable"));
    }
    if !pod.tolerates(node) {
        return Err(Refusal::lasting("node(s) had untolerated taint(s)"));
    }
    if !pod.nodes.is_empty() && !pod.nodes.admits(node) {
        let reason = "node(s) didn't match Pod's node affinity/selector";
        return Err(Refusal::lasting(reason));
    }
    if !node.has_free(&pod.bound.ports) {
        let reason = "node(s) didn't have free ports for the requested pod ports";
        return Err(Refusal::curable(reason));
    }
    fits(pod, node)?;
    pod.volumes
        .refusal(node)
        .map_or(Ok(()), |reason| Err(Refusal::lasting(reason)))
}

fn fits(pod: &Wanting, node: &Node) -> Result<(), Refusal> {
    let mut reasons = Vec::new();
    let mut is_curable = true;
    if i64::try_from(node.pods.len()).unwrap_or(i64::MAX) >= node.room.pods {
        reasons.push("Too many pods".to_owned());
    }
    let (wanted, used, room) = (&pod.bound.requests, &node.used, &node.room);
    let mut compare = |name: &str, wanted: i64, used: i64, room: i64| {
        if wanted > 0 && wanted > room - used {
            reasons.push(format!("Insufficient {name}"));
            is_curable &= wanted <= room;
        }
    };
    compare("cpu", wanted.cpu, used.cpu, room.cpu);
    compare("memory", wanted.memory, used.memory, room.memory);
    compare(
        "ephemeral-storage",
        wanted.storage,
        used.storage,
        room.storage,
    );
    for (name, amount) in &wanted.others {
        compare(name, *amount, used.other(name), room.other(name));
    }
    if reasons.is_empty() {
        return Ok(());
    }
    Err(Refusal {
        reasons,
        is_curable,
    })
}

/// How kube-scheduler says that no node will do.
///
/// *Upstream:* `pkg/scheduler/framework/types.go` (`FitError`).
pub(super) fn message<'a>(count: usize, reasons: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in reasons {
        *counts.entry(reason).or_default() += 1;
    }
    let mut told: Vec<String> = counts
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    told.sort();
    if told.is_empty() {
        return format!("0/{count} nodes are available:");
    }
    format!("0/{count} nodes are available: {}.", told.join(", "))
}

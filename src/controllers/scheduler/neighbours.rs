//! Which nodes other pods allow: near some, far from others, spread evenly.
//!
//! *Upstream:* `pkg/scheduler/framework/plugins/{interpodaffinity,podtopologyspread}`.

use std::collections::BTreeMap;

use super::cache::Cache;
use super::filter::Refusal;
use super::node::Node;
use super::pod::Wanting;
use super::terms::{Constraint, Term};

const SPREAD: &str = "node(s) didn't match pod topology spread constraints";
const SPREAD_LABEL: &str =
    "node(s) didn't match pod topology spread constraints (missing required label)";

/// Pods by the value of a node label.
type ByValue = BTreeMap<String, i64>;

/// What the other pods say to a pod, looked up once for all nodes.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    near: Vec<(String, ByValue)>,
    far: Vec<(String, ByValue)>,
    /// Label and value of nodes that pods that are there keep the pod off.
    forbidden: Vec<(String, String)>,
    /// The first of its kind goes anywhere.
    is_first: bool,
    spread: Vec<Spread>,
    preferred: Vec<(String, ByValue, i64)>,
}

#[derive(Debug)]
struct Spread {
    constraint: Constraint,
    counts: ByValue,
    min: i64,
    own: i64,
}

impl Neighbours {
    pub(super) fn of(cache: &mut Cache, pod: &Wanting) -> Self {
        let mut this = Self::default();
        let near = &pod.terms.near;
        for term in near {
            this.near.push((term.topology.clone(), count(cache, term)));
        }
        let is_alone = this.near.iter().all(|(_, counts)| counts.is_empty());
        let likes_itself = |term: &Term| term.group.includes(&pod.namespace, &pod.bound);
        this.is_first = is_alone && near.iter().all(likes_itself);
        for term in &pod.terms.far {
            this.far.push((term.topology.clone(), count(cache, term)));
        }
        for term in &pod.terms.preferred {
            let counts = count(cache, term);
            this.preferred
                .push((term.topology.clone(), counts, term.weight));
        }
        this.forbidden = cache.forbidden(&pod.namespace, &pod.bound);
        for constraint in &pod.spread {
            this.spread.push(Spread::of(cache, pod, constraint));
        }
        this
    }

    /// What they say to a node.
    pub(super) fn check(&self, node: &Node) -> Result<(), Refusal> {
        for spread in self.spread.iter().filter(|one| one.constraint.is_hard) {
            let Some(value) = node.label(&spread.constraint.topology) else {
                return Err(Refusal::lasting(SPREAD_LABEL));
            };
            let count = spread.counts.get(value).copied().unwrap_or(0);
            if count + spread.own - spread.min > spread.constraint.max_skew {
                return Err(Refusal::curable(SPREAD));
            }
        }
        let has = |(topology, counts): &(String, ByValue)| {
            let value = node.label(topology)?;
            Some(counts.get(value).copied().unwrap_or(0) > 0)
        };
        let is_near = |one: &(String, ByValue)| match has(one) {
            None => false,
            Some(has) => has || self.is_first,
        };
        if !self.near.iter().all(is_near) {
            return Err(Refusal::lasting("node(s) didn't match pod affinity rules"));
        }
        if self.far.iter().any(|one| has(one) == Some(true)) {
            return Err(Refusal::curable(
                "node(s) didn't match pod anti-affinity rules",
            ));
        }
        let is_forbidden =
            |(topology, value): &(String, String)| node.label(topology) == Some(value.as_str());
        if self.forbidden.iter().any(is_forbidden) {
            let reason = "node(s) didn't satisfy existing pods anti-affinity rules";
            return Err(Refusal::curable(reason));
        }
        Ok(())
    }

    /// How many pods a node has near it that the pod would like to be near, less the others.
    pub(super) fn liking(&self, node: &Node) -> i64 {
        let all = self.preferred.iter().map(|(topology, counts, weight)| {
            let count = node.label(topology).and_then(|value| counts.get(value));
            weight * count.copied().unwrap_or(0)
        });
        all.sum()
    }

    pub(super) fn has_likings(&self) -> bool {
        !self.preferred.is_empty()
    }

    /// How many pods like this one are near a node, by the constraints that only prefer.
    pub(super) fn crowd(&self, node: &Node) -> i64 {
        let soft = self.spread.iter().filter(|one| !one.constraint.is_hard);
        let all = soft.map(|one| {
            let value = node.label(&one.constraint.topology);
            value
                .and_then(|value| one.counts.get(value))
                .copied()
                .unwrap_or(0)
        });
        all.sum()
    }

    pub(super) fn has_crowds(&self) -> bool {
        self.spread.iter().any(|one| !one.constraint.is_hard)
    }
}

impl Spread {
    fn of(cache: &mut Cache, pod: &Wanting, constraint: &Constraint) -> Self {
        let mut counts = ByValue::new();
        let others: Vec<&str> = pod
            .spread
            .iter()
            .filter(|one| one.is_hard == constraint.is_hard)
            .map(|one| one.topology.as_str())
            .collect();
        for node in cache.nodes.iter().filter(|node| node.is_there) {
            let has_labels = others.iter().all(|key| node.label(key).is_some());
            let is_meant = has_labels
                && (!constraint.honours_affinity || pod.nodes.admits(node))
                && (!constraint.honours_taints || pod.tolerates(node));
            if let Some(value) = node.label(&constraint.topology).filter(|_| is_meant) {
                counts.entry(value.to_owned()).or_default();
            }
        }
        for (place, count) in cache.counts(&constraint.group, true) {
            let node = &cache.nodes[place];
            if !pod.nodes.admits(node) && constraint.honours_affinity {
                continue;
            }
            let value = node.label(&constraint.topology);
            if let Some(known) = value.and_then(|value| counts.get_mut(value)) {
                *known += i64::from(count);
            }
        }
        let domains = i64::try_from(counts.len()).unwrap_or(i64::MAX);
        let min = counts.values().copied().min().unwrap_or(0);
        Self {
            own: i64::from(constraint.group.includes(&pod.namespace, &pod.bound)),
            min: if domains < constraint.min_domains {
                0
            } else {
                min
            },
            counts,
            constraint: constraint.clone(),
        }
    }
}

/// The pods a term means, by the value of its label.
fn count(cache: &mut Cache, term: &Term) -> ByValue {
    let mut counts = ByValue::new();
    for (place, count) in cache.counts(&term.group, false) {
        if let Some(value) = cache.nodes[place].label(&term.topology) {
            *counts.entry(value.to_owned()).or_default() += i64::from(count);
        }
    }
    counts
}

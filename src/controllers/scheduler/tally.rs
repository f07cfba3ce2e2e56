//! How many pods that match a selector are on which node, kept up with every change.
//!
//! A selector that some pod asks about is counted once over all pods; from then on each pod that
//! comes or goes counts, so that a thousand pods with the same wish cost one walk.

use std::collections::{BTreeMap, BTreeSet};

use super::pod::Bound;
use crate::object::selector::LabelSelector;

/// So many selectors are kept.
const KNOWN_MAX: usize = 256;

/// Which pods are meant.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// What makes two the same.
    pub(super) name: String,
    /// `None` is all namespaces.
    pub(super) namespaces: Option<BTreeSet<String>>,
    pub(super) selector: LabelSelector,
}

impl Group {
    /// Whether a pod is meant.
    pub(super) fn includes(&self, namespace: &str, pod: &Bound) -> bool {
        let namespaces = self.namespaces.as_ref();
        namespaces.is_none_or(|all| all.contains(namespace))
            && self.selector.matches(|key| pod.label(key))
    }
}

/// Pods of a group on nodes, by the nodes' places.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Of all.
    pub(super) all: BTreeMap<usize, u32>,
    /// Of those that stay.
    pub(super) staying: BTreeMap<usize, u32>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    known: BTreeMap<String, (Group, Counts)>,
}

impl Tallies {
    /// The counts of a group; `pods` are all that are on nodes.
    pub(super) fn counts<'a>(
        &mut self,
        group: &Group,
        pods: impl Iterator<Item = (usize, &'a str, &'a Bound)>,
    ) -> &Counts {
        let is_known = self.known.contains_key(&group.name);
        if !is_known {
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            let mut counts = Counts::default();
            for (place, namespace, pod) in pods {
                if group.includes(namespace, pod) {
                    counts.change(place, pod, true);
                }
            }
            let entry = (group.clone(), counts);
            self.known.insert(group.name.clone(), entry);
        }
        &self.known[&group.name].1
    }

    /// A pod comes to a node or goes.
    pub(super) fn note(&mut self, place: usize, namespace: &str, pod: &Bound, comes: bool) {
        for (group, counts) in self.known.values_mut() {
            if group.includes(namespace, pod) {
                counts.change(place, pod, comes);
            }
        }
    }
}

impl Counts {
    fn change(&mut self, place: usize, pod: &Bound, comes: bool) {
        let staying = (!pod.is_going).then_some(&mut self.staying);
        for counts in [Some(&mut self.all), staying].into_iter().flatten() {
            let count = counts.entry(place).or_default();
            *count = if comes {
                *count + 1
            } else {
                count.saturating_sub(1)
            };
            if *count == 0 {
                counts.remove(&place);
            }
        }
    }
}

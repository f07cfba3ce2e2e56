//! The nodes and what is on them, kept up with the changes that are told.
//!
//! *Upstream:* `pkg/scheduler/backend/cache/cache.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::node::Node;
use super::pod::{Bound, Wanting};
use super::tally::{Group, Tallies};
use super::terms::Term;
use crate::object::Key;
use crate::runner::{Seen, World};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Cache {
    pub(super) nodes: Vec<Node>,
    places: BTreeMap<String, usize>,
    /// Where each pod is.
    homes: BTreeMap<Key, usize>,
    /// How many pods of an owner are on which node.
    owned: BTreeMap<Box<str>, BTreeMap<usize, u32>>,
    tallies: Tallies,
    /// What pods that are there keep away from them, and how many of them on which node do.
    kept_off: BTreeMap<(String, String), (Term, BTreeMap<usize, u32>)>,
    /// Pods for which others make way, and where.
    nominated: BTreeMap<Key, (usize, Wanting)>,
    /// How many nodes there are.
    pub(super) count: usize,
}

impl Cache {
    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.nodes.len();
        self.nodes.push(Node::named(name));
        self.places.insert(name.to_owned(), place);
        place
    }

    /// The place of a node that is there.
    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        let place = *self.places.get(name)?;
        self.nodes[place].is_there.then_some(place)
    }

    /// A node changed; whether that may make room for pods.
    pub(super) fn note_node(&mut self, seen: &Seen) -> bool {
        let place = self.place(seen.object.key.name());
        let node = &mut self.nodes[place];
        let was_there = node.is_there;
        if seen.is_gone() {
            node.is_there = false;
            self.count -= usize::from(was_there);
            return false;
        }
        let is_new = node.set(&seen.parsed());
        self.count += usize::from(!was_there);
        is_new
    }

    /// A pod changed; whether that may make room for others.
    pub(super) fn note_pod(&mut self, world: &World, seen: &Seen) -> bool {
        let key = &seen.object.key;
        let node = seen.object.field("spec.nodeName").unwrap_or("");
        let phase = seen.object.field("status.phase").unwrap_or("");
        let is_over = matches!(phase, "Succeeded" | "Failed");
        if seen.is_gone() || node.is_empty() || is_over {
            return self.remove(key);
        }
        let pod = seen.parsed();
        let home = self.homes.get(key).map(|place| &self.nodes[*place]);
        let known = home.and_then(|home| home.pods.get(key));
        if known.is_some_and(|known| known.says_all_of(&pod)) {
            return false;
        }
        let had = self.remove(key);
        let place = self.place(node);
        let bound = Arc::new(Bound::of(world, &pod));
        self.come(key, place, &bound);
        self.homes.insert(key.clone(), place);
        had
    }

    fn remove(&mut self, key: &Key) -> bool {
        let place = self.homes.remove(key);
        place.is_some_and(|place| self.leave(key, place).is_some())
    }

    /// A pod is on a node.
    pub(super) fn come(&mut self, key: &Key, place: usize, pod: &Arc<Bound>) {
        self.count_pod(key, place, pod, true);
        self.nodes[place].add(key, Arc::clone(pod));
    }

    /// A pod is no longer on a node.
    pub(super) fn leave(&mut self, key: &Key, place: usize) -> Option<Arc<Bound>> {
        let pod = self.nodes[place].remove(key)?;
        self.count_pod(key, place, &pod, false);
        Some(pod)
    }

    fn count_pod(&mut self, key: &Key, place: usize, pod: &Bound, comes: bool) {
        if !pod.owner.is_empty() {
            let owned = self.owned.entry(pod.owner.clone()).or_default();
            change(owned, place, comes);
            if owned.is_empty() {
                self.owned.remove(&pod.owner);
            }
        }
        for term in &pod.far {
            let name = (term.group.name.clone(), term.topology.clone());
            let entry = || (term.clone(), BTreeMap::new());
            let (_, counts) = self.kept_off.entry(name.clone()).or_insert_with(entry);
            change(counts, place, comes);
            if counts.is_empty() {
                self.kept_off.remove(&name);
            }
        }
        self.tallies.note(place, key.namespace(), pod, comes);
    }

    /// How many pods of a group are on which node; without those that are going, where asked.
    pub(super) fn counts(&mut self, group: &Group, is_staying: bool) -> Vec<(usize, u32)> {
        let nodes = self.nodes.iter().enumerate();
        let pods = nodes.flat_map(|(place, node)| {
            let pods = node.pods.iter();
            pods.map(move |(key, pod)| (place, key.namespace(), &**pod))
        });
        let counts = self.tallies.counts(group, pods);
        let counts = if is_staying {
            &counts.staying
        } else {
            &counts.all
        };
        counts
            .iter()
            .map(|(place, count)| (*place, *count))
            .collect()
    }

    /// Label and value of nodes that pods which are there keep another one off.
    pub(super) fn forbidden(&self, namespace: &str, pod: &Bound) -> Vec<(String, String)> {
        let mut forbidden = Vec::new();
        for (term, places) in self.kept_off.values() {
            if !term.group.includes(namespace, pod) {
                continue;
            }
            let values = places
                .keys()
                .filter_map(|place| self.nodes[*place].label(&term.topology));
            forbidden.extend(values.map(|value| (term.topology.clone(), value.to_owned())));
        }
        forbidden.sort();
        forbidden.dedup();
        forbidden
    }

    /// Others make way for a pod on a node.
    pub(super) fn nominate(&mut self, key: &Key, place: usize, pod: Wanting) {
        self.nominated.insert(key.clone(), (place, pod));
    }

    /// Nobody makes way for a pod any more.
    pub(super) fn withdraw(&mut self, key: &Key) {
        self.nominated.remove(key);
    }

    /// Has all pods that count before one stand where others make way for them, while something is
    /// looked at.
    pub(super) fn with_nominated<T>(
        &mut self,
        key: &Key,
        priority: i64,
        look: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = |(other, (_, pod)): &(&Key, &(usize, Wanting))| {
            *other != key && pod.bound.priority >= priority
        };
        let guests: Vec<(Key, usize, Arc<Bound>)> = self
            .nominated
            .iter()
            .filter(before)
            .map(|(key, (place, pod))| (key.clone(), *place, Arc::new(pod.bound.clone())))
            .collect();
        for (key, place, pod) in &guests {
            self.come(key, *place, pod);
        }
        let seen = look(self);
        for (key, place, _) in &guests {
            self.leave(key, *place);
        }
        seen
    }

    /// How many pods of an owner are on a node.
    pub(super) fn owned(&self, owner: &str, place: usize) -> u32 {
        let owned = self.owned.get(owner);
        owned
            .and_then(|owned| owned.get(&place))
            .copied()
            .unwrap_or(0)
    }
}

fn change(counts: &mut BTreeMap<usize, u32>, place: usize, is_more: bool) {
    let count = counts.entry(place).or_default();
    *count = if is_more {
        *count + 1
    } else {
        count.saturating_sub(1)
    };
    if *count == 0 {
        counts.remove(&place);
    }
}

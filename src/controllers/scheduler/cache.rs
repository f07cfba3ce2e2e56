//! The nodes and what is on them, kept up with the changes that are told.
//!
//! *Upstream:* `pkg/scheduler/backend/cache/cache.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::node::Node;
use super::pod::Bound;
use crate::object::Key;
use crate::runner::Seen;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Cache {
    pub(super) nodes: Vec<Node>,
    places: BTreeMap<String, usize>,
    /// Where each pod is.
    homes: BTreeMap<Key, usize>,
    /// How many pods of an owner are on which node.
    owned: BTreeMap<Box<str>, BTreeMap<usize, u32>>,
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
    pub(super) fn note_pod(&mut self, seen: &Seen) -> bool {
        let key = &seen.object.key;
        let node = seen.object.field("spec.nodeName").unwrap_or("");
        let phase = seen.object.field("status.phase").unwrap_or("");
        let is_over = matches!(phase, "Succeeded" | "Failed");
        if seen.is_gone() || node.is_empty() || is_over {
            return self.remove(key);
        }
        if self.homes.contains_key(key) && !has_new_spec(seen) {
            return false;
        }
        let had = self.remove(key);
        let place = self.place(node);
        let bound = Bound::of(&seen.parsed());
        if !bound.owner.is_empty() {
            let owned = self.owned.entry(bound.owner.clone()).or_default();
            *owned.entry(place).or_default() += 1;
        }
        self.nodes[place].add(key, Arc::new(bound));
        self.homes.insert(key.clone(), place);
        had
    }

    fn remove(&mut self, key: &Key) -> bool {
        let Some(place) = self.homes.remove(key) else {
            return false;
        };
        let Some(bound) = self.nodes[place].remove(key) else {
            return false;
        };
        if let Some(owned) = self.owned.get_mut(&bound.owner) {
            if let Some(count) = owned.get_mut(&place) {
                *count -= 1;
                if *count == 0 {
                    owned.remove(&place);
                }
            }
            if owned.is_empty() {
                self.owned.remove(&bound.owner);
            }
        }
        true
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

/// Whether a change is of more than the status: of what is asked for, of labels, of deletion.
fn has_new_spec(seen: &Seen) -> bool {
    let Some(previous) = &seen.previous else {
        return true;
    };
    if !previous.labels().eq(seen.object.labels()) {
        return true;
    }
    let (now, before) = (seen.parsed(), previous.parsed());
    now.generation() != before.generation()
        || now.is_being_deleted() != before.is_being_deleted()
        || now.uid() != before.uid()
}

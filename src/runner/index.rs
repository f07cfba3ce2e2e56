//! Who owns whom, and which pods are where: what controllers would otherwise list everything for.

use std::collections::{BTreeMap, BTreeSet};

use super::{Item, Kind, Seen, kinds};
use crate::object::{GroupResource, Key, Object};

/// One owner reference, seen from the dependent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The owner's `apiVersion`.
    pub api_version: String,
    /// The owner's `kind`.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// The owner's uid.
    pub uid: String,
    /// `controller: true`.
    pub is_controller: bool,
    /// `blockOwnerDeletion: true`.
    pub blocks_deletion: bool,
}

impl Link {
    /// The owner references of an object.
    pub fn all(object: &Object) -> Vec<Self> {
        object
            .items(&["metadata", "ownerReferences"])
            .iter()
            .map(|owner| {
                let text = |field: &str| owner[field].as_str().unwrap_or("").to_owned();
                Self {
                    api_version: text("apiVersion"),
                    kind: text("kind"),
                    name: text("name"),
                    uid: text("uid"),
                    is_controller: owner["controller"].as_bool().unwrap_or(false),
                    blocks_deletion: owner["blockOwnerDeletion"].as_bool().unwrap_or(false),
                }
            })
            .collect()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Dependents by their owner's uid.
    dependents: BTreeMap<String, BTreeSet<Item>>,
    links: BTreeMap<Item, Vec<Link>>,
    /// Those in a namespace that nobody controls.
    free: BTreeMap<(GroupResource, String), BTreeSet<Key>>,
    /// Pods by the node they are bound to.
    pods: BTreeMap<String, BTreeSet<Key>>,
}

impl Index {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes note of a change; returns the owners that the object named before, if it names others
    /// now.
    pub(super) fn note(&mut self, seen: &Seen) -> Option<Vec<Link>> {
        let item = Item::new(&seen.resource, seen.object.key.clone());
        let links = if seen.is_gone() || !seen.object.names_owners() {
            Vec::new()
        } else {
            Link::all(&seen.parsed())
        };
        self.note_freedom(&item, seen, &links);
        if seen.resource == kinds::PODS.resource {
            self.note_pod(seen);
        }
        self.note_owners(item, links)
    }

    fn note_freedom(&mut self, item: &Item, seen: &Seen, links: &[Link]) {
        let is_free = !seen.is_gone() && !links.iter().any(|link| link.is_controller);
        let place = (item.resource.clone(), item.key.namespace().to_owned());
        if is_free {
            self.free.entry(place).or_default().insert(item.key.clone());
        } else if let Some(keys) = self.free.get_mut(&place) {
            keys.remove(&item.key);
            if keys.is_empty() {
                self.free.remove(&place);
            }
        }
    }

    fn note_owners(&mut self, item: Item, links: Vec<Link>) -> Option<Vec<Link>> {
        let before = self.links.get(&item).map_or(&[][..], Vec::as_slice);
        if before == links {
            return None;
        }
        for link in before {
            if let Some(items) = self.dependents.get_mut(&link.uid) {
                items.remove(&item);
                if items.is_empty() {
                    self.dependents.remove(&link.uid);
                }
            }
        }
        for link in &links {
            let items = self.dependents.entry(link.uid.clone()).or_default();
            items.insert(item.clone());
        }
        let before = if links.is_empty() {
            self.links.remove(&item)
        } else {
            self.links.insert(item, links)
        };
        Some(before.unwrap_or_default())
    }

    fn note_pod(&mut self, seen: &Seen) {
        let node = |stored: &crate::storage::Stored| {
            stored.field("spec.nodeName").unwrap_or("").to_owned()
        };
        let key = &seen.object.key;
        let now = if seen.is_gone() {
            String::new()
        } else {
            node(&seen.object)
        };
        let before = seen.previous.as_deref().map(node).unwrap_or_default();
        if before == now {
            return;
        }
        if let Some(keys) = self.pods.get_mut(&before) {
            keys.remove(key);
            if keys.is_empty() {
                self.pods.remove(&before);
            }
        }
        if !now.is_empty() {
            self.pods.entry(now).or_default().insert(key.clone());
        }
    }

    /// What names an owner, by its uid.
    pub(super) fn dependents(&self, uid: &str) -> impl Iterator<Item = &Item> {
        self.dependents.get(uid).into_iter().flatten()
    }

    /// The owners an object names.
    pub(super) fn links(&self, item: &Item) -> &[Link] {
        self.links.get(item).map_or(&[], Vec::as_slice)
    }

    /// Objects of a kind in a namespace that nobody controls.
    pub(super) fn free(&self, kind: &Kind, namespace: &str) -> impl Iterator<Item = &Key> {
        let place = (kind.resource.clone(), namespace.to_owned());
        self.free.get(&place).into_iter().flatten()
    }

    /// The pods that are bound to a node.
    pub(super) fn pods_on(&self, node: &str) -> impl Iterator<Item = &Key> {
        self.pods.get(node).into_iter().flatten()
    }
}

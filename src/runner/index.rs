//! Who owns whom, and which pods are where: what controllers would otherwise list everything for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

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

    /// Whether these are the owner references of an object.
    fn are(links: &[Self], object: &Object) -> bool {
        let owners = object.items(&["metadata", "ownerReferences"]);
        let is = |link: &Self, owner: &Value| {
            let is_text = |field: &str, own: &str| owner[field].as_str().unwrap_or("") == own;
            is_text("uid", &link.uid)
                && is_text("name", &link.name)
                && is_text("kind", &link.kind)
                && is_text("apiVersion", &link.api_version)
                && owner["controller"].as_bool().unwrap_or(false) == link.is_controller
                && owner["blockOwnerDeletion"].as_bool().unwrap_or(false) == link.blocks_deletion
        };
        let mut pairs = links.iter().zip(owners);
        links.len() == owners.len() && pairs.all(|(link, owner)| is(link, owner))
    }

    /// Whether the owner is of a kind, in any of its versions.
    pub fn is_of(&self, kind: &Kind) -> bool {
        let group = self
            .api_version
            .split_once('/')
            .map_or("", |(group, _)| group);
        *self.kind == *kind.kind && *group == *kind.group_version.group
    }
}

/// Whether nobody ever looks for objects of a resource to control: there are more of these than of
/// all others.
fn is_never_claimed(resource: &GroupResource) -> bool {
    [&kinds::EVENTS, &kinds::LEASES]
        .iter()
        .any(|kind| kind.resource == *resource)
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Dependents by their owner's uid.
    dependents: BTreeMap<String, BTreeSet<Item>>,
    links: BTreeMap<Item, Arc<[Link]>>,
    /// Those in a namespace that nobody controls.
    free: BTreeMap<(GroupResource, String), BTreeSet<Key>>,
    /// Pods by the node they are bound to.
    pods: BTreeMap<String, BTreeSet<Key>>,
}

impl Index {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes note of a change, and adds to it whom the object names as owners, and whom it named
    /// before where it names others now.
    pub(super) fn note(&mut self, seen: &mut Seen) {
        let item = Item::new(&seen.resource, seen.object.key.clone());
        if seen.object.names_owners() {
            let object = seen.parsed();
            let known = self
                .links
                .get(&item)
                .filter(|known| Link::are(known, &object));
            seen.owners = known.map_or_else(|| Link::all(&object).into(), Arc::clone);
        }
        let links = if seen.is_gone() {
            Arc::default()
        } else {
            Arc::clone(&seen.owners)
        };
        self.note_freedom(&item, seen, &links);
        if seen.resource == kinds::PODS.resource {
            self.note_pod(seen);
        }
        seen.former_owners = self.note_owners(item, links);
    }

    fn note_freedom(&mut self, item: &Item, seen: &Seen, links: &[Link]) {
        if is_never_claimed(&item.resource) {
            return;
        }
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

    fn note_owners(&mut self, item: Item, links: Arc<[Link]>) -> Option<Vec<Link>> {
        let before = self.links.get(&item).map_or_else(Arc::default, Arc::clone);
        if Arc::ptr_eq(&before, &links) || before == links {
            return None;
        }
        for link in before.iter() {
            if let Some(items) = self.dependents.get_mut(&link.uid) {
                items.remove(&item);
                if items.is_empty() {
                    self.dependents.remove(&link.uid);
                }
            }
        }
        for link in links.iter() {
            let items = self.dependents.entry(link.uid.clone()).or_default();
            items.insert(item.clone());
        }
        if links.is_empty() {
            self.links.remove(&item);
        } else {
            self.links.insert(item, links);
        }
        Some(before.to_vec())
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
        self.links.get(item).map_or(&[], |links| links)
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

//! What controllers see: the objects as they are, and who belongs to whom.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::index::Index;
use super::{Item, Kind, Link, kinds};
use crate::object::selector::LabelSelector;
use crate::object::{GroupResource, GroupVersion, Key, Object};
use crate::schema::Catalog;
use crate::schema::catalog::State;
use crate::storage::{Reader, Recent, Snapshot, Stored};

/// The cluster as controllers see it.
pub struct World {
    /// The time. It stands still while somebody reconciles.
    pub now: Timestamp,
    pub(super) reader: Arc<dyn Reader>,
    pub(super) index: Index,
    catalog: Arc<Catalog>,
    recent: Arc<Recent>,
    /// What is served, as of a generation of the catalog.
    kinds: Mutex<(u64, Arc<[Kind]>)>,
}

impl World {
    pub(super) fn new(
        reader: Arc<dyn Reader>,
        recent: Arc<Recent>,
        catalog: Arc<Catalog>,
        now: Timestamp,
    ) -> Self {
        Self {
            now,
            reader,
            index: Index::default(),
            catalog,
            recent,
            kinds: Mutex::default(),
        }
    }

    /// Objects of a resource will be looked at.
    pub(super) fn expect(&self, resource: &GroupResource) {
        self.recent.want(resource);
    }

    /// Nothing is left to look at.
    pub(super) fn rest(&self) {
        self.recent.rest();
    }

    /// An object, as it is now.
    pub fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Option<Arc<Object>> {
        self.find(&kind.resource, &Key::new(namespace, name))
    }

    /// The object that an item names.
    pub fn object(&self, item: &Item) -> Option<Arc<Object>> {
        self.find(&item.resource, &item.key)
    }

    /// An object of any resource.
    pub fn find(&self, resource: &GroupResource, key: &Key) -> Option<Arc<Object>> {
        let stored = self.reader.get(resource, key)?;
        Some(self.parsed(&stored))
    }

    /// An object parsed, and kept so for a while.
    pub fn parsed(&self, stored: &Stored) -> Arc<Object> {
        let object = stored.parsed();
        if Arc::strong_count(&object) > 1 {
            // Somebody has it: most often this very list.
            return object;
        }
        self.recent.hold(&object);
        object
    }

    /// All objects of a resource as they are stored: for those who look at labels and names first.
    pub fn snapshot(&self, resource: &GroupResource) -> Option<Snapshot> {
        self.reader.snapshot(resource, None).ok()
    }

    /// The objects of a kind in a namespace; in all where it is empty.
    pub fn list(&self, kind: &Kind, namespace: &str) -> Vec<Arc<Object>> {
        self.select(kind, namespace, &LabelSelector::everything())
    }

    /// Those of the objects that a selector matches.
    pub fn select(
        &self,
        kind: &Kind,
        namespace: &str,
        selector: &LabelSelector,
    ) -> Vec<Arc<Object>> {
        let Some(snapshot) = self.snapshot(&kind.resource) else {
            return Vec::new();
        };
        snapshot
            .objects(Some(namespace), None)
            .filter(|stored| selector.matches(|key| stored.label(key)))
            .map(|stored| self.parsed(stored))
            .collect()
    }

    /// The objects of a kind that an owner controls.
    pub fn controlled(&self, kind: &Kind, owner: &Object) -> Vec<Arc<Object>> {
        let uid = owner.uid();
        self.index
            .dependents(uid)
            .filter(|item| item.resource == kind.resource)
            .filter(|item| {
                let mut links = self.index.links(item).iter();
                links.any(|link| link.is_controller && link.uid == uid)
            })
            .filter_map(|item| self.object(item))
            .collect()
    }

    /// The objects of a kind in a namespace that nobody controls.
    pub fn uncontrolled(&self, kind: &Kind, namespace: &str) -> Vec<Arc<Object>> {
        self.index
            .free(kind, namespace)
            .filter_map(|key| self.find(&kind.resource, key))
            .collect()
    }

    /// Whatever names an owner, by its uid.
    pub fn dependents(&self, uid: &str) -> impl Iterator<Item = &Item> {
        self.index.dependents(uid)
    }

    /// The owners that an object names.
    pub fn owners(&self, item: &Item) -> &[Link] {
        self.index.links(item)
    }

    /// The pods that are bound to a node.
    pub fn pods_on(&self, node: &str) -> Vec<Arc<Object>> {
        self.index
            .pods_on(node)
            .filter_map(|key| self.find(&kinds::PODS.resource, key))
            .collect()
    }

    /// How many pods are bound to a node.
    pub fn pods_on_count(&self, node: &str) -> usize {
        self.index.pods_on(node).count()
    }

    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.reader.revision().0
    }

    /// What is served, with its schemas.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What is served under an `apiVersion` and kind.
    pub fn kind_of(&self, api_version: &str, kind: &str) -> Option<Kind> {
        let state = self.catalog.state();
        let served = state.versions.get(&GroupVersion::parse(api_version)?)?;
        let resource = served.values().find(|one| one.kind.as_ref() == kind)?;
        Some(Kind::of(resource))
    }

    /// Where a kind says how many replicas it wants: `.spec.replicas`; `None` where it has no
    /// scale.
    pub fn replicas_path(&self, kind: &Kind) -> Option<String> {
        let version = &kind.group_version;
        let resource = self
            .catalog
            .resource(&version.group, &version.version, &kind.plural)?;
        resource.subresource("scale")?;
        let custom = resource.custom.as_ref();
        let scale = custom.and_then(|custom| custom.scale.as_ref());
        let path = scale.and_then(|scale| scale["specReplicasPath"].as_str());
        Some(path.unwrap_or(".spec.replicas").to_owned())
    }

    /// The kind of what is stored under a resource, in a version that is served.
    pub fn kind(&self, resource: &GroupResource) -> Option<Kind> {
        let kinds = self.kinds();
        let index = kinds.binary_search_by(|kind| kind.resource.cmp(resource));
        index.ok().map(|index| kinds[index].clone())
    }

    /// Everything that is served and stored, each resource once, by resource; in its storage
    /// version where that is served.
    pub fn kinds(&self) -> Arc<[Kind]> {
        let state = self.catalog.state();
        let mut known = self.kinds.lock();
        if known.0 != state.generation || known.1.is_empty() {
            *known = (state.generation, served(&state));
        }
        Arc::clone(&known.1)
    }
}

fn served(state: &State) -> Arc<[Kind]> {
    let mut kinds: BTreeMap<GroupResource, Kind> = BTreeMap::new();
    let all = state.versions.values().flat_map(|version| version.values());
    for resource in all.filter(|one| one.serves("list") && one.serves("delete")) {
        let kind = Kind::of(resource);
        if resource.group_version == resource.storage_version || !kinds.contains_key(&kind.resource)
        {
            kinds.insert(kind.resource.clone(), kind);
        }
    }
    kinds.into_values().collect()
}

//! What is served: groups, versions, resources; grows and shrinks with CustomResourceDefinitions.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use imbl::OrdMap;
use parking_lot::RwLock;
use serde_json::Value;

use super::{Schema, node::Text, normalise};
use crate::object::{GroupResource, GroupVersion, GroupVersionKind, Object};

/// One served version of a resource.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Group and version it is served in.
    pub group_version: GroupVersion,
    /// Plural, lower-case: as it stands in paths.
    pub plural: Text,
    /// Singular, lower-case.
    pub singular: Text,
    /// The kind.
    pub kind: Text,
    /// The kind of its lists.
    pub list_kind: Text,
    /// Whether its objects live in namespaces.
    pub is_namespaced: bool,
    /// `po`, `deploy`, …
    pub short_names: Vec<Text>,
    /// `all`, …
    pub categories: Vec<Text>,
    /// The verbs discovery lists, sorted as it lists them.
    pub verbs: Vec<Text>,
    /// What its objects may be.
    pub schema: Schema,
    /// Its subresources by name.
    pub subresources: Vec<Subresource>,
    /// Where its objects are stored: the same for every version, and for groups that share a store
    /// (`events` of core and of `events.k8s.io`).
    pub storage: GroupResource,
    /// The group and version its objects are stored in.
    pub storage_version: GroupVersion,
    /// `storageVersionHash` of discovery.
    pub storage_version_hash: Text,
    /// A warning for each use of a deprecated version; empty where it is current.
    pub deprecation: Text,
    /// What a CustomResourceDefinition says beyond the schema; `None` for built-in kinds.
    pub custom: Option<Arc<Custom>>,
    /// See [`Resource::empty`].
    pub empty: OnceLock<Object>,
}

/// A subresource of a served resource.
#[derive(Clone, Debug)]
pub struct Subresource {
    /// `status`, `scale`, …
    pub name: Text,
    /// The kind it reads and writes.
    pub kind: GroupVersionKind,
    /// The verbs discovery lists.
    pub verbs: Vec<Text>,
    /// What its bodies may be; `None` where it takes none.
    pub schema: Option<Schema>,
}

/// What a version of a CustomResourceDefinition says beyond the schema.
#[derive(Clone, Debug, Default)]
pub struct Custom {
    /// The CustomResourceDefinition's name.
    pub definition: String,
    /// What of the definition decided how it is served; another text means: build it anew.
    pub state: String,
    /// The definition's generation, which counts what it says.
    pub generation: i64,
    /// Whether the definition is being deleted.
    pub is_terminating: bool,
    /// How stored objects are read; shared by all versions of the definition.
    pub reading: Arc<Reading>,
    /// `additionalPrinterColumns` as written.
    pub printer_columns: Vec<Value>,
    /// JSON paths of `selectableFields`.
    pub selectable_fields: Vec<String>,
    /// `subresources.scale` as written.
    pub scale: Option<Value>,
    /// What a layer above makes of the schema's rules when they are first run.
    pub rules: Option<Arc<dyn std::any::Any + Send + Sync>>,
    /// The version's `openAPIV3Schema` as written, for publishing: as text, which is seldom read
    /// and a small part of what the tree would take.
    pub open_api_schema: Option<Bytes>,
}

/// How the stored objects of a definition are read, whichever version they were stored in.
#[derive(Debug, Default)]
pub struct Reading {
    /// Every version of the definition by name, served or not.
    pub versions: BTreeMap<String, ReadVersion>,
    /// What a layer above converts by; `None` where versions differ in their schemas only.
    pub webhook: Option<Arc<dyn std::any::Any + Send + Sync>>,
}

/// How objects of one version are read.
#[derive(Clone, Debug)]
pub struct ReadVersion {
    /// What an object of the version may be.
    pub schema: Schema,
    /// `subresources.scale` as written.
    pub scale: Option<Value>,
    /// Tells an object that was stored under this very schema from others, which must be pruned
    /// and defaulted anew.
    pub mark: u64,
}

impl Resource {
    /// Group and plural, as errors say it.
    pub fn group_resource(&self) -> GroupResource {
        GroupResource::new(Arc::clone(&self.group_version.group), self.plural.as_ref())
    }

    /// Group, version and kind, as errors say it.
    pub fn group_version_kind(&self) -> GroupVersionKind {
        GroupVersionKind {
            group_version: self.group_version.clone(),
            kind: self.kind.as_ref().into(),
        }
    }

    /// The empty object of the kind, as Go prints it.
    pub fn empty(&self) -> &Object {
        self.empty.get_or_init(|| {
            let mut object = Object::default();
            object.set_type(&self.group_version.to_string(), &self.kind);
            normalise::apply(object.as_map_mut(), &self.schema);
            object
        })
    }

    /// The subresource with this name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources
            .iter()
            .find(|subresource| subresource.name == name)
    }

    /// Whether a CustomResourceDefinition makes a field selectable.
    pub fn selects_by(&self, label: &str) -> bool {
        let Some(custom) = &self.custom else {
            return false;
        };
        let mut paths = custom.selectable_fields.iter();
        paths.any(|path| path.trim_start_matches('.') == label)
    }

    /// Whether discovery lists this verb.
    pub fn serves(&self, verb: &str) -> bool {
        self.verbs.iter().any(|served| served == verb)
    }
}

/// Resources of one group version by plural.
type Version = BTreeMap<Text, Arc<Resource>>;

/// Everything that is served now. Reading takes a snapshot; installing replaces it.
#[derive(Debug, Default)]
pub struct Catalog {
    state: RwLock<State>,
}

/// A consistent view of a [`Catalog`].
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Grows with every change, so that documents made from the catalog can be kept until then.
    pub generation: u64,
    /// Built-in group versions in the order discovery lists them.
    pub order: Vec<GroupVersion>,
    /// What is served.
    pub versions: OrdMap<GroupVersion, Arc<Version>>,
}

impl Catalog {
    /// The resource served under a group, version and plural.
    pub fn resource(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let state = self.state.read();
        let version = state.versions.get(&GroupVersion::new(group, version))?;
        version.get(plural).cloned()
    }

    /// A consistent view of everything.
    pub fn state(&self) -> State {
        self.state.read().clone()
    }

    /// Everything a default server of Kubernetes serves.
    pub fn built_in() -> Self {
        let catalog = Self::default();
        super::tables::install(&catalog, |_| None);
        catalog
    }

    /// Serves built-in resources, their group versions listed in this order by discovery.
    pub fn install_all(&self, order: Vec<GroupVersion>, resources: Vec<Resource>) {
        let mut versions: BTreeMap<GroupVersion, Version> = BTreeMap::new();
        for resource in resources {
            let version = versions.entry(resource.group_version.clone()).or_default();
            version.insert(resource.plural.clone(), Arc::new(resource));
        }
        let mut state = self.state.write();
        state.order.extend(order);
        for (group_version, version) in versions {
            state.versions.insert(group_version, Arc::new(version));
        }
        state.generation += 1;
    }

    /// Serves a resource; replaces the one of that name in its group version.
    pub fn install(&self, resource: Resource) {
        let mut state = self.state.write();
        let mut version = state
            .versions
            .get(&resource.group_version)
            .map(|version| Version::clone(version))
            .unwrap_or_default();
        let group_version = resource.group_version.clone();
        version.insert(resource.plural.clone(), Arc::new(resource));
        state.versions.insert(group_version, Arc::new(version));
        state.generation += 1;
    }

    /// What a custom resource was built from; `None` where it is not served.
    pub fn custom_state(&self, resource: &GroupResource) -> Option<String> {
        let state = self.state.read();
        let versions = state
            .versions
            .iter()
            .filter(|(group_version, _)| group_version.group == resource.group);
        let mut found = versions.filter_map(|(_, version)| {
            let custom = version.get(resource.resource.as_ref())?.custom.as_ref()?;
            Some(custom.state.clone())
        });
        found.next()
    }

    /// Serves these versions of a custom resource and no others.
    pub fn replace_custom(&self, resource: &GroupResource, resources: Vec<Resource>) {
        let mut state = self.state.write();
        state.remove_custom(resource);
        for resource in resources {
            let mut version = state
                .versions
                .get(&resource.group_version)
                .map(|version| Version::clone(version))
                .unwrap_or_default();
            let group_version = resource.group_version.clone();
            version.insert(resource.plural.clone(), Arc::new(resource));
            state.versions.insert(group_version, Arc::new(version));
        }
        state.generation += 1;
    }

    /// Stops serving every version of a custom resource. Built-in ones stay.
    pub fn remove_custom(&self, resource: &GroupResource) {
        let mut state = self.state.write();
        state.remove_custom(resource);
        state.generation += 1;
    }
}

impl State {
    fn remove_custom(&mut self, resource: &GroupResource) {
        let plural = resource.resource.as_ref();
        let versions: Vec<GroupVersion> = self
            .versions
            .iter()
            .filter(|(group_version, _)| group_version.group == resource.group)
            .filter(|(_, version)| {
                version
                    .get(plural)
                    .is_some_and(|resource| resource.custom.is_some())
            })
            .map(|(group_version, _)| group_version.clone())
            .collect();
        for group_version in versions {
            let Some(version) = self.versions.get(&group_version) else {
                continue;
            };
            let mut version = Version::clone(version);
            version.remove(plural);
            if version.is_empty() {
                self.versions.remove(&group_version);
            } else {
                self.versions.insert(group_version, Arc::new(version));
            }
        }
    }
}

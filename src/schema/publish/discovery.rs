//! Discovery documents, made from what is served now.
//!
//! *Invariant:* values in, JSON out; no HTTP, nothing kept.
//! *Upstream:* `apiserver/pkg/endpoints/discovery`,
//! `kube-aggregator/pkg/apiserver/handler_apis.go`,
//! `apiextensions-apiserver/pkg/apiserver/customresource_discovery_controller.go`.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use crate::object::GroupVersion;
use crate::schema::catalog::{Resource, State, Subresource};

/// A group and its served versions, preferred first.
#[derive(Clone, Debug)]
pub struct Group {
    /// The group; empty for core.
    pub name: Arc<str>,
    /// Its versions, preferred first.
    pub versions: Vec<GroupVersion>,
}

/// Which aggregated document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `/api`: the core group.
    Core,
    /// `/apis`: all others.
    Groups,
}

/// Every served group in the order of the index: built-in ones as tabled, then custom ones by name.
pub fn groups(state: &State) -> Vec<Group> {
    let mut found: Vec<Group> = Vec::new();
    let mut add = |group_version: &GroupVersion| {
        let group = found
            .iter_mut()
            .find(|group| group.name == group_version.group);
        match group {
            Some(group) => group.versions.push(group_version.clone()),
            None => found.push(Group {
                name: Arc::clone(&group_version.group),
                versions: vec![group_version.clone()],
            }),
        }
    };
    let is_served = |entry: &&GroupVersion| state.versions.contains_key(*entry);
    state.order.iter().filter(is_served).for_each(&mut add);
    let mut custom: Vec<&GroupVersion> = state.versions.keys().collect();
    custom.retain(|group_version| !state.order.contains(group_version));
    custom.sort_by_key(|group_version| {
        let order = Reverse(precedence(&group_version.version));
        (Arc::clone(&group_version.group), order)
    });
    custom.into_iter().for_each(&mut add);
    found
}

/// `/api`.
pub fn api_versions(server_address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            { "clientCIDR": "0.0.0.0/0", "serverAddress": server_address },
        ],
    })
}

/// `/apis`.
pub fn group_list(state: &State) -> Value {
    let groups = groups(state);
    let named = groups.iter().filter(|group| !group.name.is_empty());
    let groups: Vec<Value> = named.map(group_entry).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/GROUP`; `None` where nothing of it is served.
pub fn group(state: &State, name: &str) -> Option<Value> {
    let groups = groups(state);
    let group = groups
        .iter()
        .find(|group| &*group.name == name && !name.is_empty())?;
    let mut entry = group_entry(group);
    entry["kind"] = "APIGroup".into();
    entry["apiVersion"] = "v1".into();
    Some(entry)
}

/// `/apis/GROUP/VERSION` and `/api/v1`; `None` where it is not served.
pub fn resource_list(state: &State, group_version: &GroupVersion) -> Option<Value> {
    let version = state.versions.get(group_version)?;
    let mut entries = Vec::new();
    for resource in version.values() {
        entries.push(resource_entry(resource));
        entries.extend(
            resource
                .subresources
                .iter()
                .map(|sub| subresource_entry(resource, sub)),
        );
    }
    let mut list = json!({
        "kind": "APIResourceList",
        "groupVersion": group_version.to_string(),
        "resources": entries,
    });
    // The core group's list predates the field.
    if !group_version.group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    Some(list)
}

/// `/api` and `/apis` in the aggregated form.
pub fn aggregated(state: &State, root: Root) -> Value {
    let groups = groups(state);
    let wanted = groups
        .iter()
        .filter(|group| (root == Root::Core) == group.name.is_empty());
    let items: Vec<Value> = wanted.map(|group| aggregated_group(state, group)).collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    })
}

/// The tag of a document, without quotes.
pub fn etag(bytes: &[u8]) -> String {
    Sha512::digest(bytes)
        .iter()
        .fold(String::with_capacity(128), |mut text, byte| {
            let _ = write!(text, "{byte:02X}");
            text
        })
}

fn group_entry(group: &Group) -> Value {
    let versions: Vec<Value> = group.versions.iter().map(version_entry).collect();
    json!({
        "name": &*group.name,
        "preferredVersion": versions.first(),
        "versions": versions,
    })
}

fn version_entry(group_version: &GroupVersion) -> Value {
    json!({ "groupVersion": group_version.to_string(), "version": &*group_version.version })
}

fn resource_entry(resource: &Resource) -> Value {
    let mut entry = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.is_namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
    });
    names(resource, &mut entry);
    if !resource.storage_version_hash.is_empty() {
        entry["storageVersionHash"] = resource.storage_version_hash.as_ref().into();
    }
    entry
}

fn subresource_entry(resource: &Resource, subresource: &Subresource) -> Value {
    let mut entry = json!({
        "name": format!("{}/{}", resource.plural, subresource.name),
        "singularName": "",
        "namespaced": resource.is_namespaced,
        "kind": &*subresource.kind.kind,
        "verbs": subresource.verbs,
    });
    let kind = &subresource.kind.group_version;
    if *kind != resource.group_version {
        if !kind.group.is_empty() {
            entry["group"] = (&*kind.group).into();
        }
        entry["version"] = (&*kind.version).into();
    }
    entry
}

fn names(resource: &Resource, entry: &mut Value) {
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
}

fn aggregated_group(state: &State, group: &Group) -> Value {
    let mut metadata = Map::new();
    if !group.name.is_empty() {
        metadata.insert("name".to_owned(), (&*group.name).into());
    }
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|group_version| {
            let resources = state.versions.get(group_version);
            let resources = resources.into_iter().flat_map(|version| version.values());
            json!({
                "version": &*group_version.version,
                "resources": resources.map(|one| aggregated_resource(one)).collect::<Vec<_>>(),
                "freshness": "Current",
            })
        })
        .collect();
    json!({ "metadata": metadata, "versions": versions })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let scope = if resource.is_namespaced {
        "Namespaced"
    } else {
        "Cluster"
    };
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": response_kind(resource, &resource.group_version, &resource.kind),
        "scope": scope,
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    names(resource, &mut entry);
    if !resource.subresources.is_empty() {
        let entries = resource.subresources.iter().map(|subresource| {
            let kind = &subresource.kind;
            json!({
                "subresource": subresource.name,
                "responseKind": response_kind(resource, &kind.group_version, &kind.kind),
                "verbs": subresource.verbs,
            })
        });
        entry["subresources"] = entries.collect();
    }
    entry
}

/// Built-in kinds leave out the group and version where it is the resource's own.
fn response_kind(resource: &Resource, of: &GroupVersion, kind: &str) -> Value {
    let (group, version) = if resource.custom.is_none() && *of == resource.group_version {
        ("", "")
    } else {
        (&*of.group, &*of.version)
    };
    json!({ "group": group, "version": version, "kind": kind })
}

/// How much a version is preferred: `v2`, `v1`, `v1beta2`, `v1alpha1`, then the rest by name.
///
/// *Upstream:* `apimachinery/pkg/version/helpers.go`, `CompareKubeAwareVersionStrings`.
fn precedence(version: &str) -> (u8, u64, u64, Reverse<String>) {
    let parsed = version.strip_prefix('v').and_then(|rest| {
        let (major, rest) = number(rest)?;
        let (stage, rest) = match rest {
            "" => return Some((3, major, 0)),
            rest => match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
                (Some(rest), _) => (2, rest),
                (_, Some(rest)) => (1, rest),
                _ => return None,
            },
        };
        let (minor, rest) = number(rest)?;
        rest.is_empty().then_some((stage, major, minor))
    });
    let (stage, major, minor) = parsed.unwrap_or_default();
    let name = if stage == 0 { version } else { "" };
    (stage, major, minor, Reverse(name.to_owned()))
}

/// The number a text starts with, without a leading zero, and what follows.
fn number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let is_number = !digits.is_empty() && !digits.starts_with('0');
    is_number.then_some(())?;
    Some((digits.parse().ok()?, rest))
}

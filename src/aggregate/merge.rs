//! Registered group versions among those served from here, in the order of their priorities.
//!
//! *Upstream:* `kube-aggregator/pkg/apis/apiregistration/v1/helper/helpers.go`
//! (`SortedByGroupAndVersion`), `kube-aggregator/pkg/apiserver/handler_{apis,discovery}.go`.

use serde_json::{Value, json};

use super::{Registered, State};
use crate::object::GroupVersion;
use crate::schema::tables;

/// The priorities of custom resources' group versions.
const CUSTOM: (u32, u32) = (1000, 100);

/// Which kind of list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `APIGroupList`.
    Plain,
    /// `APIGroupDiscoveryList`: only what other servers answer for.
    Aggregated,
}

/// Adds what is registered.
pub(super) fn add(groups: &mut Vec<Value>, state: &State, form: Form) {
    for (version, registered) in &state.versions {
        if version.group.is_empty() || form == Form::Aggregated && !registered.is_remote() {
            continue;
        }
        add_one(groups, version, registered, form);
    }
}

fn add_one(groups: &mut Vec<Value>, version: &GroupVersion, one: &Registered, form: Form) {
    let entry = entry(version, one, form);
    if let Some(group) = groups
        .iter_mut()
        .find(|group| name(group) == &*version.group)
    {
        add_version(group, version, one, entry);
        return;
    }
    let group = match form {
        Form::Plain => json!({
            "name": &*version.group,
            "preferredVersion": entry,
            "versions": [entry],
        }),
        Form::Aggregated => json!({
            "metadata": {"name": &*version.group},
            "versions": [entry],
        }),
    };
    // This server's own registration API is first, whatever others say.
    let after = groups.iter().skip(1).position(|other| {
        let (priority, _) = priority_of(other);
        (std::cmp::Reverse(priority), name(other))
            > (std::cmp::Reverse(one.priority.0), &*version.group)
    });
    let position = after.map_or(groups.len(), |after| after + 1);
    groups.insert(position, group);
}

fn add_version(group: &mut Value, version: &GroupVersion, one: &Registered, entry: Value) {
    let is_plain = group.get("preferredVersion").is_some();
    let Some(versions) = group["versions"].as_array_mut() else {
        return;
    };
    versions.retain(|other| other["version"] != *version.version);
    let priority = |other: &Value| {
        let name = other["version"].as_str().unwrap_or("");
        tables::priority(&version.group, name).unwrap_or(CUSTOM).1
    };
    let after = versions
        .iter()
        .position(|other| priority(other) < one.priority.1);
    let position = after.unwrap_or(versions.len());
    versions.insert(position, entry);
    if is_plain {
        let first = versions[0].clone();
        group["preferredVersion"] = first;
    }
}

fn entry(version: &GroupVersion, one: &Registered, form: Form) -> Value {
    match form {
        Form::Plain => {
            json!({"groupVersion": version.to_string(), "version": &*version.version})
        }
        Form::Aggregated => match &one.resources {
            Some(resources) => json!({
                "version": &*version.version,
                "resources": resources,
                "freshness": if one.is_available { "Current" } else { "Stale" },
            }),
            None => json!({"version": &*version.version, "freshness": "Stale"}),
        },
    }
}

fn name(group: &Value) -> &str {
    let plain = group["name"].as_str();
    plain
        .or_else(|| group["metadata"]["name"].as_str())
        .unwrap_or("")
}

/// The priority of a group that is served from here, by its first version.
fn priority_of(group: &Value) -> (u32, u32) {
    let first = group["versions"][0]["version"].as_str().unwrap_or("");
    tables::priority(name(group), first).unwrap_or(CUSTOM)
}

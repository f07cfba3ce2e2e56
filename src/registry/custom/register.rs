//! Every version that definitions serve has a registration, made and removed by the server.
//!
//! *Upstream:* `pkg/controlplane/controller/crdregistration/crdregistration_controller.go`,
//! `kube-aggregator/pkg/controllers/autoregister/autoregister_controller.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::definitions;
use crate::object::{GroupResource, GroupVersion, Key, Object};
use crate::registry::{Registry, Target, Verb};
use crate::schema::structural::json::{is_true, text};

const GROUP: &str = "apiregistration.k8s.io";
const PLURAL: &str = "apiservices";

/// The label of registrations that the server made and may remove.
const LABEL: &str = "kube-aggregator.kubernetes.io/automanaged";

/// The registration of the core group; where it is missing, none are kept.
const CORE: &str = "v1.";

/// Makes the registrations of a definition that are missing.
pub(super) async fn add(registry: &Registry, definition: &Object) {
    let resource = GroupResource::new(GROUP, PLURAL);
    let missing = |name: &str| {
        registry
            .reader
            .get(&resource, &Key::new("", name))
            .is_none()
    };
    if missing(CORE) {
        return;
    }
    for version in served(definition) {
        let name = format!("{}.{}", version.version, version.group);
        if missing(&name) {
            let object = registration(&name, &version);
            send(registry, Verb::Create, "", object.to_string()).await;
        }
    }
}

/// Removes those of a group that no definition asks for any more.
pub(super) async fn remove(registry: &Registry, group: &str) {
    let resource = GroupResource::new(GROUP, PLURAL);
    let Ok(all) = registry.reader.snapshot(&resource, None) else {
        return;
    };
    let made = all.objects(None, None).filter(|stored| {
        let found = stored.key.name().split_once('.');
        found.is_some_and(|(_, of)| of == group) && stored.label(LABEL) == Some("true")
    });
    let made: Vec<String> = made.map(|stored| stored.key.name().to_owned()).collect();
    if made.is_empty() {
        return;
    }
    let wanted = wanted(registry, group);
    for name in made {
        if !wanted.contains(&name) {
            send(registry, Verb::Delete, &name, String::new()).await;
        }
    }
}

/// The names of the registrations that the definitions of a group ask for.
fn wanted(registry: &Registry, group: &str) -> BTreeSet<String> {
    let Ok(all) = registry.reader.snapshot(&definitions(), None) else {
        return BTreeSet::new();
    };
    let of_group = all.objects(None, None).filter(|stored| {
        let found = stored.key.name().split_once('.');
        found.is_some_and(|(_, of)| of == group)
    });
    let names = of_group.flat_map(|stored| {
        let versions: Vec<GroupVersion> = served(&stored.parsed()).collect();
        versions
    });
    names
        .map(|version| format!("{}.{}", version.version, version.group))
        .collect()
}

/// The group versions that a definition serves.
fn served(definition: &Object) -> impl Iterator<Item = GroupVersion> + '_ {
    let group = definition.text(&["spec", "group"]);
    let versions = definition.items(&["spec", "versions"]);
    let versions = versions.iter().filter_map(Value::as_object);
    let served = versions.filter(|version: &&Map<String, Value>| is_true(version, "served"));
    served.map(move |version| GroupVersion::new(group, text(version, "name")))
}

fn registration(name: &str, version: &GroupVersion) -> Value {
    json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": name, "labels": {LABEL: "true"}},
        "spec": {
            "group": &*version.group,
            "version": &*version.version,
            "groupPriorityMinimum": 1000,
            "versionPriority": 100,
        },
    })
}

async fn send(registry: &Registry, verb: Verb, name: &str, body: String) {
    let target = Target {
        group: GROUP.to_owned(),
        version: "v1".to_owned(),
        resource: PLURAL.to_owned(),
        name: name.to_owned(),
        ..Target::default()
    };
    let request = Registry::own_request(verb, target, body.into());
    if let Err(error) = registry.handle(&request).await {
        tracing::debug!(%error, name, "registering a definition's versions");
    }
}

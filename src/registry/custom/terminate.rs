//! A definition that is being deleted takes its objects along.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/controller/finalizer/crd_finalizer.go`.

use super::CLEANUP;
use super::establish::{self, Condition};
use crate::object::{GroupResource, Object, time};
use crate::registry::{Registry, Target, Verb};

/// Deletes the objects of a definition, and lets the definition go once there are none.
pub(super) async fn run(registry: &Registry, definition: &Object) {
    if !definition
        .finalizers()
        .any(|finalizer| finalizer == CLEANUP)
    {
        return;
    }
    let group = definition.text(&["spec", "group"]);
    let plural = definition.text(&["spec", "names", "plural"]);
    let resource = GroupResource::new(group, plural);
    let is_established = establish::is_true(definition, "Established");
    if is_established {
        delete_objects(registry, &resource, definition).await;
        if count(registry, &resource) > 0 {
            return;
        }
    }
    let done = if is_established {
        Condition {
            kind: "Terminating",
            status: "False",
            reason: "InstanceDeletionCompleted",
            message: "removed all instances".to_owned(),
        }
    } else {
        Condition {
            kind: "Terminating",
            status: "False",
            reason: "NeverEstablished",
            message: "resource was never established".to_owned(),
        }
    };
    let mut last = definition.clone();
    establish::set(&mut last, &done, &time::seconds(registry.clock.now()));
    let kept: Vec<&str> = definition
        .finalizers()
        .filter(|finalizer| *finalizer != CLEANUP)
        .collect();
    if kept.is_empty() {
        last.remove(&["metadata", "finalizers"]);
    } else {
        last.set(&["metadata", "finalizers"], kept);
    }
    registry.write_definition(&last, "status").await;
}

fn count(registry: &Registry, resource: &GroupResource) -> usize {
    registry
        .reader
        .snapshot(resource, None)
        .map_or(0, |all| all.objects.len())
}

/// Deletes every object that is not being deleted yet.
async fn delete_objects(registry: &Registry, resource: &GroupResource, definition: &Object) {
    let Some(version) = definition
        .items(&["spec", "versions"])
        .iter()
        .filter(|version| version["served"] == true)
        .find_map(|version| version["name"].as_str())
    else {
        return;
    };
    let Ok(all) = registry.reader.snapshot(resource, None) else {
        return;
    };
    for stored in all.objects(None, None) {
        if stored.parsed().is_being_deleted() {
            continue;
        }
        let target = Target {
            group: resource.group.to_string(),
            version: version.to_owned(),
            namespace: stored.key.namespace().to_owned(),
            resource: resource.resource.to_string(),
            name: stored.key.name().to_owned(),
            ..Target::default()
        };
        registry
            .act(Verb::Delete, target, bytes::Bytes::new())
            .await;
    }
}

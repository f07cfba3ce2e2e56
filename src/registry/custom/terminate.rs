//! A definition that is being deleted takes its objects along.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/controller/finalizer/crd_finalizer.go`.

use std::sync::Arc;

use super::establish::{self, Condition};
use super::{CLEANUP, definitions, install};
use crate::object::{GroupResource, Key, Object, time};
use crate::registry::{DeleteOptions, Options, Registry, Target, Verb};

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
    let now = time::seconds(registry.clock.now());
    let begun = Condition {
        kind: "Terminating",
        status: "True",
        reason: "InstanceDeletionInProgress",
        message: "CustomResource deletion is in progress".to_owned(),
    };
    let mut begun_definition = definition.clone();
    if establish::set(&mut begun_definition, &begun, &now) {
        let begin = |last: &mut Object| {
            establish::set(last, &begun, &now);
        };
        registry.write_status(definition, &begin).await;
        let key = Key::new("", definition.name());
        let Some(stored) = registry.reader.get(&definitions(), &key) else {
            return;
        };
        begun_definition = stored.object();
    }
    let definition = &begun_definition;
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
    let finish = |last: &mut Object| {
        establish::set(last, &done, &now);
        let finalizers = definition.finalizers();
        let kept: Vec<&str> = finalizers.filter(|name| *name != CLEANUP).collect();
        if kept.is_empty() {
            last.remove(&["metadata", "finalizers"]);
        } else {
            last.set(&["metadata", "finalizers"], kept);
        }
    };
    registry.write_status(definition, &finish).await;
}

fn count(registry: &Registry, resource: &GroupResource) -> usize {
    registry
        .reader
        .snapshot(resource, None)
        .map_or(0, |all| all.objects.len())
}

/// Deletes every object that is not being deleted yet, in the version it is stored in, whether that
/// is served or not.
async fn delete_objects(registry: &Registry, resource: &GroupResource, definition: &Object) {
    let Some(served) = install::in_storage_version(registry, definition) else {
        return;
    };
    let served = Arc::new(served);
    let Ok(all) = registry.reader.snapshot(resource, None) else {
        return;
    };
    for stored in all.objects(None, None) {
        if stored.parsed().is_being_deleted() {
            continue;
        }
        let target = Target {
            group: resource.group.to_string(),
            version: served.group_version.version.to_string(),
            namespace: stored.key.namespace().to_owned(),
            resource: resource.resource.to_string(),
            name: stored.key.name().to_owned(),
            ..Target::default()
        };
        let request = Registry::own_request(Verb::Delete, target, bytes::Bytes::new());
        let options = Options::default();
        let cx = registry.context(&request, &served, &options);
        let deletion = DeleteOptions::default();
        if let Err(error) = registry.delete_object(&cx, &stored.key, &deletion).await {
            tracing::debug!(%error, name = stored.key.name(), "emptying a definition");
        }
    }
}

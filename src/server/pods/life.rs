//! How long a container lives: as long as its pod says so.

use crate::object::GroupResource;
use crate::runtime::{Place, Stage};
use crate::storage::{ChangeKind, Reader, Scope};
use std::sync::Arc;

/// Waits until a container is over: it has ended, was started again, or its pod is gone. Without
/// a container, until the pod is over.
pub(super) async fn over(reader: &dyn Reader, place: &Place) {
    let scope = Scope {
        resource: GroupResource::new("", "pods"),
        namespace: Some(place.pod.namespace().to_owned()),
        name: Some(place.pod.name().to_owned()),
    };
    loop {
        // What changes while the pod is looked at is seen afterwards.
        let revision = reader.revision();
        if is_over(reader, &scope, place) {
            return;
        }
        let Ok(mut watch) = reader.watch(&scope, revision) else {
            // Others may go on meanwhile.
            tokio::task::yield_now().await;
            continue;
        };
        while let Ok(changes) = watch.next().await {
            let is_gone = changes.iter().any(|one| one.kind == ChangeKind::Deleted);
            if is_gone || is_over(reader, &scope, place) {
                return;
            }
        }
    }
}

fn is_over(reader: &dyn Reader, scope: &Scope, place: &Place) -> bool {
    let key = place.pod.key();
    let Some(stored) = reader.get(&scope.resource, &key) else {
        return true;
    };
    let now = Place::new(Arc::new(stored.object()), place.container.clone());
    if now.pod.uid() != place.pod.uid() {
        return true;
    }
    if place.container.is_empty() {
        let phase = now.pod.text(&["status", "phase"]);
        return matches!(phase, "Succeeded" | "Failed");
    }
    now.restarts() != place.restarts() || now.stage() != Stage::Running
}

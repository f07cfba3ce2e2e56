//! Logs go with their pods.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Logs;
use crate::object::GroupResource;
use crate::storage::{ChangeKind, Reader, Scope};

/// Forgets what pods wrote that are gone, for as long as it is polled. Writes of pods cost nothing
/// more until the first log begins.
pub async fn forget_the_gone(reader: Arc<dyn Reader>, logs: Arc<Logs>) {
    let scope = Scope {
        resource: GroupResource::new("", "pods"),
        namespace: None,
        name: None,
    };
    logs.begun().await;
    loop {
        let Ok(snapshot) = reader.snapshot(&scope.resource, None) else {
            return;
        };
        let all = snapshot.objects(None, None);
        let known: BTreeSet<String> = all.map(|pod| pod.object().uid().to_owned()).collect();
        logs.keep(|pod| known.contains(pod));
        let Ok(mut watch) = reader.watch(&scope, snapshot.revision) else {
            // Others may go on meanwhile.
            tokio::task::yield_now().await;
            continue;
        };
        // A watch that fell behind begins anew.
        while let Ok(changes) = watch.next().await {
            for change in changes {
                if change.kind == ChangeKind::Deleted {
                    logs.forget(change.object.object().uid());
                }
            }
        }
    }
}

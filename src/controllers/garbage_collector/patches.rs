//! The changes that the garbage collector makes to objects it does not delete.
//!
//! *Upstream:* `garbagecollector/{operations,patch}.go`.

use serde_json::{Value, json};

use crate::client::PatchKind;
use crate::object::Object;
use crate::runner::{Kind, Link, Step};

/// Takes owners off an object.
pub(super) fn without_owners(kind: &Kind, object: &Object, links: &[&Link]) -> Step {
    let owners = object.items(&["metadata", "ownerReferences"]).iter();
    let left: Vec<&Value> = owners
        .filter(|owner| !links.iter().any(|link| owner["uid"] == link.uid.as_str()))
        .collect();
    merge(kind, object, &json!({"ownerReferences": left}))
}

/// Takes `blockOwnerDeletion` off an object's owners.
pub(super) fn unblocked(kind: &Kind, object: &Object) -> Step {
    let mut owners = object.items(&["metadata", "ownerReferences"]).to_vec();
    for owner in &mut owners {
        if owner["blockOwnerDeletion"] == true {
            owner["blockOwnerDeletion"] = false.into();
        }
    }
    merge(kind, object, &json!({"ownerReferences": owners}))
}

/// Takes a finalizer off an object.
pub(super) fn without_finalizer(kind: &Kind, object: &Object, finalizer: &str) -> Step {
    let left: Vec<&str> = object
        .finalizers()
        .filter(|one| *one != finalizer)
        .collect();
    merge(kind, object, &json!({"finalizers": left}))
}

/// Changes metadata, if the object is still the one that was looked at.
fn merge(kind: &Kind, object: &Object, metadata: &Value) -> Step {
    let mut metadata = metadata.clone();
    metadata["uid"] = object.uid().into();
    metadata["resourceVersion"] = object.resource_version().into();
    Step::patch(
        kind,
        object.namespace(),
        object.name(),
        PatchKind::Merge,
        json!({"metadata": metadata}),
    )
}

//! Claims and volumes: who is bound to whom, what is made on demand, and what may go.
//!
//! *Upstream:* `pkg/controller/volume/{persistentvolume,pvcprotection,pvprotection}`.

pub(super) mod attach;
pub(super) mod binder;
mod claim;
pub(super) mod ephemeral;
pub(super) mod expand;
mod matching;
mod phase;
pub(super) mod protection;
mod provision;

use crate::object::Object;

/// What a controller did to an object to bind it, and may take back.
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";

/// Who names a volume, and is named by it.
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";

/// Who made a volume.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// The component that events come from.
const COMPONENT: &str = "persistentvolume-controller";

fn has_annotation(object: &Object, key: &str) -> bool {
    object.annotations().any(|(known, _)| known == key)
}

/// The class of a claim or volume; empty where it has none.
fn class(object: &Object) -> &str {
    let annotation = "volume.beta.kubernetes.io/storage-class";
    match object.text(&["metadata", "annotations", annotation]) {
        "" => object.text(&["spec", "storageClassName"]),
        class => class,
    }
}

/// Whether a volume is meant for a claim: by name, and by uid where it says one.
fn is_for(volume: &Object, claim: &Object) -> bool {
    let reference = |field: &str| volume.text(&["spec", "claimRef", field]);
    let uid = reference("uid");
    reference("name") == claim.name()
        && reference("namespace") == claim.namespace()
        && (uid.is_empty() || uid == claim.uid())
}

fn has_claim(volume: &Object) -> bool {
    volume
        .get(&["spec", "claimRef"])
        .is_some_and(|claim| !claim.is_null())
}

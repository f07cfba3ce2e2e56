//! A claim grows only where it is bound and its class allows it.
//!
//! *Upstream:* `plugin/pkg/admission/storage/persistentvolume/resize/admission.go`.

use super::forbidden;
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::quantity::Quantity;
use crate::object::{GroupResource, Key, Object};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct PersistentVolumeClaimResize;

impl Plugin for PersistentVolumeClaimResize {
    fn name(&self) -> &'static str {
        "PersistentVolumeClaimResize"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_update = write.operation == Operation::Update;
        let (Some(object), Some(old)) = (object, write.old) else {
            return Ok(());
        };
        if !is_update || !write.is_of("", "persistentvolumeclaims", "") || size(object) <= size(old)
        {
            return Ok(());
        }
        if old.text(&["status", "phase"]) != "Bound" {
            let why = "Only bound persistent volume claims can be expanded";
            return Err(forbidden(write, object, why));
        }
        let name = class(object);
        let classes = GroupResource::new("storage.k8s.io", "storageclasses");
        let is_allowed = !name.is_empty()
            && name == class(old)
            && write
                .reader
                .get(&classes, &Key::new("", name))
                .is_some_and(|class| class.object().is_true(&["allowVolumeExpansion"]));
        if is_allowed {
            return Ok(());
        }
        let why = "only dynamically provisioned pvc can be resized and the storageclass that \
                   provisions the pvc must support resize";
        Err(forbidden(write, object, why))
    }
}

fn size(claim: &Object) -> Quantity {
    let size = claim.get(&["spec", "resources", "requests", "storage"]);
    size.and_then(Quantity::from_json).unwrap_or(Quantity::ZERO)
}

/// The class that a claim names.
fn class(claim: &Object) -> &str {
    let annotation = "volume.beta.kubernetes.io/storage-class";
    match claim.get(&["metadata", "annotations", annotation]) {
        Some(name) => name.as_str().unwrap_or(""),
        None => claim.text(&["spec", "storageClassName"]),
    }
}

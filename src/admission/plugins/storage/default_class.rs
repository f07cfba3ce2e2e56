//! A claim that names no class gets the default one.
//!
//! *Upstream:* `plugin/pkg/admission/storage/storageclass/setdefault/admission.go`.

use super::newest_default;
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::{GroupResource, Object};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct DefaultStorageClass;

impl Plugin for DefaultStorageClass {
    fn name(&self) -> &'static str {
        "DefaultStorageClass"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        let is_new = write.operation == Operation::Create;
        if !is_new || !write.is_of("", "persistentvolumeclaims", "") || has_class(object) {
            return Ok(());
        }
        let classes = GroupResource::new("storage.k8s.io", "storageclasses");
        let annotations = [
            "storageclass.kubernetes.io/is-default-class",
            "storageclass.beta.kubernetes.io/is-default-class",
        ];
        if let Some(name) = newest_default(write, &classes, &annotations)? {
            object.set(&["spec", "storageClassName"], name);
        }
        Ok(())
    }
}

/// Whether a claim says which class it wants, be it none.
fn has_class(claim: &Object) -> bool {
    let annotation = "volume.beta.kubernetes.io/storage-class";
    let path = ["metadata", "annotations", annotation];
    let named = claim.get(&["spec", "storageClassName"]);
    claim.get(&path).is_some() || named.is_some_and(|name| !name.is_null())
}

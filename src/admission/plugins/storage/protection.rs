//! Volumes and claims go only when nobody uses them.
//!
//! *Upstream:* `plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go`.

use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::Object;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct StorageObjectInUseProtection;

impl Plugin for StorageObjectInUseProtection {
    fn name(&self) -> &'static str {
        "StorageObjectInUseProtection"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        let resource = write.resource.group_resource();
        let finalizer = match (resource.group.as_ref(), resource.resource.as_ref()) {
            ("", "persistentvolumes") => "kubernetes.io/pv-protection",
            ("", "persistentvolumeclaims") => "kubernetes.io/pvc-protection",
            ("storage.k8s.io", "volumeattributesclasses") => "kubernetes.io/vac-protection",
            _ => return Ok(()),
        };
        let is_new = write.operation == Operation::Create && write.subresource.is_empty();
        if !is_new {
            return Ok(());
        }
        let mut finalizers = object.items(&["metadata", "finalizers"]).to_vec();
        if !finalizers.iter().any(|known| known == finalizer) {
            finalizers.push(finalizer.into());
            object.set(&["metadata", "finalizers"], finalizers);
        }
        Ok(())
    }
}

//! The status face: what controllers write.
//!
//! *Upstream:* the status strategies of `pkg/registry/*/*/strategy.go`,
//! `apiextensions-apiserver/pkg/registry/customresource/status_strategy.go`.

use serde_json::Value;

use crate::object::Object;
use crate::registry::Context;

/// Restores everything that a write of the status does not change. Custom resources keep their
/// metadata too; built-in kinds take labels, annotations and finalizers along.
pub(super) fn keep_all_but_status(cx: &Context<'_>, object: &mut Object, old: &Object) {
    let status = object.remove(&["status"]);
    let metadata = object.remove(&["metadata"]);
    // Who now writes the status is entered, whatever else is kept.
    let managed_fields = object.managed_fields().cloned();
    *object = old.clone();
    object.set_managed_fields(managed_fields);
    match status {
        Some(status) => object.set(&["status"], status),
        None => {
            object.remove(&["status"]);
        }
    }
    match metadata {
        Some(Value::Object(metadata)) if cx.resource.custom.is_none() => {
            object.set(&["metadata"], metadata);
        }
        Some(Value::Object(mut metadata)) => {
            // What the version check has set.
            if let Some(version) = metadata.remove("resourceVersion") {
                object.set(&["metadata", "resourceVersion"], version);
            }
        }
        _ => {}
    }
}

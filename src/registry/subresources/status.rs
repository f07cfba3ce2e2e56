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
    // A status is written more often than anything else, so what is the same stays where it is.
    let is_other = |name: &str| name != "status" && name != "metadata";
    let map = object.as_map_mut();
    map.retain(|name, _| !is_other(name) || old.as_map().contains_key(name));
    for (name, value) in old.as_map().iter().filter(|(name, _)| is_other(name)) {
        if map.get(name) != Some(value) {
            map.insert(name.clone(), value.clone());
        }
    }
    let kept = || old.get(&["metadata"]).cloned().unwrap_or_default();
    match map.remove("metadata") {
        Some(Value::Object(metadata)) if cx.resource.custom.is_none() => {
            object.set(&["metadata"], metadata);
        }
        Some(Value::Object(mut metadata)) => {
            object.set(&["metadata"], kept());
            // What the version check has set.
            if let Some(version) = metadata.remove("resourceVersion") {
                object.set(&["metadata", "resourceVersion"], version);
            }
        }
        _ => object.set(&["metadata"], kept()),
    }
}

//! What is special about a custom resource: nearly everything is in its schema.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/registry/customresource/strategy.go`.

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::object::Object;
use crate::registry::meta::names::check_qualified_name;
use crate::registry::{Context, Strategy};

/// The strategy of every custom resource.
#[derive(Debug)]
pub struct CustomResource;

impl Strategy for CustomResource {
    fn prepare_create(&self, cx: &Context, object: &mut Object) -> Result<(), ApiError> {
        let custom = cx.resource.custom.as_ref();
        if custom.is_some_and(|custom| custom.is_terminating) {
            return Err(ApiError::forbidden(
                &cx.resource.group_resource(),
                object.name(),
                "create not allowed while custom resource definition is terminating",
            ));
        }
        object.set(&["metadata", "generation"], 1);
        Ok(())
    }

    fn prepare_update(
        &self,
        cx: &Context,
        object: &mut Object,
        old: &Object,
    ) -> Result<(), ApiError> {
        // The face that was not written is as it was before this is called, and a status without a
        // face of its own counts like everything else.
        let is_changed = !is_same_beyond_metadata(object.as_map(), old.as_map());
        let is_status = cx.subresource == "status";
        let generation = old.generation() + i64::from(is_changed && !is_status);
        object.set(&["metadata", "generation"], generation);
        Ok(())
    }

    fn warn(&self, cx: &Context, object: &Object, old: Option<&Object>) {
        if cx.subresource == "status" {
            return;
        }
        let mut added: Vec<&str> = object
            .finalizers()
            .filter(|name| !old.is_some_and(|old| old.finalizers().any(|old| old == *name)))
            .collect();
        added.sort_unstable();
        for name in added {
            warn_of_finalizer(cx, name);
        }
    }

    fn repeats_causes(&self) -> bool {
        true
    }

    fn updates_unconditionally(&self) -> bool {
        false
    }
}

fn is_same_beyond_metadata(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    let beyond = |map: &Map<String, Value>| map.keys().filter(|key| *key != "metadata").count();
    beyond(a) == beyond(b)
        && a.iter()
            .filter(|(key, _)| *key != "metadata")
            .all(|(key, value)| b.get(key) == Some(value))
}

fn warn_of_finalizer(cx: &Context, name: &str) {
    const PATH: &str = "metadata.finalizers";
    const STANDARD: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];
    for wrong in check_qualified_name(name) {
        cx.warn(format!("{PATH}: \"{name}\": {wrong}"));
    }
    if name.contains('/') || STANDARD.contains(&name) {
        return;
    }
    let path = if name.contains('.') {
        " including a path (/)"
    } else {
        ""
    };
    cx.warn(format!(
        "{PATH}: \"{name}\": prefer a domain-qualified finalizer name{path} to avoid accidental \
         conflicts with other finalizer writers"
    ));
}

//! CustomResourceDefinition.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/registry/customresourcedefinition/strategy.go`.

mod columns;
mod compiled;
mod conversion;
mod default_values;
mod defaults;
mod lists;
mod names;
mod open_api;
mod spec;
mod validations;
mod view;
mod warnings;

use serde_json::{Value, json};

use crate::error::{ApiError, FieldErrors};
use crate::object::{Object, time};
use crate::registry::custom::CLEANUP;
use crate::registry::{Context, Propagation, Strategy};

/// The strategy of definitions.
#[derive(Debug)]
pub struct CustomResourceDefinition;

impl Strategy for CustomResourceDefinition {
    fn default(&self, object: &mut Object) {
        defaults::apply(object);
    }

    fn prepare_create(&self, _cx: &Context, object: &mut Object) -> Result<(), ApiError> {
        object.remove(&["status"]);
        object.set(
            &["status"],
            serde_json::json!({
                "acceptedNames": {"kind": "", "plural": ""},
                "conditions": null,
            }),
        );
        note_stored_version(object);
        Ok(())
    }

    fn prepare_update(
        &self,
        cx: &Context,
        object: &mut Object,
        _old: &Object,
    ) -> Result<(), ApiError> {
        if cx.subresource.is_empty() {
            note_stored_version(object);
        }
        Ok(())
    }

    fn validate_create(&self, cx: &Context, object: &Object) -> FieldErrors {
        spec::validate_create(object, &cx.emptied.lock())
    }

    fn validate_update(&self, cx: &Context, object: &Object, old: &Object) -> FieldErrors {
        if cx.subresource == "status" {
            return names::validate_accepted(object);
        }
        spec::validate_update(object, old, &cx.emptied.lock())
    }

    fn warn(&self, cx: &Context, object: &Object, old: Option<&Object>) {
        if cx.subresource.is_empty() {
            for warning in warnings::find(object, old) {
                cx.warn(warning);
            }
        }
    }

    /// A definition never goes at once: its objects go first.
    fn holds_deletion(&self, object: &Object) -> bool {
        !object.is_being_deleted()
    }

    fn prepare_delete(&self, cx: &Context, object: &mut Object) {
        let mut conditions = object.items(&["status", "conditions"]).iter();
        if conditions.any(|condition| condition["type"] == "Terminating") {
            // Only the first deletion is special.
            return;
        }
        // The deletion of a definition is marked by hand upstream: it knows no grace period and
        // counts no generation.
        object.remove(&["metadata", "deletionGracePeriodSeconds"]);
        object.set(&["metadata", "generation"], object.generation() - 1);
        let mut finalizers: Vec<String> = object.finalizers().map(str::to_owned).collect();
        if !finalizers.iter().any(|finalizer| finalizer == CLEANUP) {
            finalizers.push(CLEANUP.to_owned());
        }
        object.set(&["metadata", "finalizers"], finalizers);
        let mut conditions = object.items(&["status", "conditions"]).to_vec();
        conditions.push(json!({
            "lastTransitionTime": time::seconds(cx.now),
            "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will \
                        begin soon",
            "reason": "InstanceDeletionPending",
            "status": "True",
            "type": "Terminating",
        }));
        object.set(&["status", "conditions"], conditions);
    }

    fn default_propagation(&self) -> Propagation {
        Propagation::Unsupported
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn repeats_causes(&self) -> bool {
        true
    }

    fn updates_unconditionally(&self) -> bool {
        false
    }
}

/// Adds the storage version to `status.storedVersions`: objects may be stored in it from now on.
fn note_stored_version(object: &mut Object) {
    let Some(name) = object
        .items(&["spec", "versions"])
        .iter()
        .find(|version| version["storage"] == Value::Bool(true))
        .and_then(|version| version["name"].as_str())
        .map(str::to_owned)
    else {
        return;
    };
    let mut stored = object.items(&["status", "storedVersions"]).to_vec();
    if !stored.iter().any(|version| *version == name) {
        stored.push(name.into());
        object.set(&["status", "storedVersions"], stored);
    }
}

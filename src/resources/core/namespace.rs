//! Namespaces: born Active, marked Terminating, gone when their finalizers are.
//!
//! *Upstream:* `pkg/registry/core/namespace/{strategy.go,storage/storage.go}`.

use serde_json::{Value, json};

use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, Object};
use crate::registry::strategy::NameRule;
use crate::registry::{Context, Strategy};
use crate::resources::shared::look::Look;
use crate::resources::shared::names;

/// The finalizer that holds a namespace until its content is gone.
const KUBERNETES: &str = "kubernetes";
/// The label by which a namespace can be selected by name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// Finalizers that need no domain.
const STANDARD_FINALIZERS: [&str; 3] = ["foregroundDeletion", KUBERNETES, "orphan"];

/// What is special about namespaces.
#[derive(Clone, Copy, Debug)]
pub struct NamespaceStrategy;

impl Strategy for NamespaceStrategy {
    fn default(&self, object: &mut Object) {
        let name = object.name().to_owned();
        if !name.is_empty() {
            object.set(&["metadata", "labels", NAME_LABEL], name);
        }
        if object.at("status").text("phase").is_empty() {
            object.set(&["status", "phase"], "Active");
        }
    }

    fn prepare_create(&self, _cx: &Context, object: &mut Object) -> Result<(), ApiError> {
        // A generated name is known only by now.
        let name = object.name().to_owned();
        object.set(&["metadata", "labels", NAME_LABEL], name);
        object.set(&["status"], json!({"phase": "Active"}));
        let mut finalizers = object.at("spec").list("finalizers").to_vec();
        if !finalizers.iter().any(|finalizer| finalizer == KUBERNETES) {
            finalizers.push(KUBERNETES.into());
        }
        object.set(&["spec", "finalizers"], finalizers);
        Ok(())
    }

    fn prepare_update(
        &self,
        cx: &Context,
        object: &mut Object,
        old: &Object,
    ) -> Result<(), ApiError> {
        if cx.subresource.is_empty() {
            let finalizers = old.at("spec").list("finalizers").to_vec();
            if finalizers.is_empty() {
                object.set(&["spec"], json!({}));
            } else {
                object.set(&["spec", "finalizers"], finalizers);
            }
        }
        if cx.subresource == "finalize" {
            object.set(&["status"], old.at("status").clone());
        }
        let name = object.name().to_owned();
        object.set(&["metadata", "labels", NAME_LABEL], name);
        Ok(())
    }

    fn validate_create(&self, _cx: &Context, object: &Object) -> FieldErrors {
        finalizers(object, false)
    }

    fn validate_update(&self, cx: &Context, object: &Object, _old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => phase(object),
            "finalize" => finalizers(object, true),
            _ => finalizers(object, false),
        }
    }

    fn resets(&self, subresource: &str) -> &'static [&'static str] {
        match subresource {
            "finalize" => &["status"],
            _ => &[],
        }
    }

    fn name_rule(&self) -> NameRule {
        NameRule::Label
    }

    fn answers_deleted_object(&self, _version: &str) -> bool {
        true
    }

    fn field_labels(&self) -> &'static [&'static str] {
        &["status.phase"]
    }

    fn prepare_delete(&self, _cx: &Context, object: &mut Object) {
        object.set(&["status", "phase"], "Terminating");
        // A namespace has a store of its own upstream, which knows no grace.
        object.metadata_mut().remove("deletionGracePeriodSeconds");
    }

    fn is_deleted_once(&self) -> bool {
        true
    }

    fn holds_deletion(&self, object: &Object) -> bool {
        !object.at("spec").list("finalizers").is_empty()
    }
}

/// The namespace's own finalizers; the finalize face names the item, the others the list.
fn finalizers(object: &Object, names_item: bool) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec");
    let path = path.child("finalizers");
    for (index, finalizer) in object.at("spec").texts("finalizers").enumerate() {
        let item = path.index(index);
        let path = if names_item { &item } else { &path };
        names::qualified_name(&mut errors, path, finalizer);
        if !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer) {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.invalid(path, &finalizer.into(), detail);
        }
    }
    errors
}

/// The phase must tell whether the namespace is being deleted.
fn phase(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("status");
    let path = path.child("Phase");
    let phase = object.at("status").text("phase");
    let value: Value = phase.into();
    if object.is_being_deleted() {
        if phase != "Terminating" {
            let detail = "may only be 'Terminating' if `deletionTimestamp` is not empty";
            errors.invalid(&path, &value, detail);
        }
    } else if phase != "Active" {
        let detail = "may only be 'Active' if `deletionTimestamp` is empty";
        errors.invalid(&path, &value, detail);
    }
    errors
}

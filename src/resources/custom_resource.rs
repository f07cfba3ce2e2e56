//! Custom resources: what is special of them beyond their schema.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/registry/customresource/{strategy,validator}.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::registry::meta::names;
use crate::resources::shared::plain::Plain;

/// The strategy of every custom resource.
pub const CUSTOM_RESOURCE: Plain = Plain {
    counts_generation: true,
    updates_unconditionally: false,
    validate_create: |cx, object| validate(cx, object),
    validate_update: |cx, object, _| validate(cx, object),
    warn: |cx, object, old| warn_of_finalizers(cx, object, old),
    ..Plain::DEFAULT
};

/// Finalizers that need no domain.
const STANDARD_FINALIZERS: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];

/// What the scale face reads and writes must be what it can read and write.
fn validate(cx: &Context, object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let scale = cx
        .resource
        .custom
        .as_ref()
        .and_then(|custom| custom.scale.as_ref());
    let Some(scale) = scale else { return errors };
    let path = |name: &str| {
        scale
            .get(name)
            .and_then(Value::as_str)
            .filter(|path| !path.is_empty())
    };
    if cx.subresource != "status"
        && let Some(path) = path("specReplicasPath")
    {
        check_replicas(object, path, &mut errors);
    }
    if let Some(path) = path("statusReplicasPath") {
        check_replicas(object, path, &mut errors);
    }
    if let Some(path) = path("labelSelectorPath")
        && let Some(found) = object.get(&steps(path)).filter(|found| !found.is_string())
    {
        let why = format!("{path} accessor error: {found} is of the wrong type, expected string");
        errors.invalid(&FieldPath::new(path), &"".into(), why);
    }
    errors
}

fn steps(path: &str) -> Vec<&str> {
    path.trim_start_matches('.').split('.').collect()
}

fn check_replicas(object: &Object, path: &str, errors: &mut FieldErrors) {
    let Some(found) = object.get(&steps(path)) else {
        return;
    };
    let at = FieldPath::new(path);
    match found.as_i64() {
        None => {
            let why =
                format!("{path} accessor error: {found} is of the wrong type, expected int64");
            errors.invalid(&at, &0.into(), why);
        }
        Some(replicas) if replicas < 0 => {
            errors.invalid(&at, &replicas.into(), "should be a non-negative integer");
        }
        Some(replicas) if replicas > i64::from(i32::MAX) => errors.invalid(
            &at,
            &replicas.into(),
            format!("should be less than or equal to {}", i32::MAX),
        ),
        Some(_) => {}
    }
}

/// Warns of new finalizers that another writer might take for its own.
fn warn_of_finalizers(cx: &Context, object: &Object, old: Option<&Object>) {
    let is_old = |name: &str| old.is_some_and(|old| old.finalizers().any(|known| known == name));
    for finalizer in object.finalizers().filter(|name| !is_old(name)) {
        for wrong in names::check_qualified_name(finalizer) {
            cx.warn(format!("metadata.finalizers: {finalizer:?}: {wrong}"));
        }
        if finalizer.contains('/') || STANDARD_FINALIZERS.contains(&finalizer) {
            continue;
        }
        let including = if finalizer.contains('.') {
            " including a path (/)"
        } else {
            ""
        };
        cx.warn(format!(
            "metadata.finalizers: {finalizer:?}: prefer a domain-qualified finalizer \
             name{including} to avoid accidental conflicts with other finalizer writers"
        ));
    }
}

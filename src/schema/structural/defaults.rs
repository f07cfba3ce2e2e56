//! Whether the defaults of a schema are what it allows.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go`.

use serde_json::{Map, Value};

use super::json::{is_true, object, properties};
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::schema::{Schema, embedded, prune, validate as check};

/// Every default that its own schema refuses.
pub fn validate(source: &Map<String, Value>, meta: &Schema, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    place(source, meta, path, true, false, &mut errors);
    errors
}

fn place(
    source: &Map<String, Value>,
    meta: &Schema,
    path: &FieldPath,
    is_root: bool,
    is_inside_metadata: bool,
    errors: &mut FieldErrors,
) {
    let is_embedded = is_true(source, "x-kubernetes-embedded-resource");
    let is_inside_metadata = is_inside_metadata && !is_embedded;
    if let Some(default) = source.get("default").filter(|value| !value.is_null()) {
        let path = path.child("default");
        let place = (is_root, is_inside_metadata);
        one(source, meta, default, &path, place, errors);
    }
    if let Some(items) = object(source, "items") {
        let path = path.child("items");
        place(items, meta, &path, false, is_inside_metadata, errors);
    }
    let of_properties = path.child("properties");
    for (name, property) in properties(source) {
        let is_meta =
            (is_root || is_embedded) && matches!(name, "metadata" | "apiVersion" | "kind");
        let path = of_properties.key(name);
        place(
            property,
            meta,
            &path,
            false,
            is_inside_metadata || is_meta,
            errors,
        );
    }
}

fn one(
    source: &Map<String, Value>,
    meta: &Schema,
    default: &Value,
    path: &FieldPath,
    (is_root, is_inside_metadata): (bool, bool),
    errors: &mut FieldErrors,
) {
    let schema = super::compile_inner(source, meta);
    if !is_inside_metadata {
        let mut pruned = default.clone();
        prune::unknown_fields(&mut pruned, &schema);
        if pruned != *default {
            errors.invalid(path, default, "must not have unknown fields");
        }
        let wrong = embedded::validate_value(default, &schema, is_root, path);
        if !wrong.is_empty() {
            errors.extend(wrong);
            return;
        }
    }
    // What is int or string is converted without the types it may have.
    if is_true(source, "x-kubernetes-int-or-string") {
        return;
    }
    errors.extend(check::below(
        check::value(default, &schema),
        &path.to_string(),
    ));
}

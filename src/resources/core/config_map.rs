//! Config maps and the rules of data that they share with secrets.
//!
//! *Upstream:* `pkg/registry/core/configmap/strategy.go`,
//! `pkg/apis/core/validation/validation.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::error::field::{FieldError, FieldErrorKind};
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::{Look, is_empty};
use crate::resources::shared::names;
use crate::resources::shared::plain::Plain;

/// The most bytes that a config map or secret holds.
pub(super) const SIZE_MAX: usize = 1024 * 1024;

/// What is special about config maps.
pub static CONFIG_MAP: Plain = Plain {
    validate_create: |_, object| validate(object),
    validate_update: |_, object, old| {
        let mut errors = immutable(object, old, &["data", "binaryData"]);
        errors.extend(validate(object));
        errors
    },
    ..Plain::DEFAULT
};

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let mut size = 0;
    for (key, value) in object.entries("data") {
        let path = FieldPath::new("data");
        let path = path.key(key);
        names::report(&mut errors, &path, key, names::check_data_key(key));
        if object.at("binaryData").get(key).is_some() {
            errors.invalid(&path, &key.into(), "duplicate of key present in binaryData");
        }
        size += value.as_str().map_or(0, str::len);
    }
    for (key, value) in object.entries("binaryData") {
        let path = FieldPath::new("binaryData");
        names::report(&mut errors, &path.key(key), key, names::check_data_key(key));
        size += decoded_length(value);
    }
    if size > SIZE_MAX {
        errors.push(FieldError {
            kind: FieldErrorKind::TooLong,
            // Upstream's path is of one nameless field.
            field: "[]".to_owned(),
            value: String::new(),
            detail: format!("may not be more than {SIZE_MAX} bytes"),
        });
    }
    errors
}

/// Once `immutable` is set it stays, and so does the data.
pub(super) fn immutable(object: &Object, old: &Object, fields: &[&str]) -> FieldErrors {
    const DETAIL: &str = "field is immutable when `immutable` is set";
    let mut errors = FieldErrors::new();
    if !old.is_true(&["immutable"]) {
        return errors;
    }
    if !object.is_true(&["immutable"]) {
        errors.forbidden(&FieldPath::new("immutable"), DETAIL);
    }
    for field in fields {
        let (new, before) = (object.at(field), old.at(field));
        if new != before && !(is_empty(new) && is_empty(before)) {
            errors.forbidden(&FieldPath::new(field), DETAIL);
        }
    }
    errors
}

/// How many bytes a base64 text stands for.
pub(super) fn decoded_length(value: &Value) -> usize {
    let text = value.as_str().unwrap_or("").trim_end_matches('=');
    text.len() * 3 / 4
}

//! What is wrong with an object, by its schema alone.
//!
//! Custom resources are checked for everything OpenAPI v3 can say, in the words of the library
//! the API server uses, then for the uniqueness of their lists.
//! Built-in kinds are checked by their strategies: what their schema calls required is only what
//! Go always prints.
//!
//! *Invariant:* reads; compiles nothing.
//! *Upstream:* `kube-openapi/pkg/validation/validate/schema.go`,
//! `apiextensions-apiserver/pkg/apiserver/validation/validation.go`,
//! `apiextensions-apiserver/pkg/registry/customresource/strategy.go`.

mod alternatives;
mod number;
mod outcome;
mod text;
mod walk;

use serde_json::{Map, Value};

use self::walk::Walk;
use super::{Origin, Schema, list_type};
use crate::error::FieldErrors;
use crate::error::field::FieldErrorKind;
use crate::object::FieldPath;

/// What is wrong with a new object.
pub fn create(object: &Map<String, Value>, schema: &Schema) -> FieldErrors {
    if schema.origin() == Origin::BuiltIn {
        return FieldErrors::new();
    }
    let mut errors = Walk::new(schema).root(object, None);
    errors.extend(list_type::validate(object, schema));
    errors
}

/// What is wrong with a new state. What was wrong before and did not change is let pass.
pub fn update(
    object: &Map<String, Value>,
    old: &Map<String, Value>,
    schema: &Schema,
) -> FieldErrors {
    if schema.origin() == Origin::BuiltIn {
        return FieldErrors::new();
    }
    let mut errors = Walk::new(schema).root(object, Some(old));
    if list_type::validate(old, schema).is_empty() {
        errors.extend(list_type::validate(object, schema));
    }
    errors
}

/// What is wrong with a new status; the rest of the object is not looked at.
pub fn update_status(
    object: &Map<String, Value>,
    old: &Map<String, Value>,
    schema: &Schema,
) -> FieldErrors {
    if schema.origin() == Origin::BuiltIn {
        return FieldErrors::new();
    }
    let mut errors = FieldErrors::new();
    if let Some(status) = object.get("status")
        && let Some(id) = schema.child(schema.root(), "status")
    {
        let found = Walk::new(schema).value(schema.node(id), status, old.get("status"));
        errors.extend(below(found, "status"));
    }
    let lists = list_type::validate(object, schema);
    if !lists.is_empty() && list_type::validate(old, schema).is_empty() {
        errors.extend(lists);
    }
    errors
}

/// What is wrong with a value that stands alone (a default), by the node `schema` points at.
pub fn value(value: &Value, schema: &Schema) -> FieldErrors {
    Walk::new(schema).value(schema.root(), value, None)
}

/// The same errors, found below a field.
pub fn below(errors: FieldErrors, field: &str) -> FieldErrors {
    let mut out = FieldErrors::new();
    for mut error in errors {
        error.field = match error.field.as_str() {
            "<nil>" => field.to_owned(),
            inner => format!("{field}.{}", inner.trim_start_matches('.')),
        };
        out.push(error);
    }
    out
}

/// Whether rules are left unchecked because what they read may not be what they expect; the error
/// that says so is added.
pub fn blocks_rules(errors: &mut FieldErrors) -> bool {
    let blocks = errors.iter().any(|error| {
        matches!(
            error.kind,
            FieldErrorKind::NotSupported
                | FieldErrorKind::Required
                | FieldErrorKind::TooLong
                | FieldErrorKind::TooMany
                | FieldErrorKind::TypeInvalid
        )
    });
    if blocks {
        errors.invalid(
            &FieldPath::ROOT,
            &Value::Null,
            "some validation rules were not checked because the object was invalid; correct the \
             existing errors to complete validation",
        );
    }
    blocks
}

//! Revisions of what controllers keep.
//!
//! *Upstream:* `pkg/registry/apps/controllerrevision/strategy.go`,
//! `pkg/apis/apps/validation/validation.go`.

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::look::Look;
use crate::resources::shared::names::non_negative;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::workload::immutable;

const DATA: FieldPath<'static> = FieldPath::new("data");

pub(super) static CONTROLLER_REVISION: Plain = Plain {
    validate_create,
    validate_update,
    ..Plain::DEFAULT
};

fn revision(errors: &mut FieldErrors, object: &Object) {
    let path = FieldPath::new("revision");
    non_negative(errors, &path, object.at("revision").as_i64().unwrap_or(0));
}

fn validate_create(_cx: &Context, object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    revision(&mut errors, object);
    let data = object.at("data");
    if data.is_null() {
        errors.required(&DATA, "data is mandatory");
    } else if !data.is_object() {
        errors.required(&DATA, "data must be a valid JSON object");
    }
    errors
}

fn validate_update(_cx: &Context, object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    revision(&mut errors, object);
    immutable(&mut errors, &DATA, object.at("data"), old.at("data"));
    errors
}

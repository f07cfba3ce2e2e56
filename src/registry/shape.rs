//! What the schema makes of an object on its way in: pruned, normalised, defaulted, checked.

use super::Strategy;
use crate::error::FieldErrors;
use crate::object::Object;
use crate::schema::Resource;

/// Brings a decoded object of a served version in shape: normalised, pruned, defaulted.
pub fn decoded(_resource: &Resource, strategy: &dyn Strategy, object: &mut Object) {
    strategy.default(object);
}

/// Brings an object in the form it is stored in, after everything that changes it has run.
pub fn finish(_resource: &Resource, _object: &mut Object) {}

/// Everything the schema finds wrong with an object.
pub fn validate(_resource: &Resource, _object: &Object, _old: Option<&Object>) -> FieldErrors {
    FieldErrors::new()
}

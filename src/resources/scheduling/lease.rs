//! Leases.
//!
//! *Upstream:* `pkg/registry/coordination/lease/strategy.go`,
//! `pkg/apis/coordination/validation/validation.go`.

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::Look;
use crate::resources::shared::names;
use crate::resources::shared::plain::Plain;

const SPEC: FieldPath = FieldPath::new("spec");

/// What is special about leases.
pub(super) static LEASE: Plain = Plain {
    creates_on_update: true,
    updates_unconditionally: false,
    prepare_create: |_, object| {
        drop_disabled(object);
        Ok(())
    },
    prepare_update: |_, object, _| {
        drop_disabled(object);
        Ok(())
    },
    validate_create: |_, object| validate(object),
    validate_update: |_, object, _| validate(object),
    ..Plain::DEFAULT
};

/// Drops what is behind a gate that is shut (coordinated leader election).
fn drop_disabled(object: &mut Object) {
    object.remove(&["spec", "strategy"]);
    object.remove(&["spec", "preferredHolder"]);
}

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    if let Some(seconds) = spec.integer("leaseDurationSeconds")
        && seconds <= 0
    {
        let path = SPEC.child("leaseDurationSeconds");
        errors.invalid(&path, &seconds.into(), "must be greater than 0");
    }
    let transitions = spec.number("leaseTransitions");
    names::non_negative(&mut errors, &SPEC.child("leaseTransitions"), transitions);
    errors
}

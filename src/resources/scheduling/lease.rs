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
    validate_create: |_, object| validate(object),
    validate_update: |_, object, _| validate(object),
    ..Plain::DEFAULT
};

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
    let strategy = spec.text("strategy");
    if spec.has("strategy") {
        let path = SPEC.child("strategy");
        let path = path.child("strategy");
        if strategy.contains('/') {
            names::qualified_name(&mut errors, &path, strategy);
        } else {
            names::one_of(&mut errors, &path, strategy, &["OldestEmulationVersion"]);
        }
    }
    if !spec.text("preferredHolder").is_empty() && strategy.is_empty() {
        let detail = "may only be specified if `strategy` is defined";
        errors.forbidden(&SPEC.child("preferredHolder"), detail);
    }
    errors
}

//! Pod disruption budgets.
//!
//! *Upstream:* `pkg/registry/policy/poddisruptionbudget/strategy.go`,
//! `pkg/apis/policy/validation/validation.go`.

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::strategy::NameRule;
use crate::resources::shared::look::Look;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::{conditions, label_selector, names, percent};
use crate::schema::go_struct;

const SPEC: FieldPath = FieldPath::new("spec");
const STATUS: FieldPath = FieldPath::new("status");

/// What is special about pod disruption budgets.
pub(super) static POD_DISRUPTION_BUDGET: Plain = Plain {
    // Upstream's validation leaves the metadata to the generic checks.
    name_rule: NameRule::PathSegment,
    counts_generation: true,
    updates_unconditionally: false,
    validate_create: |_, object| validate(object),
    validate_update: |cx, object, _| match cx.subresource {
        "status" => status(object),
        _ => validate(object),
    },
    ..Plain::DEFAULT
};

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    if spec.has("minAvailable") && spec.has("maxUnavailable") {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.invalid_text(
            &SPEC,
            go_struct::print("policy.PodDisruptionBudgetSpec", spec),
            detail,
        );
    }
    for field in ["minAvailable", "maxUnavailable"] {
        if let Some(value) = spec.maybe(field) {
            percent::not_negative(&mut errors, &SPEC.child(field), value);
            percent::at_most_100(&mut errors, &SPEC.child(field), value);
        }
    }
    label_selector::selector(&mut errors, &SPEC.child("selector"), spec.at("selector"));
    if let Some(policy) = spec.maybe_text("unhealthyPodEvictionPolicy") {
        let path = SPEC.child("unhealthyPodEvictionPolicy");
        names::one_of(
            &mut errors,
            &path,
            policy,
            &["AlwaysAllow", "IfHealthyBudget"],
        );
    }
    errors
}

fn status(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let status = object.at("status");
    conditions::validate(
        &mut errors,
        &STATUS.child("conditions"),
        status.list("conditions"),
    );
    for field in [
        "disruptionsAllowed",
        "currentHealthy",
        "desiredHealthy",
        "expectedPods",
    ] {
        names::non_negative(&mut errors, &STATUS.child(field), status.number(field));
    }
    errors
}

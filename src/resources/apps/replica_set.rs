//! Replica sets.
//!
//! *Upstream:* `pkg/registry/apps/replicaset/strategy.go`,
//! `pkg/apis/apps/validation/validation.go`.

use serde_json::Value;

use super::deployment::selector_and_template;
use crate::error::FieldErrors;
use crate::object::Object;
use crate::registry::Context;
use crate::resources::shared::look::Look;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::workload::{self, SPEC, counters, immutable_struct};

pub(super) static REPLICA_SET: Plain = Plain {
    complete_empty: workload::complete_empty,
    counts_generation: true,
    default: workload::default_template,
    prepare_create: workload::prepare_create,
    prepare_update: workload::prepare_update,
    validate_create,
    validate_update,
    warn: workload::warn,
    ..Plain::DEFAULT
};

fn validate_create(_cx: &Context, object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    spec(&mut errors, object.at("spec"));
    errors
}

fn validate_update(cx: &Context, object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if cx.subresource == "status" {
        status(&mut errors, object.at("status"));
        return errors;
    }
    let (new, old) = (object.at("spec"), old.at("spec"));
    spec(&mut errors, new);
    let path = SPEC.child("selector");
    let (new_selector, old_selector) = (new.at("selector"), old.at("selector"));
    immutable_struct(
        &mut errors,
        &path,
        "*meta.LabelSelector",
        new_selector,
        old_selector,
    );
    errors
}

fn spec(errors: &mut FieldErrors, spec: &Value) {
    counters(errors, &SPEC, spec, &["replicas", "minReadySeconds"]);
    selector_and_template(errors, spec);
}

fn status(errors: &mut FieldErrors, status: &Value) {
    let fields = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "observedGeneration",
        "terminatingReplicas",
    ];
    let parts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
    workload::status_counters(errors, status, &fields, &parts, "readyReplicas");
}

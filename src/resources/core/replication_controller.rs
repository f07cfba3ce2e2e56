//! Replication controllers.
//!
//! *Upstream:* `pkg/registry/core/replicationcontroller/strategy.go`,
//! `pkg/apis/core/validation/validation.go`, `pkg/apis/core/v1/defaults.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::Object;
use crate::registry::{Context, Propagation};
use crate::resources::shared::label_selector::matches_all;
use crate::resources::shared::look::{Look, is_empty};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template;
use crate::resources::shared::workload::{self, SPEC, STATUS, at_most, counters};

pub(super) static REPLICATION_CONTROLLER: Plain = Plain {
    counts_generation: true,
    default_propagation: Propagation::Orphan,
    field_labels: &["status.replicas"],
    field_value: Some(|object, _| object.at("status").number("replicas").to_string()),
    default,
    prepare_create: workload::prepare_create,
    prepare_update: workload::prepare_update,
    validate_create: |_, object| validate(object),
    validate_update,
    warn,
    ..Plain::DEFAULT
};

/// Warns of a changed controller's template as it was: upstream mistakes the old one for the new.
fn warn(cx: &Context, object: &Object, old: Option<&Object>) {
    match old {
        None => workload::warn(cx, object, None),
        Some(old) if old.generation() == object.generation() => {}
        Some(old) => workload::warn_of_template(cx, old, None),
    }
}

fn default(object: &mut Object) {
    workload::default_template(object);
    let labels = object.at("spec").at("template").at("metadata").at("labels");
    if labels.is_null() {
        return;
    }
    let labels = labels.clone();
    for path in [["spec", "selector"], ["metadata", "labels"]] {
        if object.get(&path).is_none_or(is_empty) {
            object.set(&path, labels.clone());
        }
    }
}

fn validate_update(cx: &Context, object: &Object, _old: &Object) -> FieldErrors {
    if cx.subresource == "status" {
        return status(object.at("status"));
    }
    validate(object)
}

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let selector = spec.at("selector");
    if is_empty(selector) {
        errors.required(&SPEC.child("selector"), "");
    }
    errors.declared(|errors| {
        if !spec.has("replicas") {
            errors.required(&SPEC.child("replicas"), "");
        }
        counters(errors, &SPEC, spec, &["replicas", "minReadySeconds"]);
    });
    let path = SPEC.child("template");
    let Some(template) = spec.maybe("template") else {
        errors.required(&path, "");
        return errors;
    };
    let labels = template.at("metadata").at("labels");
    if !matches_all(selector, labels) {
        let metadata = path.child("metadata");
        errors.invalid(
            &metadata.child("labels"),
            labels,
            "`selector` does not match template `labels`",
        );
    }
    pod_template::validate_lasting(&mut errors, &path, template, "ReplicationController");
    errors
}

fn status(status: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let fields = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "observedGeneration",
    ];
    counters(&mut errors, &STATUS, status, &fields);
    let fields = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
    let words = "cannot be greater than status.replicas";
    at_most(&mut errors, status, &fields, "replicas", words);
    let words = "cannot be greater than readyReplicas";
    at_most(
        &mut errors,
        status,
        &["availableReplicas"],
        "readyReplicas",
        words,
    );
    errors
}

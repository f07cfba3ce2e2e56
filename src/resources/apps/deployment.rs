//! Deployments.
//!
//! *Upstream:* `pkg/registry/apps/deployment/strategy.go`,
//! `pkg/apis/apps/validation/validation.go`, `pkg/apis/apps/v1/defaults.go`.

use serde_json::Value;

use crate::error::field::{FieldError, FieldErrorKind};
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::label_selector;
use crate::resources::shared::look::{Look, child, fill_text};
use crate::resources::shared::names::non_negative;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template;
use crate::resources::shared::workload::{self, SPEC, counters, immutable_struct};
use crate::schema::go_struct;

pub(super) static DEPLOYMENT: Plain = Plain {
    complete_empty: workload::complete_empty,
    counts_generation: true,
    counts_annotations: true,
    resets_in_status: &["metadata.labels"],
    default,
    prepare_create: workload::prepare_create,
    prepare_update,
    validate_create,
    validate_update,
    warn,
    ..Plain::DEFAULT
};

fn default(object: &mut Object) {
    workload::default_template(object);
    let Some(spec) = child(object.as_map_mut(), "spec") else {
        return;
    };
    let Some(strategy) = child(spec, "strategy") else {
        return;
    };
    fill_text(strategy, "type", "RollingUpdate");
    if strategy.text("type") == "RollingUpdate" {
        workload::default_rolling_update(strategy, "25%".into(), "25%".into());
    } else {
        workload::zero_rolling_update(strategy);
    }
}

fn prepare_update(cx: &Context, object: &mut Object, old: &Object) -> Result<(), ApiError> {
    if cx.subresource == "status" {
        // Labels are not the controller's to change.
        match old.get(&["metadata", "labels"]) {
            Some(labels) => object.set(&["metadata", "labels"], labels.clone()),
            None => {
                object.remove(&["metadata", "labels"]);
            }
        }
        return Ok(());
    }
    workload::prepare_update(cx, object, old)
}

fn warn(cx: &Context, object: &Object, old: Option<&Object>) {
    if cx.subresource != "status" {
        workload::warn(cx, object, old);
    }
}

fn validate_create(_cx: &Context, object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    spec(&mut errors, object.at("spec"));
    errors
}

fn validate_update(cx: &Context, object: &Object, old: &Object) -> FieldErrors {
    if let Some(errors) = workload::validate_status(cx, object, old, status) {
        return errors;
    }
    let mut errors = FieldErrors::new();
    spec(&mut errors, object.at("spec"));
    let (new, old) = (object.at("spec"), old.at("spec"));
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
    counters(errors, &SPEC, spec, &["replicas"]);
    selector_and_template(errors, spec);
    strategy(errors, &SPEC.child("strategy"), spec.at("strategy"));
    let fields = ["minReadySeconds", "revisionHistoryLimit"];
    counters(errors, &SPEC, spec, &fields);
    if let Some(seconds) = spec.integer("progressDeadlineSeconds") {
        let path = SPEC.child("progressDeadlineSeconds");
        non_negative(errors, &path, seconds);
        if seconds <= spec.number("minReadySeconds") {
            let detail = "must be greater than minReadySeconds";
            errors.invalid(&path, &seconds.into(), detail);
        }
    }
}

/// What deployments and replica sets say alike of the pods they keep.
pub(super) fn selector_and_template(errors: &mut FieldErrors, spec: &Value) {
    let template = SPEC.child("template");
    if !workload::required_selector(errors, spec, "deployment") {
        let path = SPEC.child("selector");
        errors.invalid_text(
            &path,
            label_selector::printed(spec.at("selector")),
            "invalid label selector",
        );
        return;
    }
    let selector = spec.at("selector");
    if selector.is_null() || !label_selector::is_empty(selector) {
        workload::matching_template(errors, &template, spec);
    }
    pod_template::validate_lasting(errors, &template, spec.at("template"), "ReplicaSet");
}

fn strategy(errors: &mut FieldErrors, path: &FieldPath, strategy: &Value) {
    let rolling_path = path.child("rollingUpdate");
    match (strategy.text("type"), strategy.maybe("rollingUpdate")) {
        ("Recreate", Some(_)) => errors.forbidden(
            &rolling_path,
            "may not be specified when strategy `type` is 'Recreate'",
        ),
        ("Recreate", None) => {}
        ("RollingUpdate", None) => {
            errors.required(&rolling_path, "this should be defaulted and never be nil");
        }
        ("RollingUpdate", Some(rolling)) => rolling_update(errors, &rolling_path, rolling),
        _ => errors.push(FieldError {
            kind: FieldErrorKind::NotSupported,
            field: path.to_string(),
            value: go_struct::print("apps.DeploymentStrategy", strategy),
            detail: "supported values: \"Recreate\", \"RollingUpdate\"".to_owned(),
        }),
    }
}

fn rolling_update(errors: &mut FieldErrors, path: &FieldPath, rolling: &Value) {
    let (unavailable, surge) = (rolling.at("maxUnavailable"), rolling.at("maxSurge"));
    let unavailable_path = path.child("maxUnavailable");
    workload::check_number_or_percent(errors, &unavailable_path, unavailable);
    workload::check_number_or_percent(errors, &path.child("maxSurge"), surge);
    let is_zero = |value| workload::number_or_percent(value) == 0;
    if is_zero(unavailable) && is_zero(surge) {
        let detail = "may not be 0 when `maxSurge` is 0";
        errors.invalid(&unavailable_path, unavailable, detail);
    }
    workload::at_most_hundred_percent(errors, &unavailable_path, unavailable);
}

fn status(errors: &mut FieldErrors, status: &Value) {
    let fields = [
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
    ];
    let parts = ["updatedReplicas", "readyReplicas", "availableReplicas"];
    workload::status_counters(errors, status, &fields, &parts, "readyReplicas");
}

//! Daemon sets.
//!
//! *Upstream:* `pkg/registry/apps/daemonset/strategy.go`,
//! `pkg/apis/apps/v1/{conversion,defaults}.go`, `pkg/apis/apps/validation/validation.go`.

use std::num::IntErrorKind;

use serde_json::Value;

use crate::error::field::{FieldError, FieldErrorKind};
use crate::error::{ApiError, FieldErrors};
use crate::object::quote::quoted;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::label_selector;
use crate::resources::shared::look::{Look, child, fill_text};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template;
use crate::resources::shared::workload::{self, SPEC, STATUS, counters, immutable_struct};
use crate::schema::go_struct;

/// How often the template changed, which has no field in `apps/v1`.
const GENERATION: &str = "deprecated.daemonset.template.generation";

pub(super) static DAEMON_SET: Plain = Plain {
    counts_generation: true,
    annotation_of_field: Some(GENERATION),
    default,
    prepare_create: |_, object| {
        check_generation(object)?;
        prepare_create(object);
        Ok(())
    },
    prepare_update: |cx, object, old| {
        check_generation(object)?;
        prepare_update(cx, object, old);
        Ok(())
    },
    validate_create,
    validate_update,
    warn: workload::warn_of_template,
    ..Plain::DEFAULT
};

fn default(object: &mut Object) {
    workload::default_template(object);
    if object
        .at("metadata")
        .at("annotations")
        .at(GENERATION)
        .is_null()
    {
        // The internal type has a number for it, which every version shows.
        set_template_generation(object, 0);
    }
    let Some(spec) = child(object.as_map_mut(), "spec") else {
        return;
    };
    let Some(strategy) = child(spec, "updateStrategy") else {
        return;
    };
    fill_text(strategy, "type", "RollingUpdate");
    if strategy.text("type") == "RollingUpdate" {
        workload::default_rolling_update(strategy, 1.into(), 0.into());
    } else {
        workload::zero_rolling_update(strategy);
    }
}

/// Refuses an annotation that is no number, which the internal type could not hold.
///
/// Differs: upstream fails before a patched object is looked at, each patch in words of its own.
fn check_generation(object: &Object) -> Result<(), ApiError> {
    let text = object.at("metadata").at("annotations").text(GENERATION);
    let Err(error) = text.parse::<i64>() else {
        return Ok(());
    };
    let why = match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    Err(ApiError::bad_request(format!(
        "DaemonSet in version \"v1\" cannot be handled as a DaemonSet: strconv.ParseInt: parsing \
         {}: {why}",
        quoted(text)
    )))
}

fn template_generation(object: &Object) -> i64 {
    let annotations = object.at("metadata").at("annotations");
    annotations.text(GENERATION).parse().unwrap_or(0)
}

fn set_template_generation(object: &mut Object, generation: i64) {
    let path = ["metadata", "annotations", GENERATION];
    object.set(&path, generation.to_string());
}

fn prepare_create(object: &mut Object) {
    workload::drop_disabled(object);
    let generation = template_generation(object).max(1);
    set_template_generation(object, generation);
}

fn prepare_update(cx: &Context, object: &mut Object, old: &Object) {
    if cx.subresource == "status" {
        // The spec stays as it was, and upstream counts the template in it.
        set_template_generation(object, template_generation(old));
        return;
    }
    workload::drop_disabled(object);
    let is_changed = object.at("spec").at("template") != old.at("spec").at("template");
    let generation = template_generation(old) + i64::from(is_changed);
    set_template_generation(object, generation);
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
    spec(&mut errors, new);
    errors
}

fn spec(errors: &mut FieldErrors, spec: &Value) {
    let selector = spec.at("selector");
    let path = SPEC.child("selector");
    let template = SPEC.child("template");
    if workload::valid_selector(errors, &path, selector) {
        workload::matching_template(errors, &template, spec);
    }
    if !selector.is_null() && label_selector::is_empty(selector) {
        errors.invalid(&path, selector, "empty selector is invalid for daemonset");
    }
    pod_template::validate_lasting(errors, &template, spec.at("template"), "DaemonSet");
    counters(errors, &SPEC, spec, &["minReadySeconds"]);
    update_strategy(
        errors,
        &SPEC.child("updateStrategy"),
        spec.at("updateStrategy"),
    );
    counters(errors, &SPEC, spec, &["revisionHistoryLimit"]);
}

fn update_strategy(errors: &mut FieldErrors, path: &FieldPath, strategy: &Value) {
    let rolling_path = path.child("rollingUpdate");
    match (strategy.text("type"), strategy.maybe("rollingUpdate")) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => errors.required(&rolling_path, ""),
        ("RollingUpdate", Some(rolling)) => rolling_update(errors, &rolling_path, rolling),
        _ => errors.push(FieldError {
            kind: FieldErrorKind::NotSupported,
            field: path.to_string(),
            value: go_struct::print("apps.DaemonSetUpdateStrategy", strategy),
            detail: "supported values: \"RollingUpdate\", \"OnDelete\"".to_owned(),
        }),
    }
}

fn rolling_update(errors: &mut FieldErrors, path: &FieldPath, rolling: &Value) {
    let fields = ["maxUnavailable", "maxSurge"];
    for field in fields {
        workload::check_number_or_percent(errors, &path.child(field), rolling.at(field));
    }
    for field in fields {
        workload::at_most_hundred_percent(errors, &path.child(field), rolling.at(field));
    }
    let [unavailable, surge] = fields.map(|f| workload::number_or_percent(rolling.at(f)) != 0);
    if unavailable && surge {
        errors.invalid(
            &path.child("maxSurge"),
            rolling.at("maxSurge"),
            "may not be set when maxUnavailable is non-zero",
        );
    } else if !unavailable && !surge {
        let path = path.child("maxUnavailable");
        errors.required(&path, "cannot be 0 when maxSurge is 0");
    }
}

fn status(errors: &mut FieldErrors, status: &Value) {
    let fields = [
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ];
    counters(errors, &STATUS, status, &fields);
}

//! Cron jobs.
//!
//! *Upstream:* `pkg/registry/batch/cronjob/strategy.go`, `pkg/apis/batch/validation/validation.go`.

use serde_json::{Map, Value};

use super::{job, schedule};
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::label_selector;
use crate::resources::shared::look::{Look, child};
use crate::resources::shared::names::required_one_of;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template::defaults;
use crate::resources::shared::workload::{self, SPEC, counters};

/// The longest name: eleven letters less than a job's.
const NAME_LENGTH_MAX: usize = 52;

pub(super) static CRON_JOB: Plain = Plain {
    counts_generation: true,
    default,
    prepare_create: |_, object| {
        prepare(object);
        Ok(())
    },
    prepare_update: |_, object, _| {
        prepare(object);
        Ok(())
    },
    validate_create,
    validate_update,
    warn,
    ..Plain::DEFAULT
};

/// The spec of the jobs, to change.
fn job_spec(object: &mut Object) -> Option<&mut Map<String, Value>> {
    let template = object.get_mut(&["spec", "jobTemplate"])?.as_object_mut()?;
    child(template, "spec")
}

fn default(object: &mut Object) {
    let Some(spec) = job_spec(object) else {
        return;
    };
    if let Some(template) = child(spec, "template")
        && let Some(pods) = child(template, "spec")
    {
        defaults::spec(pods);
    }
}

fn prepare(object: &mut Object) {
    if let Some(spec) = job_spec(object) {
        job::drop_disabled(spec);
    }
}

fn warn(cx: &Context, object: &Object, old: Option<&Object>) {
    if cx.subresource == "status" {
        return;
    }
    if old.is_none() {
        workload::warn_of_name(cx, object);
    }
    let spec = object.at("spec");
    if old.is_none_or(|old| old.generation() != object.generation()) {
        let template = SPEC.child("jobTemplate");
        let path = template.child("spec");
        job::warn_of_spec(cx, &path, spec.at("jobTemplate").at("spec"));
    }
    if old.is_some() && spec.text("schedule").contains("TZ") {
        cx.warn(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see \
             https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more \
             details",
        );
    }
}

fn validate_create(_cx: &Context, object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    spec(&mut errors, object.at("spec"), None);
    let name = object.name();
    if name.len() > NAME_LENGTH_MAX {
        errors.invalid(
            &FieldPath::new("metadata").child("name"),
            &name.into(),
            "must be no more than 52 characters",
        );
    }
    errors
}

fn validate_update(cx: &Context, object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if cx.subresource != "status" {
        spec(&mut errors, object.at("spec"), Some(old.at("spec")));
    }
    errors
}

fn spec(errors: &mut FieldErrors, spec: &Value, old: Option<&Value>) {
    let path = SPEC.child("schedule");
    let text = spec.text("schedule");
    if text.is_empty() {
        errors.declared(|errors| errors.required(&path, ""));
    } else {
        let was_zoned = old.is_some_and(|old| old.text("schedule").contains("TZ"));
        schedule_format(errors, &path, text, was_zoned, spec.has("timeZone"));
    }
    counters(errors, &SPEC, spec, &["startingDeadlineSeconds"]);
    let zone = spec.maybe_text("timeZone");
    let is_zone_new = old.is_none_or(|old| old.maybe_text("timeZone") != zone);
    if let Some(zone) = zone.filter(|_| is_zone_new) {
        for wrong in schedule::check_zone(zone) {
            errors.invalid(&SPEC.child("timeZone"), &zone.into(), wrong);
        }
    }
    required_one_of(
        errors,
        &SPEC.child("concurrencyPolicy"),
        spec.text("concurrencyPolicy"),
        &["Allow", "Forbid", "Replace"],
    );
    job_template(errors, spec.at("jobTemplate").at("spec"));
    let limits = ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"];
    counters(errors, &SPEC, spec, &limits);
}

fn schedule_format(
    errors: &mut FieldErrors,
    path: &FieldPath,
    text: &str,
    was_zoned: bool,
    has_zone: bool,
) {
    if let Err(why) = schedule::check(text) {
        errors.invalid(path, &text.into(), why);
    }
    if !text.contains("TZ") {
        return;
    }
    if !was_zoned {
        errors.invalid(
            path,
            &text.into(),
            "cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
        );
    } else if has_zone {
        errors.invalid(
            path,
            &text.into(),
            "cannot use both timeZone field and TZ or CRON_TZ in schedule",
        );
    }
}

/// The jobs themselves: their selectors are generated.
fn job_template(errors: &mut FieldErrors, spec: &Value) {
    let template = SPEC.child("jobTemplate");
    let path = template.child("spec");
    job::any_spec(errors, &path, spec);
    if let Some(selector) = spec.maybe("selector") {
        let detail = "`selector` will be auto-generated";
        errors.invalid_text(
            &path.child("selector"),
            label_selector::printed(selector),
            detail,
        );
    }
    if spec.is_true("manualSelector") {
        let path = path.child("manualSelector");
        errors.not_supported(&path, &true.into(), &["nil", "false"]);
    }
}

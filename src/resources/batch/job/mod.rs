//! Jobs.
//!
//! *Upstream:* `pkg/registry/batch/job/strategy.go`, `pkg/apis/batch/v1/defaults.go`.

mod indexes;
mod policy;
mod spec;
mod status;
mod update;

use serde_json::{Map, Value};

pub(super) use spec::any as any_spec;

use crate::error::FieldErrors;
use crate::object::quote::quoted;
use crate::object::{FieldPath, Object};
use crate::registry::{Context, DeleteOptions, Propagation};
use crate::resources::shared::look::{Look, child, fill, is_empty};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template::{disabled, warnings};
use crate::resources::shared::workload::{self, SPEC};

/// Labels of a job's pods: the job's name, the old way and the new.
const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
/// Labels of a job's pods: the job's uid, the old way and the new.
const UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];

pub(super) static JOB: Plain = Plain {
    counts_generation: true,
    default_propagation: Propagation::Orphan,
    field_labels: &["status.successful"],
    field_refusal: Some(|_, label| format!("field label {} not supported for Job", quoted(label))),
    field_value: Some(|object, _| object.at("status").number("succeeded").to_string()),
    default,
    prepare_create: |_, object| {
        prepare_create(object);
        Ok(())
    },
    prepare_update: |_, object, _| {
        prepare(object);
        Ok(())
    },
    validate_create,
    validate_update,
    shown_to_managers: |object| {
        let mut shown = object.clone();
        default_labels(&mut shown);
        Some(shown)
    },
    complete_stored: default_labels,
    check_delete: |cx, _, options| {
        warn_of_pods_left(cx, options);
        Ok(())
    },
    warn,
    ..Plain::DEFAULT
};

fn default(object: &mut Object) {
    workload::default_template(object);
    let Some(spec) = child(object.as_map_mut(), "spec") else {
        return;
    };
    if !spec.has("parallelism") {
        if !spec.has("completions") {
            fill(spec, "completions", 1);
        }
        fill(spec, "parallelism", 1);
    }
    let limit = if spec.has("backoffLimitPerIndex") {
        i32::MAX
    } else {
        6
    };
    fill(spec, "backoffLimit", limit);
    fill(spec, "completionMode", "NonIndexed");
    fill(spec, "suspend", false);
    let replacement = if spec.has("podFailurePolicy") {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    fill(spec, "podReplacementPolicy", replacement);
    fill(spec, "manualSelector", false);
}

/// Drops from a job's spec what gates keep out.
pub(super) fn drop_disabled(spec: &mut Map<String, Value>) {
    spec.remove("scheduling"); // WorkloadWithJob
    let template = spec.get_mut("template");
    let pods = template.and_then(|template| template.get_mut("spec"));
    if let Some(pods) = pods.and_then(Value::as_object_mut) {
        disabled::drop(pods);
    }
}

fn prepare_create(object: &mut Object) {
    if !object.at("spec").is_true("manualSelector") {
        generate_selector(object);
    }
    prepare(object);
}

fn prepare(object: &mut Object) {
    if let Some(spec) = child(object.as_map_mut(), "spec") {
        drop_disabled(spec);
    }
}

/// A job without labels has those of its template; once it is stored, the generated ones too.
fn default_labels(object: &mut Object) {
    let metadata = object.at("spec").at("template").at("metadata");
    let labels = metadata.at("labels").clone();
    let path = ["metadata", "labels"];
    if !labels.is_null() && object.get(&path).is_none_or(is_empty) {
        object.set(&path, labels);
    }
}

/// Labels the job's pods with its name and uid, and selects them by its uid.
fn generate_selector(object: &mut Object) {
    let (name, uid) = (object.name().to_owned(), object.uid().to_owned());
    let labels = ["spec", "template", "metadata", "labels"];
    let mut fill = |path: &[&str], value: &str| {
        if object.get(path).is_none() {
            object.set(path, value);
        }
    };
    for (keys, value) in [(NAME_LABELS, &name), (UID_LABELS, &uid)] {
        for key in keys {
            fill(&[&labels[..], &[key]].concat(), value);
        }
    }
    fill(&["spec", "selector", "matchLabels", UID_LABELS[1]], &uid);
}

fn warn(cx: &Context, object: &Object, old: Option<&Object>) {
    if cx.subresource == "status" {
        return;
    }
    if old.is_none() {
        workload::warn_of_name(cx, object);
    }
    if old.is_none_or(|old| old.generation() != object.generation()) {
        warn_of_spec(cx, &SPEC, object.at("spec"));
    }
}

/// Warns of pods that a deletion leaves behind.
fn warn_of_pods_left(cx: &Context, options: &DeleteOptions) {
    if options.propagation.is_none() {
        cx.warn(
            "child pods are preserved by default when jobs are deleted; set \
             propagationPolicy=Background to remove them or set propagationPolicy=Orphan to \
             suppress this warning",
        );
    }
}

/// Warns of what is odd in a job's spec.
pub(super) fn warn_of_spec(cx: &Context, path: &FieldPath, spec: &Value) {
    let is_large = spec.number("completions") > 100_000 && spec.number("parallelism") > 10_000;
    if spec.text("completionMode") == "Indexed" && is_large {
        cx.warn(format!(
            "{path}: In Indexed Jobs with a number of completions higher than 10^5 and a \
             parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes \
             when a big number of indexes fail"
        ));
    }
    let path = path.child("template");
    for warning in warnings::warnings(&path, spec.at("template"), true) {
        cx.warn(warning);
    }
}

fn validate_create(_cx: &Context, object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    spec::generated_selector(&mut errors, object);
    spec::of_job(&mut errors, object.at("spec"));
    spec::name(&mut errors, object);
    errors
}

fn validate_update(cx: &Context, object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if cx.subresource == "status" {
        status::validate(&mut errors, object, old);
        return errors;
    }
    spec::of_job(&mut errors, object.at("spec"));
    update::validate(&mut errors, object.at("spec"), old);
    spec::name(&mut errors, object);
    errors
}

//! What of a job may change.
//!
//! *Upstream:* `pkg/apis/batch/validation/validation.go` (`ValidateJobSpecUpdate`,
//! `validatePodTemplateUpdate`), `pkg/registry/batch/job/strategy.go`.

use serde_json::{Map, Value};

use super::status::is_true;
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::Look;
use crate::resources::shared::workload::{SPEC, immutable, immutable_struct};

/// Everything that changed although it may not.
pub(super) fn validate(errors: &mut FieldErrors, spec: &Value, old: &Object) {
    let old_spec = old.at("spec");
    completions(errors, spec, old_spec);
    let same = |errors: &mut FieldErrors, field: &str, kind: &str| {
        let path = SPEC.child(field);
        immutable_struct(errors, &path, kind, spec.at(field), old_spec.at(field));
    };
    same(errors, "selector", "*meta.LabelSelector");
    template(errors, spec, old);
    for (field, kind) in [
        ("completionMode", "*string"),
        ("podFailurePolicy", "*batch.PodFailurePolicy"),
        ("backoffLimitPerIndex", "*int"),
        ("managedBy", "*string"),
        ("successPolicy", "*batch.SuccessPolicy"),
    ] {
        same(errors, field, kind);
    }
}

/// Indexed jobs may grow and shrink, completions and parallelism together.
fn completions(errors: &mut FieldErrors, spec: &Value, old: &Value) {
    let path = SPEC.child("completions");
    let (new, old) = (spec.at("completions"), old.at("completions"));
    if spec.text("completionMode") != "Indexed" {
        immutable(errors, &path, new, old);
    } else if new != old && !new.is_null() && new != spec.at("parallelism") {
        errors.invalid(
            &path,
            new,
            "can only be modified in tandem with spec.parallelism",
        );
    }
}

/// The template of a job that is suspended and runs nothing may change in where its pods go and
/// in what they ask for.
fn template(errors: &mut FieldErrors, spec: &Value, old: &Object) {
    let old_spec = old.at("spec");
    let is_suspended = old_spec.is_true("suspend");
    let status = old.at("status");
    let may_change = is_suspended
        && (!status.has("startTime") || is_true(old, "Suspended"))
        && status.number("active") == 0;
    let new = spec.at("template");
    let path = SPEC.child("template");
    if !may_change {
        let old = old_spec.at("template");
        immutable_struct(errors, &path, "*core.PodTemplateSpec", new, old);
        return;
    }
    let mut munged = old_spec.at("template").clone();
    take_directives(&mut munged, new);
    let munged_spec = munged.at("spec");
    let mut comparable = munged_spec.clone();
    for list in ["containers", "initContainers"] {
        take_resources(&mut comparable, new.at("spec"), list);
    }
    let path = FieldPath::new("spec");
    immutable_struct(
        errors,
        &path.child("template.spec"),
        "core.PodSpec",
        new.at("spec"),
        &comparable,
    );
}

fn copy(to: &mut Map<String, Value>, from: &Value, field: &str) {
    match from.maybe(field) {
        Some(value) => {
            to.insert(field.to_owned(), value.clone());
        }
        None => {
            to.remove(field);
        }
    }
}

/// Takes over where pods may go.
fn take_directives(old: &mut Value, new: &Value) {
    let new = new.at("spec");
    let Some(old) = old.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let mut affinity = old.map("affinity").cloned().unwrap_or_default();
    let had_affinity = old.has("affinity");
    copy(&mut affinity, new.at("affinity"), "nodeAffinity");
    let is_gone = affinity.is_empty() && !new.has("affinity");
    if is_gone || !had_affinity && !new.has("affinity") {
        old.remove("affinity");
    } else {
        old.insert("affinity".to_owned(), Value::Object(affinity));
    }
    for field in ["nodeSelector", "tolerations", "schedulingGates"] {
        copy(old, new, field);
    }
}

/// Takes over what containers ask for.
fn take_resources(old: &mut Value, new: &Value, list: &str) {
    let new = new.list(list);
    let Some(old) = old.get_mut(list).and_then(Value::as_array_mut) else {
        return;
    };
    if old.len() != new.len() {
        return;
    }
    for (old, new) in old.iter_mut().zip(new) {
        if old.text("name") == new.text("name")
            && let Some(old) = old.as_object_mut()
        {
            copy(old, new, "resources");
        }
    }
}

//! What of a running pod's resources may change.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidatePodResize`).

use serde_json::{Map, Value};

use super::validate;
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::Look;
use crate::resources::shared::pod_template::{annotations, quality};

const SPEC: FieldPath<'static> = FieldPath::new("spec");
const ROOT: FieldPath<'static> = FieldPath::new("");
const ONLY: &str = "only cpu and memory resources are mutable";

pub(super) fn validate(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (spec, old_spec) = (object.at("spec"), old.at("spec"));
    if old
        .at("metadata")
        .at("annotations")
        .has(annotations::MIRROR)
    {
        errors.forbidden(&ROOT, "static pods cannot be resized");
        return errors;
    }
    if old_spec.at("os").text("name") == "windows" {
        errors.forbidden(&ROOT, "windows pods cannot be resized");
        return errors;
    }
    validate::any(&mut errors, object);
    let class = old.at("status").text("qosClass");
    if quality::class(spec) != class {
        let detail = "Pod QOS Class may not change as a result of resizing";
        errors.invalid(&SPEC, &class.into(), detail);
    }
    if !is_supported(old) {
        let detail = "Pod running on node without support for resize";
        errors.forbidden(&SPEC, detail);
    }
    let mut munged = spec.clone();
    pod_level(&mut errors, &mut munged, old_spec);
    if !same_order(&mut errors, spec, old_spec) {
        return errors;
    }
    containers(&mut errors, &mut munged, spec, old_spec);
    if spec.at("volumes") != old_spec.at("volumes") {
        errors.forbidden(
            &SPEC.child("volumes"),
            "volumes are immutable on resize when InPlacePodVerticalScalingMemoryBackedVolumes \
             feature gate is disabled",
        );
    }
    if errors.is_empty() && munged != *old_spec {
        errors.forbidden(&SPEC, ONLY);
    }
    errors
}

/// A node that knows of resizing reports the resources of what runs on it.
fn is_supported(old: &Object) -> bool {
    old.at("status")
        .list("containerStatuses")
        .iter()
        .find(|status| status.at("state").has("running"))
        .is_none_or(|status| status.has("resources"))
}

fn is_removed(new: &Value, old: &Value) -> bool {
    let old = old.as_object();
    old.is_some_and(|old| old.keys().any(|name| !new.has(name)))
}

/// Puts cpu and memory of the old resources in place of the new ones.
fn restore_compute(resources: &mut Map<String, Value>, old: &Value) {
    for which in ["limits", "requests"] {
        let mut list = resources.map(which).cloned().unwrap_or_default();
        for name in ["cpu", "memory"] {
            list.remove(name);
            if let Some(value) = old.at(which).maybe(name) {
                list.insert(name.to_owned(), value.clone());
            }
        }
        if list.is_empty() && !old.has(which) {
            resources.remove(which);
        } else {
            resources.insert(which.to_owned(), Value::Object(list));
        }
    }
}

/// Of the resources of the pod as a whole, too, only cpu and memory may change.
fn pod_level(errors: &mut FieldErrors, munged: &mut Value, old: &Value) {
    let is_set = |resources: &Value| {
        ["requests", "limits"]
            .iter()
            .any(|which| resources.map(which).is_some_and(|map| !map.is_empty()))
    };
    let old = old.at("resources");
    let new = munged.at("resources");
    if !is_set(old) && !is_set(new) {
        return;
    }
    let path = SPEC.child("resources");
    if new.is_null() {
        errors.forbidden(&path, "pod-level resources cannot be removed");
        return;
    }
    if !old.is_null() {
        removed(errors, &path, new, old, "pod-level ");
    }
    if let Some(resources) = munged.get_mut("resources").and_then(Value::as_object_mut) {
        restore_compute(resources, old);
    }
    if munged.at("resources") != old {
        let detail = "only cpu and memory resources are mutable at pod-level";
        errors.forbidden(&SPEC, detail);
    }
}

fn removed(errors: &mut FieldErrors, path: &FieldPath, new: &Value, old: &Value, level: &str) {
    for which in ["requests", "limits"] {
        if is_removed(new.at(which), old.at(which)) {
            let detail = format!("{level}resource {which} cannot be removed");
            errors.forbidden(&path.child(which), detail);
        }
    }
}

/// Containers are neither added, removed, renamed nor moved.
fn same_order(errors: &mut FieldErrors, new: &Value, old: &Value) -> bool {
    let before = errors.len();
    for list in ["containers", "initContainers"] {
        let path = SPEC.child(list);
        let (new, old) = (new.list(list), old.list(list));
        if new.len() != old.len() {
            let detail = format!("{list} may not be added or removed on resize");
            errors.forbidden(&path, detail);
            continue;
        }
        for (i, (new, old)) in new.iter().zip(old).enumerate() {
            if new.text("name") != old.text("name") {
                let path = path.index(i);
                let detail = format!("{list} may not be renamed or reordered on resize");
                errors.forbidden(&path.child("name"), detail);
            }
        }
    }
    errors.len() == before
}

fn containers(errors: &mut FieldErrors, munged: &mut Value, new: &Value, old: &Value) {
    for list in ["initContainers", "containers"] {
        let path = SPEC.child(list);
        for (i, (new, old)) in new.list(list).iter().zip(old.list(list)).enumerate() {
            let path = path.index(i);
            let path = path.child("resources");
            removed(errors, &path, new.at("resources"), old.at("resources"), "");
        }
    }
    for list in ["containers", "initContainers"] {
        let path = SPEC.child(list);
        let Some(Value::Array(items)) = munged.get_mut(list) else {
            continue;
        };
        for (i, (container, old)) in items.iter_mut().zip(old.list(list)).enumerate() {
            let is_changed = container != old;
            if let Some(Value::Object(resources)) = container.get_mut("resources") {
                restore_compute(resources, old.at("resources"));
            }
            let is_initial = list == "initContainers";
            if container != old {
                if is_initial {
                    errors.forbidden(
                        &path.index(i),
                        "only cpu and memory resources for init or sidecar containers are mutable",
                    );
                } else {
                    errors.forbidden(&SPEC, ONLY);
                }
            }
            let is_sidecar = old.text("restartPolicy") == "Always";
            if is_initial && is_changed && !is_sidecar {
                let policies = container.list("resizePolicy").iter();
                let restarts = policies
                    .filter(|policy| policy.text("restartPolicy") == "RestartContainer")
                    .count();
                for _ in 0..restarts {
                    errors.forbidden(
                        &path.index(i),
                        "non-sidecar init containers with a resize policy of RestartContainer \
                         cannot be resized",
                    );
                }
            }
        }
    }
}

//! What a pod is made before it is checked and stored.
//!
//! *Upstream:* `pkg/registry/core/pod/strategy.go` (`PrepareForCreate`, `PrepareForUpdate`).

use serde_json::{Map, Value, json};

use crate::object::{FieldPath, Object, time};
use crate::registry::Context;
use crate::resources::shared::look::{Look, child};
use crate::resources::shared::pod_spec::security;
use crate::resources::shared::pod_template::{annotations, defaults, disabled, quality};

/// A new pod: pending, with the class its resources give it.
pub(super) fn create(cx: &Context, object: &mut Object) {
    let mut status = json!({ "phase": "Pending" });
    if !object.at("spec").list("schedulingGates").is_empty() {
        status["conditions"] = json!([{
            "type": "PodScheduled",
            "status": "False",
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
            "lastProbeTime": null,
            "lastTransitionTime": time::seconds(cx.now),
        }]);
    }
    let labels = object.at("metadata").at("labels").clone();
    let annotations = object.at("metadata").at("annotations").clone();
    if let Some(spec) = child(object.as_map_mut(), "spec") {
        disabled::drop(spec);
        merge_label_keys(spec, &labels);
        app_armor(cx, spec, &annotations);
    }
    if let Some(spec) = object.get_mut(&["spec"]) {
        defaults::pod_level_resources(spec);
    }
    status["qosClass"] = quality::class(object.at("spec")).into();
    object.set(&["status"], status);
}

/// A new state of a pod.
pub(super) fn update(object: &mut Object, old: &Object) {
    let resources = old.at("spec").at("resources");
    if let Some(spec) = child(object.as_map_mut(), "spec") {
        // Clients that do not know the field drop it.
        if !spec.has("resources") && !resources.is_null() {
            spec.insert("resources".to_owned(), resources.clone());
        }
        disabled::drop(spec);
    }
}

/// Terms that name keys of the pod's own labels get the pod's values for them.
fn merge_label_keys(spec: &mut Map<String, Value>, labels: &Value) {
    if let Some(affinity) = spec.get_mut("affinity") {
        for kind in ["podAffinity", "podAntiAffinity"] {
            let Some(kind) = affinity.get_mut(kind) else {
                continue;
            };
            for term in items(kind, "requiredDuringSchedulingIgnoredDuringExecution") {
                merge_into_selector(term, labels);
            }
            for term in items(kind, "preferredDuringSchedulingIgnoredDuringExecution") {
                if let Some(term) = term.get_mut("podAffinityTerm") {
                    merge_into_selector(term, labels);
                }
            }
        }
    }
    for constraint in spec
        .get_mut("topologySpreadConstraints")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        merge_into_selector(constraint, labels);
    }
}

fn items<'a>(holder: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = holder.get_mut(name).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

fn merge_into_selector(term: &mut Value, labels: &Value) {
    let mut added = Vec::new();
    for (field, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        for key in term.texts(field) {
            if let Some(value) = labels.maybe_text(key) {
                added.push(json!({ "key": key, "operator": operator, "values": [value] }));
            }
        }
    }
    let Some(selector) = term.get_mut("labelSelector").and_then(Value::as_object_mut) else {
        return;
    };
    if added.is_empty() {
        return;
    }
    match selector.get_mut("matchExpressions") {
        Some(Value::Array(expressions)) => expressions.extend(added),
        _ => {
            selector.insert("matchExpressions".to_owned(), added.into());
        }
    }
}

/// `AppArmor` profiles that annotations say become fields.
fn app_armor(cx: &Context, spec: &mut Map<String, Value>, said: &Value) {
    let has_any = said.as_object().is_some_and(|said| {
        said.keys()
            .any(|key| key.starts_with(annotations::APP_ARMOR))
    });
    if !has_any || spec.at("os").text("name") == "windows" {
        return;
    }
    let of_pod = spec.at("securityContext").at("appArmorProfile").clone();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let Some(list) = spec.get_mut(list).and_then(Value::as_array_mut) else {
            continue;
        };
        for container in list.iter_mut().filter_map(Value::as_object_mut) {
            let key = format!("{}{}", annotations::APP_ARMOR, container.text("name"));
            let Some(text) = said.maybe_text(&key) else {
                continue;
            };
            if container.at("securityContext").has("appArmorProfile") {
                continue;
            }
            let field = annotations::app_armor_field(text).filter(|field| {
                let mut errors = crate::error::FieldErrors::new();
                security::app_armor_profile(&mut errors, &FieldPath::ROOT, field);
                errors.is_empty()
            });
            let is_as_pod = field.as_ref() == Some(&of_pod);
            if let Some(field) = field.filter(|_| !is_as_pod)
                && let Some(context) = child(container, "securityContext")
            {
                context.insert("appArmorProfile".to_owned(), field);
            }
            if !is_as_pod {
                let metadata = FieldPath::new("metadata");
                let path = metadata.child("annotations");
                cx.warn(format!(
                    "{}: deprecated since v1.30; use the \"appArmorProfile\" field instead",
                    path.key(&key)
                ));
            }
        }
    }
}

//! What of a pod may change.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidatePodUpdate`,
//! `ValidatePodEphemeralContainersUpdate`).

use serde_json::{Map, Value};

use super::validate;
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::look::Look;
use crate::resources::shared::names::range;
use crate::resources::shared::pod_spec::scheduling;
use crate::resources::shared::pod_template::annotations;
use crate::resources::shared::quantity::differs;
use crate::schema::go_struct;

const METADATA: FieldPath<'static> = FieldPath::new("metadata");
const SPEC: FieldPath<'static> = FieldPath::new("spec");

const UPDATABLE: &str = "pod updates may not change fields other than \
     `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
     `spec.tolerations` (only additions to existing tolerations),\
     `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

pub(super) fn validate(cx: &Context, object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    any(&mut errors, object, old);
    let (spec, old_spec) = (object.at("spec"), old.at("spec"));
    for field in ["containers", "initContainers"] {
        if !same_containers(&mut errors, field, spec, old_spec) {
            return errors;
        }
    }
    if !deadline(&mut errors, spec, old_spec) {
        return errors;
    }
    tolerations(&mut errors, spec, old_spec);
    gates(&mut errors, spec, old_spec);
    if spec != old_spec {
        rest(&mut errors, cx, spec, old_spec);
    }
    errors
}

/// What is wrong with the new state by itself, and with its annotations.
fn any(errors: &mut FieldErrors, object: &Object, old: &Object) {
    validate::any(errors, object);
    let (metadata, path) = (object.at("metadata"), METADATA.child("annotations"));
    annotations::validate_update(errors, &path, metadata, old.at("metadata"));
    annotations::validate(errors, &path, metadata, object.at("spec"));
}

/// Containers may change their image only.
fn same_containers(errors: &mut FieldErrors, field: &str, new: &Value, old: &Value) -> bool {
    let path = SPEC.child(field);
    let (new, old) = (new.list(field), old.list(field));
    if new.len() != old.len() {
        errors.forbidden(&path, "pod updates may not add or remove containers");
        return false;
    }
    for (i, container) in new.iter().enumerate() {
        let path = path.index(i);
        if container.text("image").is_empty() {
            errors.required(&path.child("image"), "");
        }
        validate::image(errors, &path, container);
    }
    true
}

/// A deadline may be set, and come closer.
fn deadline(errors: &mut FieldErrors, new: &Value, old: &Value) -> bool {
    let path = SPEC.child("activeDeadlineSeconds");
    let old = old.integer("activeDeadlineSeconds");
    match new.integer("activeDeadlineSeconds") {
        Some(seconds) => {
            let most = i64::from(i32::MAX);
            if !(0..=most).contains(&seconds) {
                errors.invalid(&path, &seconds.into(), range(0, most));
                return false;
            }
            if old.is_some_and(|old| old < seconds) {
                let detail = "must be less than or equal to previous value";
                errors.invalid(&path, &seconds.into(), detail);
                return false;
            }
        }
        None if old.is_some() => errors.invalid(
            &path,
            &Value::Null,
            "must not update from a positive integer to nil value",
        ),
        None => {}
    }
    true
}

/// Tolerations may be added, and take longer or shorter.
fn tolerations(errors: &mut FieldErrors, new: &Value, old: &Value) {
    let path = SPEC.child("tolerations");
    let but_seconds = |toleration: &Value| {
        let mut map = toleration.as_object().cloned().unwrap_or_default();
        map.remove("tolerationSeconds");
        map
    };
    let is_kept = |old: &Value| {
        let old = but_seconds(old);
        new.list("tolerations")
            .iter()
            .any(|new| but_seconds(new) == old)
    };
    if new.at("tolerations") != old.at("tolerations")
        && !old.list("tolerations").iter().all(is_kept)
    {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        errors.forbidden(&path, detail);
        return;
    }
    scheduling::tolerations(errors, &path, new.list("tolerations"));
}

/// Gates may only open.
fn gates(errors: &mut FieldErrors, new: &Value, old: &Value) {
    let path = SPEC.child("schedulingGates");
    let old = old.list("schedulingGates");
    for (i, gate) in new.list("schedulingGates").iter().enumerate() {
        let name = gate.text("name");
        if old.iter().all(|other| other.text("name") != name) {
            errors.forbidden(
                &path.index(i).child("name"),
                format!("only deletion is allowed, but found new scheduling gate '{name}'"),
            );
        }
    }
}

/// Everything else stays as it was.
fn rest(errors: &mut FieldErrors, cx: &Context, new: &Value, old: &Value) {
    let mut munged = new.as_object().cloned().unwrap_or_default();
    for field in ["containers", "initContainers"] {
        if let Some(Value::Array(list)) = munged.get_mut(field) {
            for (container, old) in list.iter_mut().zip(old.list(field)) {
                container["image"] = old.at("image").clone();
            }
        }
    }
    for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        restore(&mut munged, old, field);
    }
    let grace = "terminationGracePeriodSeconds";
    if old.number(grace) < 0 && munged.number(grace) == 1 {
        restore(&mut munged, old, grace);
    }
    if !old.list("schedulingGates").is_empty() {
        node_selector(errors, &mut munged, old);
        node_affinity(errors, &mut munged, old);
    }
    let munged = Value::Object(munged);
    if differs(&munged, old) {
        let mut shown = cx.with_emptied("spec", &munged);
        show_requests(&mut shown);
        let difference = go_struct::difference("core.PodSpec", old, &shown);
        errors.forbidden(&SPEC, format!("{UPDATABLE}\n{difference}"));
    }
}

/// Requests are there, and empty, where limits are: defaults follow them one by one.
fn show_requests(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let resources = container
                .get_mut("resources")
                .and_then(Value::as_object_mut);
            if let Some(resources) = resources.filter(|all| all.contains_key("limits")) {
                let requests = resources.entry("requests");
                requests.or_insert_with(|| Map::new().into());
            }
        }
    }
}

fn restore(map: &mut Map<String, Value>, old: &Value, field: &str) {
    match old.maybe(field) {
        Some(value) => {
            map.insert(field.to_owned(), value.clone());
        }
        None => {
            map.remove(field);
        }
    }
}

/// The selector of a gated pod may grow.
fn node_selector(errors: &mut FieldErrors, munged: &mut Map<String, Value>, old: &Value) {
    let new = munged.at("nodeSelector");
    if new != old.at("nodeSelector") {
        let is_kept = old
            .entries("nodeSelector")
            .all(|(key, value)| new.maybe(key) == Some(value));
        if !is_kept {
            errors.invalid(
                &SPEC.child("nodeSelector"),
                new,
                "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
            );
        }
    }
    restore(munged, old, "nodeSelector");
}

/// The node affinity of a gated pod may become narrower.
fn node_affinity(errors: &mut FieldErrors, munged: &mut Map<String, Value>, old: &Value) {
    let old_affinity = old.at("affinity").at("nodeAffinity");
    let new_affinity = munged.at("affinity").at("nodeAffinity");
    if new_affinity == old_affinity {
        return;
    }
    narrower(errors, new_affinity, old_affinity);
    let mut affinity = munged.map("affinity").cloned().unwrap_or_default();
    restore(&mut affinity, old.at("affinity"), "nodeAffinity");
    if affinity.is_empty() && !old.has("affinity") {
        munged.remove("affinity");
    } else {
        munged.insert("affinity".to_owned(), Value::Object(affinity));
    }
}

fn narrower(errors: &mut FieldErrors, new: &Value, old: &Value) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let affinity = SPEC.child("affinity");
    let path = affinity.child("nodeAffinity");
    let path = path.child(REQUIRED);
    let path = path.child("nodeSelectorTerms");
    let new = new.at(REQUIRED);
    let terms = new.list("nodeSelectorTerms");
    let old_terms = old.at(REQUIRED).list("nodeSelectorTerms");
    if !old_terms.is_empty() && old_terms.len() != terms.len() {
        errors.invalid(
            &path,
            new.at("nodeSelectorTerms"),
            "no additions/deletions to non-empty NodeSelectorTerms list are allowed",
        );
        return;
    }
    for (i, (old, new)) in old_terms.iter().zip(terms).enumerate() {
        let fields = ["matchExpressions", "matchFields"];
        let was_empty = fields.iter().all(|field| old.list(field).is_empty());
        let is_empty = fields.iter().all(|field| new.list(field).is_empty());
        let is_kept = fields
            .iter()
            .all(|field| new.list(field).starts_with(old.list(field)));
        if !is_kept || was_empty && !is_empty {
            let detail = "only additions are allowed (no mutations or deletions)";
            errors.invalid(&path.index(i), new, detail);
        }
    }
}

/// Ephemeral containers may only be added.
pub(super) fn ephemeral_containers(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if old
        .at("metadata")
        .at("annotations")
        .has(annotations::MIRROR)
    {
        let detail = "static pods do not support ephemeral containers";
        errors.forbidden(&FieldPath::new(""), detail);
        return errors;
    }
    any(&mut errors, object, old);
    let path = SPEC.child("ephemeralContainers");
    let new = object.at("spec").list("ephemeralContainers");
    for old in old.at("spec").list("ephemeralContainers") {
        let name = old.text("name");
        match new.iter().rfind(|new| new.text("name") == name) {
            None => errors.forbidden(
                &path,
                format!("existing ephemeral containers {name:?} may not be removed\n"),
            ),
            Some(new) if new != old => {
                let what = go_struct::difference("core.EphemeralContainer", old, new);
                errors.forbidden(
                    &path,
                    format!("existing ephemeral containers {name:?} may not be changed\n{what}"),
                );
            }
            Some(_) => {}
        }
    }
    errors
}

//! Claims to persistent volumes.
//!
//! *Upstream:* `pkg/registry/core/persistentvolumeclaim/strategy.go`,
//! `pkg/api/persistentvolumeclaim/util.go`, `pkg/apis/core/validation/validation.go`
//! (`ValidatePersistentVolumeClaim`).

use serde_json::{Map, Value, json};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::look::{Look, fill};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template::defaults::round_at;
use crate::resources::shared::quantity::{Amount, differs};
use crate::resources::shared::text::immutable;
use crate::resources::shared::{claim_spec, names};
use crate::schema::go_struct;

const SPEC: FieldPath = FieldPath::new("spec");
const STATUS: FieldPath = FieldPath::new("status");
/// How far a claim's growth may be.
const RESIZES: [&str; 5] = [
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
];
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// What is special about claims.
pub static PERSISTENT_VOLUME_CLAIM: Plain = Plain {
    answers_deleted_object: true,
    default: |object| {
        if let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) {
            fill(spec, "volumeMode", "Filesystem");
        }
        let places: [&[&str]; 4] = [
            &["spec", "resources", "limits"],
            &["spec", "resources", "requests"],
            &["status", "capacity"],
            &["status", "allocatedResources"],
        ];
        round_at(object, &places);
    },
    prepare_create: |_, object| {
        normalize_sources(object, None);
        object.set(&["status"], json!({"phase": "Pending"}));
        Ok(())
    },
    prepare_update: |cx, object, old| {
        if cx.subresource.is_empty() {
            normalize_sources(object, Some(old));
        } else if !old.at("status").has("healthStatus") {
            // CSIVolumeHealth is off.
            object.remove(&["status", "healthStatus"]);
        }
        Ok(())
    },
    validate_create: |_, object| validate(object),
    validate_update: |cx, object, old| {
        if cx.subresource == "status" {
            return status(object);
        }
        let mut errors = validate(object);
        errors.extend(update(cx, object, old));
        errors
    },
    warn: |cx, object, _| warn(cx, object),
    ..Plain::DEFAULT
};

/// `dataSource` and `dataSourceRef` say the same; what the older one cannot say is dropped from it.
fn normalize_sources(object: &mut Object, old: Option<&Object>) {
    let had_source = old.is_some_and(|old| old.at("spec").has("dataSource"));
    let spec = object.at("spec");
    if let Some(source) = spec.maybe("dataSource")
        && !had_source
        && !spec.has("dataSourceRef")
        && !is_classic(source)
    {
        object.remove(&["spec", "dataSource"]);
    }
    // CrossNamespaceVolumeDataSource is off.
    let has_namespace = |object: &Object| {
        let source = object.at("spec").at("dataSourceRef");
        !source.text("namespace").is_empty()
    };
    if has_namespace(object) && !old.is_some_and(|old| old.at("spec").has("dataSourceRef")) {
        object.remove(&["spec", "dataSourceRef"]);
    }
    let spec = object.at("spec");
    let copy = |from: &Value| -> Map<String, Value> {
        ["apiGroup", "kind", "name"]
            .into_iter()
            .filter(|field| from.has(field))
            .map(|field| (field.to_owned(), from.at(field).clone()))
            .collect()
    };
    match (spec.maybe("dataSource"), spec.maybe("dataSourceRef")) {
        (Some(source), None) => {
            let copy = copy(source);
            object.set(&["spec", "dataSourceRef"], copy);
        }
        (None, Some(source)) if source.text("namespace").is_empty() => {
            let copy = copy(source);
            object.set(&["spec", "dataSource"], copy);
        }
        _ => {}
    }
}

/// Whether a source is one that the older field may name.
fn is_classic(source: &Value) -> bool {
    let group = source.text("apiGroup");
    match source.text("kind") {
        "PersistentVolumeClaim" => group.is_empty(),
        "VolumeSnapshot" => group == "snapshot.storage.k8s.io",
        _ => false,
    }
}

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    claim_spec::spec(&mut errors, &SPEC, object.at("spec"));
    errors
}

/// The new spec, with the old values of what may change.
fn comparable(object: &Object, old: &Object, is_bound: bool) -> Value {
    let mut spec = object.at("spec").clone();
    let before = old.at("spec");
    let Some(map) = spec.as_object_mut() else {
        return spec;
    };
    let annotation = |object: &Object| {
        let mut annotations = object.annotations();
        let found = annotations.find(|(key, _)| *key == BETA_CLASS);
        found.map(|(_, value)| value.to_owned())
    };
    // A class may be named once, if no annotation named another.
    if let Some(class) = map.maybe_text("storageClassName")
        && !before.has("storageClassName")
        && annotation(old).is_none_or(|old| old == class)
    {
        map.remove("storageClassName");
    }
    if !is_bound {
        return spec;
    }
    let restore = |map: &mut Map<String, Value>, before: &Value, field: &str| {
        match before.maybe(field) {
            Some(value) => map.insert(field.to_owned(), value.clone()),
            None => map.remove(field),
        };
    };
    restore(map, before, "volumeAttributesClassName");
    let requests = map
        .get_mut("resources")
        .and_then(|all| all.get_mut("requests"));
    if let Some(requests) = requests.and_then(Value::as_object_mut) {
        restore(requests, before.at("resources").at("requests"), "storage");
    }
    spec
}

fn update(cx: &Context, object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let is_bound = object.at("status").text("phase") == "Bound";
    let mut before = old.at("spec").clone();
    let volume = object.at("spec").maybe("volumeName");
    if let (Some(map), Some(volume)) = (before.as_object_mut(), volume)
        && map.text("volumeName").is_empty()
    {
        // The volume may be named once.
        map.insert("volumeName".to_owned(), volume.clone());
    }
    let spec = comparable(object, old, is_bound);
    if differs(&spec, &before) {
        let spec = cx.with_emptied("spec", &spec);
        let difference = go_struct::difference("core.PersistentVolumeClaimSpec", &before, &spec);
        let detail = "spec is immutable after creation except resources.requests and \
                      volumeAttributesClassName for bound claims";
        errors.forbidden(&SPEC, format!("{detail}\n{difference}"));
    }
    let size = |value: &Value| Amount::parse(value.text("storage")).unwrap_or(Amount::ZERO);
    let new_size = size(object.at("spec").at("resources").at("requests"));
    let old_size = size(old.at("spec").at("resources").at("requests"));
    if new_size < old_size && new_size <= size(old.at("status").at("capacity")) {
        let path = SPEC.child("resources");
        let path = path.child("requests");
        errors.forbidden(
            &path.child("storage"),
            "field can not be less than status.capacity",
        );
    }
    let (new_mode, old_mode) = (
        object.at("spec").at("volumeMode"),
        old.at("spec").at("volumeMode"),
    );
    immutable(
        &mut errors,
        &FieldPath::new("volumeMode"),
        new_mode,
        old_mode,
    );
    attributes_class(&mut errors, object, old);
    errors
}

fn attributes_class(errors: &mut FieldErrors, object: &Object, old: &Object) {
    const CLASS: &str = "volumeAttributesClassName";
    let (new, before) = (object.at("spec").at(CLASS), old.at("spec").at(CLASS));
    if new == before || !old.at("status").has("currentVolumeAttributesClassName") {
        return;
    }
    let what = match new.as_str() {
        None => "nil",
        Some("") => "empty string",
        Some(_) => return,
    };
    let detail = format!(
        "update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil"
    );
    errors.forbidden(&SPEC.child(CLASS), detail);
}

fn status(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let status = object.at("status");
    let path = STATUS.child("capacity");
    for (name, value) in status.entries("capacity") {
        basic_resource(&mut errors, &path.key(name), value);
    }
    let path = STATUS.child("allocatedResourceStatuses");
    for (name, value) in status.entries("allocatedResourceStatuses") {
        resource_key(&mut errors, &path, name);
        if !value.as_str().is_some_and(|value| RESIZES.contains(&value)) {
            errors.not_supported(&path, &name.into(), &RESIZES);
        }
    }
    let path = STATUS.child("allocatedResources");
    for (name, value) in status.entries("allocatedResources") {
        if resource_key(&mut errors, &path, name) {
            basic_resource(&mut errors, &path.key(name), value);
        }
    }
    errors
}

/// An amount must not be negative.
fn basic_resource(errors: &mut FieldErrors, path: &FieldPath, value: &Value) {
    let amount = value.as_str().and_then(Amount::parse);
    if let Some(amount) = amount.filter(|amount| amount.is_negative()) {
        let shown = amount.value().into();
        errors.invalid(path, &shown, "must be a valid resource quantity");
    }
}

/// Of the resources without a domain, a claim has storage only. Whether the name will do.
fn resource_key(errors: &mut FieldErrors, path: &FieldPath, name: &str) -> bool {
    let wrong = names::check_qualified_name(name);
    let is_native = !name.contains('/') || name.contains("kubernetes.io/");
    if wrong.is_empty() && is_native && name != "storage" {
        errors.not_supported(path, &name.into(), &["storage"]);
        return false;
    }
    let is_good = wrong.is_empty();
    names::report(errors, path, name, wrong);
    is_good
}

fn warn(cx: &Context, object: &Object) {
    if cx.subresource == "status" {
        return;
    }
    if object.annotations().any(|(key, _)| key == BETA_CLASS) {
        cx.warn(format!(
            "metadata.annotations[{BETA_CLASS}]: deprecated since v1.8; use \"storageClassName\" \
             attribute instead"
        ));
    }
    for field in ["requests", "limits"] {
        let text = object.at("spec").at("resources").at(field).text("storage");
        if Amount::parse(text).is_some_and(|amount| !amount.is_whole()) {
            cx.warn(format!(
                "spec.resources.{field}[storage]: fractional byte value {text:?} is invalid, must \
                 be an integer"
            ));
        }
    }
}

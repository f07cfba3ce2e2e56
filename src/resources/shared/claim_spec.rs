//! The spec of a claim to storage, alone or as a template in pods and stateful sets.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidatePersistentVolumeClaimSpec`,
//! `ValidatePersistentVolumeClaimTemplate`).

use serde_json::Value;

use super::label_selector;
use super::look::Look;
use super::names::{check_label, check_subdomain, one_of, report, required};
use super::quantity::Amount;
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Ways to mount a volume.
pub const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];

/// Ways to mount a volume, of which there is one at least.
pub fn required_access_modes(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let modes: Vec<&str> = spec.texts("accessModes").collect();
    if modes.is_empty() {
        errors.required(path, "");
    }
    for mode in &modes {
        one_of(errors, path, mode, &ACCESS_MODES);
    }
    let known = modes.iter().filter(|mode| ACCESS_MODES.contains(mode));
    if modes.contains(&"ReadWriteOncePod") && known.clone().any(|mode| *mode != "ReadWriteOncePod")
    {
        errors.forbidden(path, "may not use ReadWriteOncePod with other access modes");
    }
}

/// Everything that is wrong with a claim's spec.
pub fn spec(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    if spec.list("accessModes").is_empty() {
        let detail = "at least 1 access mode is required";
        errors.required(&path.child("accessModes"), detail);
    }
    label_selector::selector(errors, &path.child("selector"), spec.at("selector"));
    access_modes(errors, &path.child("accessModes"), spec);
    storage(errors, path, spec);
    for (field, is_mode) in [("storageClassName", false), ("volumeMode", true)] {
        let path = path.child(field);
        match spec.maybe_text(field) {
            Some(mode) if is_mode => one_of(errors, &path, mode, &["Block", "Filesystem"]),
            Some(name) if !name.is_empty() => report(errors, &path, name, check_subdomain(name)),
            _ => {}
        }
    }
    data_sources(errors, path, spec);
    let class = spec.text("volumeAttributesClassName");
    if !class.is_empty() {
        let path = path.child("volumeAttributesClassName");
        report(errors, &path, class, check_subdomain(class));
    }
}

fn access_modes(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let (mut is_single, mut is_other) = (false, false);
    for mode in spec.texts("accessModes") {
        one_of(errors, path, mode, &ACCESS_MODES);
        is_single |= mode == "ReadWriteOncePod";
        is_other |= mode != "ReadWriteOncePod" && ACCESS_MODES.contains(&mode);
    }
    if is_single && is_other {
        errors.forbidden(path, "may not use ReadWriteOncePod with other access modes");
    }
}

fn storage(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let resources = path.child("resources");
    let path = resources.key("storage");
    let amount = spec.at("resources").at("requests").maybe("storage");
    let Some(amount) = amount else {
        errors.required(&path, "");
        return;
    };
    let is_positive = amount
        .as_str()
        .and_then(Amount::parse)
        .is_some_and(|amount| amount > Amount::ZERO);
    if !is_positive {
        errors.invalid(&path, amount, "must be greater than zero");
    }
}

fn data_sources(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let (source, reference) = (spec.maybe("dataSource"), spec.maybe("dataSourceRef"));
    if let Some(source) = source {
        data_source(errors, &path.child("dataSource"), source);
    }
    let Some(reference) = reference else {
        return;
    };
    let reference_path = path.child("dataSourceRef");
    data_source(errors, &reference_path, reference);
    let namespace = reference.text("namespace");
    if !namespace.is_empty() {
        let path = reference_path.child("namespace");
        report(errors, &path, namespace, check_label(namespace));
    }
    let Some(source) = source else {
        return;
    };
    let parts = ["apiGroup", "kind", "name"];
    let is_same = parts
        .iter()
        .all(|part| source.maybe_text(part) == reference.maybe_text(part));
    let detail = if !namespace.is_empty() {
        "may not be specified when dataSourceRef.namespace is specified"
    } else if !is_same {
        "must match dataSourceRef"
    } else {
        return;
    };
    // Upstream prints the path it means as the value.
    errors.invalid_text(path, "{}", detail);
}

fn data_source(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    let kind = source.text("kind");
    required(errors, &path.child("name"), source.text("name"));
    required(errors, &path.child("kind"), kind);
    let group = source.text("apiGroup");
    if group.is_empty() {
        if kind != "PersistentVolumeClaim" {
            errors.invalid(
                path,
                &kind.into(),
                "must be 'PersistentVolumeClaim' when referencing the default apiGroup",
            );
        }
    } else {
        let path = path.child("apiGroup");
        report(errors, &path, group, check_subdomain(group));
    }
}

/// Everything that is wrong with a template of a claim: of its metadata, only labels and
/// annotations may be set.
pub fn template(errors: &mut FieldErrors, path: &FieldPath, template: &Value) {
    template_metadata(errors, &path.child("metadata"), template.at("metadata"));
    spec(errors, &path.child("spec"), template.at("spec"));
}

/// Metadata of a template that becomes an object whose name is given.
pub fn template_metadata(errors: &mut FieldErrors, path: &FieldPath, metadata: &Value) {
    label_selector::annotations(
        errors,
        &path.child("annotations"),
        metadata.at("annotations"),
    );
    label_selector::labels(errors, &path.child("labels"), metadata.at("labels"));
    // In the order of Go's struct.
    let others = [
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "ownerReferences",
        "finalizers",
        "managedFields",
    ];
    for field in others {
        let is_zero = match metadata.maybe(field) {
            None => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Number(number)) => number.as_i64() == Some(0) && field == "generation",
            Some(Value::Array(items)) => items.is_empty(),
            Some(_) => false,
        };
        if !is_zero {
            let field = if field == "uid" { "uID" } else { field };
            errors.forbidden(&path.child(field), "cannot be set");
        }
    }
}

/// The name of a CSI driver.
pub fn csi_driver_name(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    if name.is_empty() {
        errors.required(path, "");
        return;
    }
    if name.len() > 63 {
        errors.too_long(path, 63);
    }
    report(errors, path, name, check_subdomain(&name.to_lowercase()));
}

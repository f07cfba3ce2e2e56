//! Where containers mount the volumes of their pod.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidateVolumeMounts`,
//! `ValidateVolumeDevices`).

use serde_json::Value;

use super::super::look::Look;
use super::super::names::{has_step_back, local_path, one_of};
use super::Pod;
use crate::error::FieldErrors;
use crate::object::FieldPath;

pub(super) fn mounts(errors: &mut FieldErrors, path: &FieldPath, container: &Value, pod: &Pod) {
    let all = container.list("volumeMounts");
    let devices = container.list("volumeDevices");
    for (i, mount) in all.iter().enumerate() {
        let item = path.index(i);
        let (name, place) = (mount.text("name"), mount.text("mountPath"));
        let (name_path, place_path) = (item.child("name"), item.child("mountPath"));
        if name.is_empty() {
            errors.required(&name_path, "");
        }
        if pod.volume(name).is_none() {
            errors.not_found(&name_path, &name.into());
        }
        if place.is_empty() {
            errors.required(&place_path, "");
        }
        if all[..i].iter().any(|m| m.text("mountPath") == place) {
            errors.invalid(&place_path, &place.into(), "must be unique");
        }
        if devices.iter().any(|d| d.text("name") == name) {
            let detail = "must not already exist in volumeDevices";
            errors.invalid(&name_path, &name.into(), detail);
        }
        if devices.iter().any(|d| d.text("devicePath") == place) {
            let detail = "must not already exist as a path in volumeDevices";
            errors.invalid(&place_path, &place.into(), detail);
        }
        sub_paths(errors, path, &item, mount);
        propagation(errors, &path.child("mountPropagation"), mount, container);
        read_only(errors, &path.child("recursiveReadOnly"), mount);
    }
}

/// Upstream names the list in these errors, not the item.
fn sub_paths(errors: &mut FieldErrors, list: &FieldPath, item: &FieldPath, mount: &Value) {
    let (sub, expression) = (mount.text("subPath"), mount.text("subPathExpr"));
    if !sub.is_empty() {
        local_path(errors, &list.child("subPath"), sub);
    }
    if !expression.is_empty() {
        if !sub.is_empty() {
            errors.invalid(
                &item.child("subPathExpr"),
                &expression.into(),
                "subPathExpr and subPath are mutually exclusive",
            );
        }
        local_path(errors, &list.child("subPathExpr"), expression);
    }
}

fn propagation(errors: &mut FieldErrors, path: &FieldPath, mount: &Value, container: &Value) {
    let Some(propagation) = mount.maybe_text("mountPropagation") else {
        return;
    };
    let all = ["Bidirectional", "HostToContainer", "None"];
    one_of(errors, path, propagation, &all);
    let is_privileged = container.at("securityContext").is_true("privileged");
    if propagation == "Bidirectional" && !is_privileged {
        errors.forbidden(
            path,
            "Bidirectional mount propagation is available only to privileged containers",
        );
    }
}

fn read_only(errors: &mut FieldErrors, path: &FieldPath, mount: &Value) {
    let Some(mode) = mount.maybe_text("recursiveReadOnly") else {
        return;
    };
    match mode {
        "Disabled" => {}
        "Enabled" | "IfPossible" => {
            if !mount.is_true("readOnly") {
                errors.forbidden(path, "may only be specified when readOnly is true");
            }
            if !matches!(mount.maybe_text("mountPropagation"), None | Some("None")) {
                errors.forbidden(
                    path,
                    "may only be specified when mountPropagation is None or not specified",
                );
            }
        }
        other => errors.not_supported(path, &other.into(), &["Disabled", "Enabled", "IfPossible"]),
    }
}

pub(super) fn devices(errors: &mut FieldErrors, path: &FieldPath, container: &Value, pod: &Pod) {
    let all = container.list("volumeDevices");
    let mounts = container.list("volumeMounts");
    for (i, device) in all.iter().enumerate() {
        let item = path.index(i);
        let (name, place) = (device.text("name"), device.text("devicePath"));
        let (name_path, place_path) = (item.child("name"), item.child("devicePath"));
        if name.is_empty() {
            errors.required(&name_path, "");
        } else if all[..i].iter().any(|d| d.text("name") == name) {
            errors.invalid(&name_path, &name.into(), "must be unique");
        }
        match pod.volume(name) {
            None => errors.not_found(&name_path, &name.into()),
            Some(volume) if !volume.has("persistentVolumeClaim") && !volume.has("ephemeral") => {
                errors.invalid(
                    &name_path,
                    &name.into(),
                    "can only use volume source type of PersistentVolumeClaim or Ephemeral for \
                     block mode",
                );
            }
            Some(_) => {}
        }
        if place.is_empty() {
            errors.required(&place_path, "");
        }
        let is_seen = |d: &Value| d.text("devicePath") == place && !has_step_back(place);
        if all[..i].iter().any(is_seen) {
            errors.invalid(&place_path, &place.into(), "must be unique");
        }
        if has_step_back(place) {
            errors.invalid(
                &place_path,
                &place.into(),
                "can not contain backsteps ('..')",
            );
        }
        if mounts.iter().any(|m| m.text("name") == name) {
            let detail = "must not already exist in volumeMounts";
            errors.invalid(&name_path, &name.into(), detail);
        }
        if mounts.iter().any(|m| m.text("mountPath") == place) {
            let detail = "must not already exist as a path in volumeMounts";
            errors.invalid(&place_path, &place.into(), detail);
        }
    }
}

//! Annotations that pods give a meaning to: mirrors, costs, and security profiles of old.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidatePodSpecificAnnotations`,
//! `validateSeccompAnnotationsAndFields`, `validateAppArmorAnnotationsAndFieldsMatchOnCreate`).

use serde_json::Value;

use super::super::look::Look;
use super::super::names::local_path;
use super::super::pod_spec::{scheduling, visit};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// A pod that a kubelet runs of its own accord.
pub const MIRROR: &str = "kubernetes.io/config.mirror";
const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/tolerations";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
/// The seccomp profile of a pod.
pub const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
/// The seccomp profile of a container, before its name.
pub const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
/// The `AppArmor` profile of a container, before its name.
pub const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Everything that is wrong with a pod's own annotations.
pub fn validate(errors: &mut FieldErrors, path: &FieldPath, metadata: &Value, spec: &Value) {
    let Some(annotations) = metadata.at("annotations").as_object() else {
        return;
    };
    if annotations.is_empty() {
        return;
    }
    if let Some(value) = annotations.get(MIRROR)
        && spec.text("nodeName").is_empty()
    {
        let detail = "must set spec.nodeName if mirror pod annotation is set";
        errors.invalid(&path.key(MIRROR), value, detail);
    }
    if !annotations.text(TOLERATIONS).is_empty() {
        tolerations(errors, path, annotations.text(TOLERATIONS));
    }
    if let Some(value) = annotations.get(DELETION_COST) {
        let text = value.as_str().unwrap_or("");
        let has_sign_or_zero = text.starts_with('+') || text.starts_with('0') && text != "0";
        if has_sign_or_zero || text.parse::<i32>().is_err() {
            errors.invalid(&path.key(DELETION_COST), value, "must be a 32bit integer");
        }
    }
    for (key, value) in annotations {
        let text = value.as_str().unwrap_or("");
        if key == SECCOMP_POD || key.starts_with(SECCOMP_CONTAINER) {
            seccomp(errors, &path.child(key), text);
        }
        if let Some(container) = key.strip_prefix(APP_ARMOR) {
            app_armor(errors, &path.key(key), container, text, spec);
        }
    }
}

fn tolerations(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(list)) => {
            scheduling::tolerations(errors, &path.child(TOLERATIONS), &list);
        }
        Ok(_) => errors.invalid(path, &TOLERATIONS.into(), "not a list of tolerations"),
        Err(error) => errors.invalid(path, &TOLERATIONS.into(), error.to_string()),
    }
}

fn seccomp(errors: &mut FieldErrors, path: &FieldPath, profile: &str) {
    if let Some(file) = profile.strip_prefix("localhost/") {
        local_path(errors, path, file);
    } else if !matches!(profile, "runtime/default" | "docker/default" | "unconfined") {
        let detail = "must be a valid seccomp profile";
        errors.invalid(path, &profile.into(), detail);
    }
}

fn app_armor(
    errors: &mut FieldErrors,
    path: &FieldPath,
    container: &str,
    profile: &str,
    spec: &Value,
) {
    let mut is_known = false;
    visit(spec, &FieldPath::ROOT, &mut |other, _| {
        is_known |= other.text("name") == container;
    });
    if !is_known {
        errors.invalid(path, &container.into(), "container not found");
    }
    let is_valid = matches!(profile, "" | "runtime/default" | "unconfined")
        || profile.starts_with("localhost/");
    if !is_valid {
        let detail = format!("invalid AppArmor profile name: {profile:?}");
        errors.invalid(path, &profile.into(), detail);
    }
}

/// A profile said twice, by annotation and by field, must be the same.
pub fn match_fields(errors: &mut FieldErrors, path: &FieldPath, metadata: &Value, spec: &Value) {
    let annotations = metadata.at("annotations");
    if annotations
        .as_object()
        .is_none_or(serde_json::Map::is_empty)
    {
        return;
    }
    let of_pod = spec.at("securityContext");
    if let Some(text) = annotations.maybe_text(SECCOMP_POD) {
        let context = path.child("securityContext");
        let path = context.child("seccompProfile");
        same(errors, &path, "seccomp", text, of_pod.at("seccompProfile"));
    }
    visit(spec, path, &mut |container, path| {
        let key = format!("{SECCOMP_CONTAINER}{}", container.text("name"));
        if let Some(text) = annotations.maybe_text(&key) {
            let context = path.child("securityContext");
            let path = context.child("seccompProfile");
            let profile = container.at("securityContext").at("seccompProfile");
            same(errors, &path, "seccomp", text, profile);
        }
    });
    if spec.at("os").text("name") == "windows" {
        return;
    }
    visit(spec, path, &mut |container, path| {
        let key = format!("{APP_ARMOR}{}", container.text("name"));
        if let Some(text) = annotations.maybe_text(&key) {
            let context = path.child("securityContext");
            let path = context.child("appArmorProfile");
            let own = container.at("securityContext").maybe("appArmorProfile");
            let profile = own.unwrap_or(of_pod.at("appArmorProfile"));
            same(errors, &path, "apparmor", text, profile);
        }
    });
}

fn same(errors: &mut FieldErrors, path: &FieldPath, what: &str, text: &str, profile: &Value) {
    let is_same = match profile.text("type") {
        "Unconfined" => text == "unconfined",
        "RuntimeDefault" => {
            text == "runtime/default" || what == "seccomp" && text == "docker/default"
        }
        "Localhost" => match text.strip_prefix("localhost/") {
            None => false,
            Some(file) if Some(file) == profile.maybe_text("localhostProfile") => true,
            Some(_) => {
                errors.forbidden(
                    &path.child("localhostProfile"),
                    format!("{what} profile in annotation and field must match"),
                );
                true
            }
        },
        _ => true,
    };
    if !is_same {
        errors.forbidden(
            &path.child("type"),
            format!("{what} type in annotation and field must match"),
        );
    }
}

/// Annotations that may not change: mirrors and `AppArmor` profiles.
pub fn validate_update(errors: &mut FieldErrors, path: &FieldPath, new: &Value, old: &Value) {
    let (new, old) = (new.at("annotations"), old.at("annotations"));
    if new == old {
        return;
    }
    let mut refuse = |key: &str, what: &str| {
        if key.starts_with(APP_ARMOR) {
            let detail = format!("may not {what} AppArmor annotations");
            errors.forbidden(&path.key(key), detail);
        }
        if key == MIRROR {
            let detail = format!("may not {what} mirror pod annotation");
            errors.forbidden(&path.key(key), detail);
        }
    };
    for (key, value) in old.as_object().into_iter().flatten() {
        if new.maybe(key) != Some(value) {
            refuse(key, "remove or update");
        }
    }
    for (key, _) in new.as_object().into_iter().flatten() {
        if !old.has(key) {
            refuse(key, "add");
        }
    }
}

/// The `AppArmor` profile that an annotation of old says.
pub fn app_armor_field(text: &str) -> Option<Value> {
    match text {
        "unconfined" => Some(serde_json::json!({"type": "Unconfined"})),
        "runtime/default" => Some(serde_json::json!({"type": "RuntimeDefault"})),
        _ => {
            let file = text
                .strip_prefix("localhost/")
                .filter(|file| !file.is_empty())?;
            Some(serde_json::json!({"type": "Localhost", "localhostProfile": file}))
        }
    }
}

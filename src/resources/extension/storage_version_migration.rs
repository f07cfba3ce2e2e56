//! Requests to write the objects of a resource anew.
//!
//! *Upstream:* `pkg/registry/storagemigration/storagemigration/strategy.go`,
//! `pkg/apis/storagemigration/validation/validation.go`.

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::meta::names::{check_label_1035, check_subdomain};
use crate::resources::shared::conditions;
use crate::resources::shared::look::Look;
use crate::resources::shared::plain::Plain;

const SPEC: FieldPath = FieldPath::new("spec");
const STATUS: FieldPath = FieldPath::new("status");

/// What is special about migrations.
pub(super) static STORAGE_VERSION_MIGRATION: Plain = Plain {
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    validate_create: |_, object| validate(object),
    validate_update: |cx, object, old| {
        if cx.subresource == "status" {
            return status(object, old);
        }
        let mut errors = validate(object);
        let (new, before) = (object.at("spec"), old.at("spec"));
        if new != before {
            let printed = format!("{{\"Resource\":{}}}", new.at("resource"));
            errors.invalid_text(&SPEC, printed, "field is immutable");
        }
        errors
    },
    ..Plain::DEFAULT
};

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = SPEC.child("resource");
    let named = object.at("spec").at("resource");
    let (group, resource) = (named.text("group"), named.text("resource"));
    if resource.is_empty() {
        errors.required(&path.child("resource"), "resource is required to be set");
    } else {
        let wrong = check_label_1035(resource);
        if !wrong.is_empty() {
            errors.invalid(&path.child("resource"), &resource.into(), wrong.join(","));
        }
    }
    let wrong = check_subdomain(group);
    if !group.is_empty() && !wrong.is_empty() {
        errors.invalid(&path.child("group"), &group.into(), wrong.join(","));
    }
    errors
}

fn is_true(object: &Object, kind: &str) -> bool {
    let mut conditions = object.at("status").list("conditions").iter();
    conditions.any(|one| one.text("type") == kind && one.text("status") == "True")
}

/// What a migration has come to, it stays.
fn status(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (version, before) = (
        object.at("status").text("resourceVersion"),
        old.at("status").text("resourceVersion"),
    );
    let path = STATUS.child("resourceVersion");
    if !version.is_empty() && !is_version(version) {
        let detail = format!("resource version is not well formed: {version}");
        errors.invalid(&path, &version.into(), detail);
    }
    let list = STATUS.child("conditions");
    let found = object.at("status").at("conditions");
    conditions::validate(&mut errors, &list, object.at("status").list("conditions"));
    if !before.is_empty() && before != version {
        errors.invalid(&path, &version.into(), "field is immutable");
    }
    let mut refuse = |detail: &str| errors.invalid(&list, found, detail);
    if is_true(object, "Succeeded") && is_true(object, "Failed") {
        refuse("Both success and failed conditions cannot be true at the same time");
    }
    for (kind, words) in [("Succeeded", "Success"), ("Failed", "Failed")] {
        if is_true(old, kind) && !is_true(object, kind) {
            refuse(&format!(
                "{words} condition cannot be set to false once it is true"
            ));
        }
    }
    errors
}

/// A number above zero without zeros before it.
fn is_version(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0')
}

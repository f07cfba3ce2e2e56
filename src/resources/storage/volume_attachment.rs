//! Attachments of volumes to nodes.
//!
//! *Upstream:* `pkg/registry/storage/volumeattachment/strategy.go`,
//! `pkg/apis/storage/validation/validation.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::{Look, is_empty};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::text::declared_immutable;
use crate::resources::shared::{claim_spec, names, volume_source};

const SPEC: FieldPath = FieldPath::new("spec");
const METADATA_SIZE_MAX: usize = 256 * 1024;
const MESSAGE_SIZE_MAX: usize = 1024;
const ATTACHER_LENGTH_MAX: usize = 63;

/// What is special about attachments.
pub(super) static VOLUME_ATTACHMENT: Plain = Plain {
    answers_deleted_object: true,
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    validate_create: |_, object| validate(object, false),
    validate_update: |_, object, old| {
        let (spec, before) = (object.at("spec"), old.at("spec"));
        // What a change that is refused as a whole declares is found by hand instead.
        let mut errors = validate(object, spec != before);
        declared_immutable(&mut errors, &SPEC, spec, before);
        errors
    },
    ..Plain::DEFAULT
};

fn validate(object: &Object, is_refused: bool) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let path = SPEC.child("attacher");
    let attacher = spec.text("attacher");
    if is_refused {
        claim_spec::csi_driver_name(&mut errors, &path, attacher);
    } else {
        errors.declared(|errors| declared_attacher(errors, &path, attacher));
    }
    source(&mut errors, &SPEC.child("source"), spec.at("source"));
    names::subdomain(&mut errors, &SPEC.child("nodeName"), spec.text("nodeName"));
    let status = object.at("status");
    let path = FieldPath::new("status");
    let size: usize = status
        .entries("attachmentMetadata")
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    if size > METADATA_SIZE_MAX {
        errors.too_long(&path.child("attachmentMetadata"), METADATA_SIZE_MAX);
    }
    for field in ["attachError", "detachError"] {
        let error = status.at(field);
        let path = path.child(field);
        if error.text("message").len() > MESSAGE_SIZE_MAX {
            errors.too_long(&path.child("message"), MESSAGE_SIZE_MAX);
        }
        let code = error.number("errorCode");
        names::within(
            &mut errors,
            &path.child("errorCode"),
            code,
            0,
            i64::from(i32::MAX),
        );
    }
    if let Some(name) = spec.at("source").maybe_text("persistentVolumeName") {
        names::subdomain(
            &mut errors,
            &FieldPath::new("spec.source.persistentVolumeName"),
            name,
        );
    }
    errors
}

/// The name of a driver, as the types declare it.
fn declared_attacher(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    if name.is_empty() {
        errors.required(path, "");
        return;
    }
    names::report(
        errors,
        path,
        name,
        names::in_bytes(names::check_subdomain_caseless(name)),
    );
    if name.chars().count() > ATTACHER_LENGTH_MAX {
        errors.too_long_characters(path, ATTACHER_LENGTH_MAX);
    }
}

/// One source: a volume by name, or a volume's spec.
fn source(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    let detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    match (
        source.maybe("inlineVolumeSpec"),
        source.maybe("persistentVolumeName"),
    ) {
        (None, None) => errors.required(path, detail),
        (Some(_), Some(_)) => errors.forbidden(path, detail),
        (None, Some(name)) if name == "" => {
            let path = path.child("persistentVolumeName");
            errors.required(&path, "must specify non empty persistentVolumeName");
        }
        (None, Some(_)) => {}
        (Some(spec), None) => inline(errors, &path.child("inlineVolumeSpec"), spec),
    }
}

/// What a volume's spec may not say here.
fn inline(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let detail = "may not be specified in the context of inline volumes";
    let forbid = |errors: &mut FieldErrors, field: &str| {
        if !is_empty(spec.at(field)) {
            errors.forbidden(&path.child(field), detail);
        }
    };
    forbid(errors, "claimRef");
    forbid(errors, "capacity");
    if !spec.has("csi") {
        let detail = "has to be specified in the context of inline volumes";
        errors.required(&path.child("csi"), detail);
    }
    claim_spec::required_access_modes(errors, &path.child("accessModes"), spec);
    let policy = spec.text("persistentVolumeReclaimPolicy");
    if !policy.is_empty() && policy != "Retain" {
        let detail = "may only be Retain in the context of inline volumes";
        errors.forbidden(&path.child("persistentVolumeReclaimPolicy"), detail);
    }
    if spec.has("nodeAffinity") {
        errors.forbidden(&path.child("nodeAffinity"), detail);
    }
    volume_source::validate(errors, path, spec, "");
    forbid(errors, "storageClassName");
    if spec.has("volumeMode") && spec.text("volumeMode") != "Filesystem" {
        let detail = "may not specify volumeMode other than Filesystem in the context of inline \
                      volumes";
        errors.forbidden(&path.child("volumeMode"), detail);
    }
}

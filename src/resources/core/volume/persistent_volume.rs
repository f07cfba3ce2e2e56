//! Persistent volumes.
//!
//! *Upstream:* `pkg/registry/core/persistentvolume/strategy.go`,
//! `pkg/apis/core/validation/validation.go` (`ValidatePersistentVolume`).

use serde_json::{Value, json};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object, time};
use crate::registry::Context;
use crate::resources::shared::claim_spec;
use crate::resources::shared::look::{Look, fill, fill_text};
use crate::resources::shared::names;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_spec::affinity;
use crate::resources::shared::pod_template::defaults::round;
use crate::resources::shared::quantity::Amount;
use crate::resources::shared::volume_source as source;
use crate::schema::go_struct;

const SPEC: FieldPath = FieldPath::new("spec");
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const MOUNT_OPTIONS: &str = "volume.beta.kubernetes.io/mount-options";
/// Sources that are mounted with options.
const MOUNTED: [&str; 13] = [
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "iscsi",
    "cinder",
    "cephfs",
    "azureFile",
    "vsphereVolume",
    "azureDisk",
    "photonPersistentDisk",
];

/// What is special about persistent volumes.
pub static PERSISTENT_VOLUME: Plain = Plain {
    answers_deleted_object: true,
    default: |object| {
        if let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) {
            fill_text(spec, "persistentVolumeReclaimPolicy", "Retain");
            fill(spec, "volumeMode", "Filesystem");
            round(spec.get_mut("capacity"));
        }
    },
    prepare_create: |cx, object| {
        let now = time::seconds(cx.now);
        let status = json!({"phase": "Pending", "lastPhaseTransitionTime": now});
        object.set(&["status"], status);
        Ok(())
    },
    prepare_update: |cx, object, old| {
        if cx.subresource == "status" {
            keep_transition_time(cx, object, old);
        }
        Ok(())
    },
    validate_create: |_, object| validate(object),
    validate_update: |cx, object, old| {
        if cx.subresource == "status" {
            return FieldErrors::new();
        }
        let mut errors = validate(object);
        errors.extend(update(cx, object, old));
        errors
    },
    warn: |cx, object, _| warn(cx, object),
    ..Plain::DEFAULT
};

/// A new phase gets the time of the change, unless the client says one.
fn keep_transition_time(cx: &Context, object: &mut Object, old: &Object) {
    const TIME: &str = "lastPhaseTransitionTime";
    let (new, before) = (object.at("status"), old.at("status"));
    let time = if new.text("phase") == before.text("phase") {
        Some(before.at(TIME).clone()).filter(|time| !new.has(TIME) && !time.is_null())
    } else {
        let is_unchanged = !new.has(TIME) || new.at(TIME) == before.at(TIME);
        is_unchanged.then(|| time::seconds(cx.now).into())
    };
    if let Some(time) = time {
        object.set(&["status", TIME], time);
    }
}

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    claim_spec::required_access_modes(&mut errors, &SPEC.child("accessModes"), spec);
    capacity(&mut errors, spec);
    let policies = ["Delete", "Recycle", "Retain"];
    let policy = spec.text("persistentVolumeReclaimPolicy");
    let policy_path = SPEC.child("persistentVolumeReclaimPolicy");
    if !policy.is_empty() {
        names::one_of(&mut errors, &policy_path, policy, &policies);
    }
    node_affinity(&mut errors, spec);
    source::validate(&mut errors, &SPEC, spec, object.name());
    let host_path = spec.at("hostPath").text("path");
    if is_root(host_path) && policy == "Recycle" {
        let detail = "may not be 'recycle' for a hostPath mount of '/'";
        errors.forbidden(&policy_path, detail);
    }
    let class = spec.text("storageClassName");
    if !class.is_empty() {
        names::subdomain(&mut errors, &SPEC.child("storageClassName"), class);
    }
    if spec.has("volumeMode") {
        let mode = spec.text("volumeMode");
        names::one_of(
            &mut errors,
            &SPEC.child("volumeMode"),
            mode,
            &["Block", "Filesystem"],
        );
    }
    attributes_class(&mut errors, spec);
    mount_options(&mut errors, object);
    errors
}

/// Whether a path leads to the root, as it is or by its dots.
fn is_root(path: &str) -> bool {
    let mut depth = 0_usize;
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
    }
    path.starts_with('/') && depth == 0
}

fn node_affinity(errors: &mut FieldErrors, spec: &Value) {
    let Some(affinity) = spec.maybe("nodeAffinity") else {
        return;
    };
    let path = SPEC.child("nodeAffinity");
    let path = path.child("required");
    match affinity.maybe("required") {
        Some(selector) => affinity::node_selector(errors, &path, selector),
        None => errors.required(&path, "must specify required node constraints"),
    }
}

/// Mount options in an annotation, for a source that mounts nothing with options.
fn mount_options(errors: &mut FieldErrors, object: &Object) {
    let spec = object.at("spec");
    let has_annotation = object.annotations().any(|(key, _)| key == MOUNT_OPTIONS);
    if has_annotation && !MOUNTED.iter().any(|source| spec.has(source)) {
        let path = FieldPath::new("metadata");
        let path = path.child("annotations");
        let detail = "may not specify mount options for this volume type";
        errors.forbidden(&path.child(MOUNT_OPTIONS), detail);
    }
}

fn capacity(errors: &mut FieldErrors, spec: &Value) {
    let path = SPEC.child("capacity");
    let capacity = spec.at("capacity");
    let count = spec.entries("capacity").count();
    if count == 0 {
        errors.required(&path, "");
    }
    if !capacity.has("storage") || count > 1 {
        errors.not_supported(&path, capacity, &["storage"]);
    }
    for (name, value) in spec.entries("capacity") {
        let path = path.key(name);
        let Some(amount) = value.as_str().and_then(Amount::parse) else {
            continue;
        };
        if amount.is_negative() {
            errors.invalid(
                &path,
                &amount.value().into(),
                "must be a valid resource quantity",
            );
        }
        if amount.is_negative() || amount.is_zero() {
            errors.invalid(&path, value, "must be greater than zero");
        }
    }
}

fn attributes_class(errors: &mut FieldErrors, spec: &Value) {
    let Some(class) = spec.maybe_text("volumeAttributesClassName") else {
        return;
    };
    let path = SPEC.child("volumeAttributesClassName");
    if class.is_empty() {
        errors.required(&path, "an empty string is disallowed");
    } else {
        names::subdomain(errors, &path, class);
    }
    if !spec.has("csi") {
        let detail = "has to be specified when using volumeAttributesClassName";
        errors.required(&SPEC.child("csi"), detail);
    }
}

fn update(cx: &Context, object: &Object, old: &Object) -> FieldErrors {
    const CLASS: &str = "volumeAttributesClassName";
    const SECRET: &str = "controllerExpandSecretRef";
    let mut errors = FieldErrors::new();
    let (new, before) = (object.at("spec"), old.at("spec"));
    let mut source = source::of(new);
    let old_source = source::of(before);
    if before.has("csi") && !before.at("csi").has(SECRET) {
        // The secret for growing a volume may be added later.
        if let Some(csi) = source.get_mut("csi").and_then(Value::as_object_mut) {
            csi.remove(SECRET);
        }
    }
    if source != old_source {
        let path = SPEC.child("persistentvolumesource");
        let kind = "core.PersistentVolumeSource";
        let source = cx.with_emptied("spec", &source.into());
        let difference = go_struct::difference(kind, &old_source.into(), &source);
        let detail = "spec.persistentvolumesource is immutable after creation";
        errors.forbidden(&path, format!("{detail}\n{difference}"));
    }
    let mode = FieldPath::new("volumeMode");
    if new.at("volumeMode") != before.at("volumeMode") {
        errors.invalid(&mode, new.at("volumeMode"), "field is immutable");
    }
    let affinity = before.at("nodeAffinity");
    if !affinity.is_null() && new.at("nodeAffinity") != affinity {
        let path = FieldPath::new("nodeAffinity");
        let printed = go_struct::print("*core.VolumeNodeAffinity", new.at("nodeAffinity"));
        let detail = "field is immutable, except for updating from beta label to GA";
        errors.invalid_text(&path, printed, detail);
    }
    if before.has(CLASS) && !new.has(CLASS) {
        errors.forbidden(
            &SPEC.child(CLASS),
            "update from non-nil value to nil is forbidden",
        );
    }
    errors
}

fn warn(cx: &Context, object: &Object) {
    if cx.subresource == "status" {
        return;
    }
    for (key, text) in [
        (
            BETA_CLASS,
            "deprecated since v1.8; use \"storageClassName\" attribute instead",
        ),
        (
            MOUNT_OPTIONS,
            "deprecated since v1.31; use \"mountOptions\" attribute instead",
        ),
    ] {
        if object
            .annotations()
            .any(|(annotation, _)| annotation == key)
        {
            cx.warn(format!("metadata.annotations[{key}]: {text}"));
        }
    }
    let spec = object.at("spec");
    if spec.text("persistentVolumeReclaimPolicy") == "Recycle" {
        cx.warn(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. \
             Instead, the recommended approach is to use dynamic provisioning.",
        );
    }
    for (field, shown, text) in [
        (
            "cephfs",
            "cephfs",
            "deprecated in v1.28, non-functional in v1.31+",
        ),
        (
            "photonPersistentDisk",
            "photonPersistentDisk",
            "deprecated in v1.11, non-functional in v1.16+",
        ),
        (
            "scaleIO",
            "scaleIO",
            "deprecated in v1.16, non-functional in v1.22+",
        ),
        (
            "storageos",
            "storageOS",
            "deprecated in v1.22, non-functional in v1.25+",
        ),
        (
            "glusterfs",
            "glusterfs",
            "deprecated in v1.25, non-functional in v1.26+",
        ),
        (
            "rbd",
            "rbd",
            "deprecated in v1.28, non-functional in v1.31+",
        ),
    ] {
        if spec.has(field) {
            cx.warn(format!("spec.{shown}: {text}"));
        }
    }
}

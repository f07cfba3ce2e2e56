//! Where the bytes of a persistent volume are: exactly one source.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidatePersistentVolumeSpec`).

use serde_json::{Map, Value};

use super::look::Look;
use super::pod_spec::volume_source as source;
use super::{claim_spec, names};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// What is wrong with a source.
type Check = fn(&mut FieldErrors, &FieldPath, &Value);

/// All sources, in the order upstream looks at them, with how error paths call them.
const SOURCES: [(&str, &str, Check); 22] = [
    ("hostPath", "hostPath", source::host_path),
    (
        "gcePersistentDisk",
        "persistentDisk",
        source::gce_persistent_disk,
    ),
    (
        "awsElasticBlockStore",
        "awsElasticBlockStore",
        source::aws_elastic_block_store,
    ),
    ("glusterfs", "glusterfs", glusterfs),
    ("flocker", "flocker", source::flocker),
    ("nfs", "nfs", source::nfs),
    ("rbd", "rbd", source::rbd),
    ("quobyte", "quobyte", source::quobyte),
    ("cephfs", "cephfs", source::ceph_fs),
    ("iscsi", "iscsi", iscsi),
    ("cinder", "cinder", cinder),
    ("fc", "fc", source::fibre_channel),
    ("flexVolume", "flexVolume", source::flex_volume),
    ("azureFile", "azureFile", azure_file),
    ("vsphereVolume", "vsphereVolume", source::vsphere_volume),
    (
        "photonPersistentDisk",
        "photonPersistentDisk",
        source::photon_persistent_disk,
    ),
    ("portworxVolume", "portworxVolume", source::portworx_volume),
    ("azureDisk", "azureDisk", source::azure_disk),
    ("scaleIO", "scaleIO", source::scale_io),
    ("local", "local", local),
    ("storageos", "storageos", storage_os),
    ("csi", "csi", csi),
];

/// The source of a spec: the fields that say where the bytes are.
pub fn of(spec: &Value) -> Map<String, Value> {
    let fields = SOURCES.iter().map(|(field, _, _)| *field);
    fields
        .filter(|field| spec.has(field))
        .map(|field| (field.to_owned(), spec.at(field).clone()))
        .collect()
}

/// There must be one source, and it must be complete.
pub fn validate(errors: &mut FieldErrors, spec_path: &FieldPath, spec: &Value, name: &str) {
    let mut count = 0;
    for (field, shown, check) in &SOURCES {
        let Some(value) = spec.maybe(field) else {
            continue;
        };
        count += 1;
        // Upstream never minds a second one that is a flexVolume.
        if count > 1 && *field != "flexVolume" {
            let shown = if *field == "cephfs" { "cephFS" } else { field };
            let detail = "may not specify more than 1 volume type";
            errors.forbidden(&spec_path.child(shown), detail);
            continue;
        }
        let path = spec_path.child(shown);
        if *field == "iscsi" {
            name_length(errors, &path, value, name);
        }
        check(errors, &path, value);
        if *field == "local" && !spec.has("nodeAffinity") {
            let path = spec_path.child("nodeAffinity");
            errors.required(&path, "Local volume requires node affinity");
        }
    }
    if count == 0 {
        errors.required(spec_path, "must specify a volume type");
    }
}

fn local(errors: &mut FieldErrors, path: &FieldPath, local: &Value) {
    let path = path.child("path");
    let text = local.text("path");
    if text.is_empty() {
        errors.required(&path, "");
    } else {
        names::no_steps_back(errors, &path, text);
    }
}

fn glusterfs(errors: &mut FieldErrors, path: &FieldPath, glusterfs: &Value) {
    source::glusterfs(errors, path, glusterfs);
    let Some(namespace) = glusterfs.maybe_text("endpointsNamespace") else {
        return;
    };
    let path = path.child("endpointsNamespace");
    if namespace.is_empty() {
        let detail = "if the endpointnamespace is set, it must be a valid namespace name";
        errors.invalid(&path, &namespace.into(), detail);
    } else {
        names::report(errors, &path, namespace, names::check_label(namespace));
    }
}

/// An initiator of its own leaves less room for the volume's name.
fn name_length(errors: &mut FieldErrors, path: &FieldPath, iscsi: &Value, name: &str) {
    let portal = iscsi.text("targetPortal");
    if iscsi.has("initiatorName") && name.len() + 1 + portal.len() > 64 {
        let detail = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 \
                      characters if iscsi.initiatorName is specified.";
        errors.invalid(&path.child("targetportal"), &portal.into(), detail);
    }
}

fn iscsi(errors: &mut FieldErrors, path: &FieldPath, iscsi: &Value) {
    let is_wrong = |name: &str| source::iscsi_name(name).is_some();
    let detail = "must be valid format";
    names::required(
        errors,
        &path.child("targetPortal"),
        iscsi.text("targetPortal"),
    );
    let name = iscsi.text("iqn");
    names::required(errors, &path.child("iqn"), name);
    if !name.is_empty() && is_wrong(name) {
        errors.invalid(&path.child("iqn"), &name.into(), detail);
    }
    names::within(errors, &path.child("lun"), iscsi.number("lun"), 0, 255);
    let is_secret_used = iscsi.is_true("chapAuthDiscovery") || iscsi.is_true("chapAuthSession");
    if is_secret_used && !iscsi.has("secretRef") {
        errors.required(&path.child("secretRef"), "");
    }
    source::secret_ref(errors, path, iscsi);
    if let Some(name) = iscsi.maybe_text("initiatorName")
        && is_wrong(name)
    {
        errors.invalid(&path.child("initiatorname"), &name.into(), detail);
    }
}

/// A reference to a secret somewhere names both.
fn secret_anywhere(errors: &mut FieldErrors, path: &FieldPath, holder: &Value) {
    source::secret_ref(errors, path, holder);
    if let Some(secret) = holder.maybe("secretRef") {
        let path = path.child("secretRef");
        names::required(errors, &path.child("namespace"), secret.text("namespace"));
    }
}

fn cinder(errors: &mut FieldErrors, path: &FieldPath, cinder: &Value) {
    names::required(errors, &path.child("volumeID"), cinder.text("volumeID"));
    secret_anywhere(errors, path, cinder);
}

fn azure_file(errors: &mut FieldErrors, path: &FieldPath, file: &Value) {
    source::azure_file(errors, path, file);
    if let Some(namespace) = file.maybe_text("secretNamespace") {
        names::required(errors, &path.child("secretNamespace"), namespace);
    }
}

fn storage_os(errors: &mut FieldErrors, path: &FieldPath, volume: &Value) {
    let name = volume.text("volumeName");
    names::required(errors, &path.child("volumeName"), name);
    for field in ["volumeName", "volumeNamespace"] {
        let text = volume.text(field);
        if !text.is_empty() {
            names::label(errors, &path.child(field), text);
        }
    }
    secret_anywhere(errors, path, volume);
}

fn csi(errors: &mut FieldErrors, path: &FieldPath, csi: &Value) {
    claim_spec::csi_driver_name(errors, &path.child("driver"), csi.text("driver"));
    if csi.text("volumeHandle").is_empty() {
        errors.required(&path.child("volumeHandle"), "");
    }
    for field in [
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ] {
        let Some(secret) = csi.maybe(field) else {
            continue;
        };
        let path = path.child(field);
        for (field, check) in [
            ("name", names::check_subdomain as fn(&str) -> Vec<String>),
            ("namespace", names::check_label),
        ] {
            let (path, text) = (path.child(field), secret.text(field));
            if text.is_empty() {
                errors.required(&path, "");
            } else {
                names::report(errors, &path, text, check(text));
            }
        }
    }
}

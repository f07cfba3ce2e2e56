//! Volumes of a pod: one source each, well formed, under a name of its own.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidateVolumes`,
//! `validateVolumeSource`).

use serde_json::Value;

use super::super::look::Look;
use super::super::names::{check_subdomain, label};
use super::super::quantity::Amount;
use super::{projected, volume_source as source};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Checks one source.
type Check = fn(&mut FieldErrors, &FieldPath, &Value);

/// A kind of source: its field, the names errors use for it, and its check.
struct Source {
    field: &'static str,
    /// The name in the error of a second source (upstream misspells some).
    second: &'static str,
    /// The name in errors of the source itself.
    path: &'static str,
    check: Check,
}

const fn source(field: &'static str, check: Check) -> Source {
    Source {
        field,
        second: field,
        path: field,
        check,
    }
}

/// In the order upstream looks at them: the first that is set is the volume's.
const SOURCES: [Source; 30] = [
    source("emptyDir", empty_dir),
    source("hostPath", source::host_path),
    source("gitRepo", source::git_repo),
    Source {
        path: "persistentDisk",
        ..source("gcePersistentDisk", source::gce_persistent_disk)
    },
    source("awsElasticBlockStore", source::aws_elastic_block_store),
    source("secret", source::secret),
    source("nfs", source::nfs),
    source("iscsi", source::iscsi),
    source("glusterfs", source::glusterfs),
    source("flocker", source::flocker),
    source("persistentVolumeClaim", source::persistent_volume_claim),
    source("rbd", source::rbd),
    source("cinder", source::cinder),
    Source {
        second: "cephFS",
        ..source("cephfs", source::ceph_fs)
    },
    source("quobyte", source::quobyte),
    Source {
        second: "downwarAPI",
        ..source("downwardAPI", source::downward_api)
    },
    source("fc", source::fibre_channel),
    source("flexVolume", source::flex_volume),
    source("configMap", source::config_map),
    source("azureFile", source::azure_file),
    source("vsphereVolume", source::vsphere_volume),
    source("photonPersistentDisk", source::photon_persistent_disk),
    source("portworxVolume", source::portworx_volume),
    source("azureDisk", source::azure_disk),
    source("storageos", source::storage_os),
    source("projected", projected::projected),
    source("scaleIO", source::scale_io),
    source("csi", source::csi),
    source("ephemeral", source::ephemeral),
    source("image", source::image),
];

/// The field of a volume's source, where it has one.
pub fn source_name(volume: &Value) -> Option<&'static str> {
    let volume = volume.as_object()?;
    SOURCES
        .iter()
        .map(|source| source.field)
        .find(|field| volume.has(field))
}

/// Checks volumes; gives back the valid ones, which containers may mount. `pod` is the name of the
/// pod, empty in a template.
pub fn volumes<'a>(
    errors: &mut FieldErrors,
    path: &FieldPath,
    list: &'a [Value],
    pod: &str,
) -> Vec<&'a Value> {
    let mut valid: Vec<&Value> = Vec::with_capacity(list.len());
    for (i, volume) in list.iter().enumerate() {
        let path = path.index(i);
        let before = errors.len();
        let name = volume.text("name");
        one(errors, &path, volume, pod);
        let name_path = path.child("name");
        if name.is_empty() {
            errors.required(&name_path, "");
        } else {
            label(errors, &name_path, name);
        }
        if valid.iter().any(|other| other.text("name") == name) {
            errors.duplicate(&name_path, &name.into());
        }
        if errors.len() == before {
            valid.push(volume);
        }
        created_claim(errors, &path, volume, list, pod);
    }
    valid
}

/// A claim that the pod itself will create cannot be one it asks for.
fn created_claim(
    errors: &mut FieldErrors,
    path: &FieldPath,
    volume: &Value,
    all: &[Value],
    pod: &str,
) {
    let Some(claim) = volume.maybe("persistentVolumeClaim") else {
        return;
    };
    let name = claim.text("claimName");
    let is_created = !pod.is_empty()
        && all.iter().any(|other| {
            other.has("ephemeral")
                && name
                    .strip_prefix(pod)
                    .and_then(|rest| rest.strip_prefix('-'))
                    == Some(other.text("name"))
        });
    if is_created {
        errors.invalid(
            &path.child("persistentVolumeClaim").child("claimName"),
            &name.into(),
            "must not reference a PVC that gets created for an ephemeral volume",
        );
    }
}

fn one(errors: &mut FieldErrors, path: &FieldPath, volume: &Value, pod: &str) {
    let mut is_found = false;
    for source in &SOURCES {
        let Some(value) = volume.maybe(source.field) else {
            continue;
        };
        if is_found {
            errors.forbidden(
                &path.child(source.second),
                "may not specify more than 1 volume type",
            );
        } else {
            is_found = true;
            (source.check)(errors, &path.child(source.path), value);
            if source.field == "ephemeral" {
                claim_name(errors, path, volume, pod);
            }
        }
        if source.field == "iscsi" {
            initiator(errors, path, volume, value);
        }
    }
    if !is_found {
        errors.required(path, "must specify a volume type");
    }
}

/// The name of the claim that an ephemeral volume will create.
fn claim_name(errors: &mut FieldErrors, path: &FieldPath, volume: &Value, pod: &str) {
    let name = volume.text("name");
    if pod.is_empty() || name.is_empty() {
        return;
    }
    let claim = format!("{pod}-{name}");
    for wrong in check_subdomain(&claim) {
        let detail = format!("PVC name {claim:?}: {wrong}");
        errors.invalid(&path.child("name"), &name.into(), detail);
    }
}

fn initiator(errors: &mut FieldErrors, path: &FieldPath, volume: &Value, iscsi: &Value) {
    let name = volume.text("name");
    let length = name.len() + 1 + iscsi.text("targetPortal").len();
    if iscsi.has("initiatorName") && length > 64 {
        errors.invalid(
            &path.child("name"),
            &name.into(),
            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if \
             iscsi.initiatorName is specified.",
        );
    }
}

fn empty_dir(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    let limit = source.maybe_text("sizeLimit").and_then(Amount::parse);
    if limit.is_some_and(Amount::is_negative) {
        errors.forbidden(
            &path.child("sizeLimit"),
            "SizeLimit field must be a valid resource quantity",
        );
    }
}

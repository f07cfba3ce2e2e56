//! Where the bytes of a persistent volume are: exactly one source.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidatePersistentVolumeSpec`).

use serde_json::{Map, Value};

use super::look::{Look, is_empty};
use super::{claim_spec, names};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// A source, how error paths call it, and its fields that must be set.
struct Source {
    field: &'static str,
    path: &'static str,
    required: &'static [&'static str],
}

const fn source(field: &'static str, required: &'static [&'static str]) -> Source {
    Source {
        field,
        path: field,
        required,
    }
}

/// All sources, in the order upstream looks at them.
const SOURCES: [Source; 21] = [
    source("hostPath", &["path"]),
    Source {
        field: "gcePersistentDisk",
        path: "persistentDisk",
        required: &["pdName"],
    },
    source("awsElasticBlockStore", &["volumeID"]),
    source("glusterfs", &["endpoints", "path"]),
    source("flocker", &[]),
    source("nfs", &["server", "path"]),
    source("rbd", &["monitors", "image"]),
    source("quobyte", &["registry", "volume"]),
    source("cephfs", &["monitors"]),
    source("iscsi", &["targetPortal", "iqn"]),
    source("cinder", &["volumeID"]),
    source("fc", &[]),
    source("flexVolume", &["driver"]),
    source("azureFile", &["secretName", "shareName"]),
    source("vsphereVolume", &["volumePath"]),
    source("photonPersistentDisk", &["pdID"]),
    source("portworxVolume", &["volumeID"]),
    source("azureDisk", &["diskName", "diskURI"]),
    source("scaleIO", &["gateway", "system", "volumeName"]),
    source("local", &["path"]),
    source("storageos", &[]),
];

/// The source of a spec: the fields that say where the bytes are.
pub fn of(spec: &Value) -> Map<String, Value> {
    let fields = SOURCES.iter().map(|source| source.field).chain(["csi"]);
    fields
        .filter(|field| spec.has(field))
        .map(|field| (field.to_owned(), spec.at(field).clone()))
        .collect()
}

/// There must be one source, and it must be complete.
pub fn validate(errors: &mut FieldErrors, spec_path: &FieldPath, spec: &Value) {
    let mut count = 0;
    for source in &SOURCES {
        let Some(value) = spec.maybe(source.field) else {
            continue;
        };
        count += 1;
        if count > 1 {
            let shown = if source.field == "cephfs" {
                "cephFS"
            } else {
                source.field
            };
            errors.forbidden(
                &spec_path.child(shown),
                "may not specify more than 1 volume type",
            );
            continue;
        }
        let path = spec_path.child(source.path);
        for field in source.required {
            if is_empty(value.at(field)) {
                errors.required(&path.child(field), "");
            }
        }
        details(errors, &path, source.field, value);
        if source.field == "local" && !spec.has("nodeAffinity") {
            let path = spec_path.child("nodeAffinity");
            errors.required(&path, "Local volume requires node affinity");
        }
    }
    if let Some(csi) = spec.maybe("csi") {
        count += 1;
        let path = spec_path.child("csi");
        if count > 1 {
            errors.forbidden(&path, "may not specify more than 1 volume type");
        } else {
            self::csi(errors, &path, csi);
        }
    }
    if count == 0 {
        errors.required(spec_path, "must specify a volume type");
    }
}

/// What a source's fields must be like beyond being there.
fn details(errors: &mut FieldErrors, path: &FieldPath, field: &str, value: &Value) {
    let text = value.text("path");
    match field {
        "hostPath" => {
            names::no_steps_back(errors, &path.child("path"), text);
            let kind = value.text("type");
            let known = [
                "",
                "BlockDevice",
                "CharDevice",
                "Directory",
                "DirectoryOrCreate",
                "File",
                "FileOrCreate",
                "Socket",
            ];
            if !known.contains(&kind) {
                errors.not_supported(&path.child("type"), &kind.into(), &known);
            }
        }
        "local" => names::no_steps_back(errors, &path.child("path"), text),
        "nfs" if !text.starts_with('/') => {
            errors.invalid(
                &path.child("path"),
                &text.into(),
                "must be an absolute path",
            );
        }
        "gcePersistentDisk" | "awsElasticBlockStore" => {
            let partition = value.number("partition");
            names::within(errors, &path.child("partition"), partition, 0, 255);
        }
        "iscsi" => names::within(errors, &path.child("lun"), value.number("lun"), 0, 255),
        _ => {}
    }
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

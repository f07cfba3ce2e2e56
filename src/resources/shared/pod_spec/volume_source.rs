//! The sources a volume of a pod can have.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`validate…VolumeSource`).

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::super::claim_spec;
use super::super::look::Look;
use super::super::names::{
    check_subdomain, label, local_path, local_path_not_reserved, no_steps_back, one_of, report,
    required, within,
};
use super::container::pull_policy;
use super::environment::{VOLUME_FIELDS, field_selector, resource_selector};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Reports the text fields that are empty.
fn needs(errors: &mut FieldErrors, path: &FieldPath, source: &Value, fields: &[&str]) {
    for field in fields {
        required(errors, &path.child(field), source.text(field));
    }
}

/// Reports a mode of a file that is none.
pub(in super::super) fn file_mode(
    errors: &mut FieldErrors,
    path: &FieldPath,
    source: &Value,
    field: &str,
) {
    if let Some(mode) = source.integer(field)
        && !(0..=0o777).contains(&mode)
    {
        errors.invalid(
            &path.child(field),
            &mode.into(),
            "must be a number between 0 and 0777 (octal), both inclusive",
        );
    }
}

pub(in super::super) fn host_path(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    let text = source.text("path");
    if text.is_empty() {
        errors.required(&path.child("path"), "");
        return;
    }
    no_steps_back(errors, &path.child("path"), text);
    if let Some(kind) = source.maybe_text("type") {
        one_of(
            errors,
            &path.child("type"),
            kind,
            &[
                "",
                "BlockDevice",
                "CharDevice",
                "Directory",
                "DirectoryOrCreate",
                "File",
                "FileOrCreate",
                "Socket",
            ],
        );
    }
}

pub(in super::super) fn git_repo(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["repository"]);
    local_path(errors, &path.child("directory"), source.text("directory"));
}

fn partition(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    let partition = source.number("partition");
    if !(0..=255).contains(&partition) {
        // Zero is allowed, whatever the words say.
        errors.invalid(
            &path.child("partition"),
            &partition.into(),
            "must be between 1 and 255, inclusive",
        );
    }
}

pub(in super::super) fn gce_persistent_disk(
    errors: &mut FieldErrors,
    path: &FieldPath,
    source: &Value,
) {
    needs(errors, path, source, &["pdName"]);
    partition(errors, path, source);
}

pub(in super::super) fn aws_elastic_block_store(
    errors: &mut FieldErrors,
    path: &FieldPath,
    source: &Value,
) {
    needs(errors, path, source, &["volumeID"]);
    partition(errors, path, source);
}

fn files(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    file_mode(errors, path, source, "defaultMode");
    let items = path.child("items");
    for (i, item) in source.list("items").iter().enumerate() {
        key_to_path(errors, &items.index(i), item);
    }
}

/// A key of a `Secret` or `ConfigMap` that becomes a file.
pub(in super::super) fn key_to_path(errors: &mut FieldErrors, path: &FieldPath, item: &Value) {
    needs(errors, path, item, &["key", "path"]);
    local_path_not_reserved(errors, &path.child("path"), item.text("path"));
    file_mode(errors, path, item, "mode");
}

pub(in super::super) fn secret(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["secretName"]);
    files(errors, path, source);
}

pub(in super::super) fn config_map(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["name"]);
    files(errors, path, source);
}

pub(in super::super) fn nfs(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["server", "path"]);
    let text = source.text("path");
    if !text.starts_with('/') {
        errors.invalid(
            &path.child("path"),
            &text.into(),
            "must be an absolute path",
        );
    }
}

/// What is wrong with the name of an iSCSI node, and whether its prefix is known.
pub(in super::super) fn iscsi_name(name: &str) -> Option<&'static str> {
    static IQN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"iqn\.\d{4}-\d{2}\.([[:alnum:]\-.]+)(:[^,;*&$|\s]+)$").ok());
    let is_long = |prefix: &str, length: usize| {
        let rest = &name[prefix.len()..];
        rest.len() == length + 1 && rest.bytes().skip(1).all(|b| b.is_ascii_alphanumeric())
    };
    let is_valid = match name.get(..3) {
        Some("iqn") => IQN.as_ref().is_some_and(|form| form.is_match(name)),
        Some("eui") => is_long("eui", 16),
        Some("naa") => is_long("naa", 32),
        _ => return Some("must be valid format starting with iqn, eui, or naa"),
    };
    (!is_valid).then_some("must be valid format")
}

pub(in super::super) fn iscsi(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["targetPortal", "iqn"]);
    let iqn = source.text("iqn");
    if let Some(wrong) = iscsi_name(iqn).filter(|_| !iqn.is_empty()) {
        errors.invalid(&path.child("iqn"), &iqn.into(), wrong);
    }
    within(errors, &path.child("lun"), source.number("lun"), 0, 255);
    let is_secret_used = source.is_true("chapAuthDiscovery") || source.is_true("chapAuthSession");
    if is_secret_used && !source.has("secretRef") {
        errors.required(&path.child("secretRef"), "");
    }
    if let Some(name) = source.maybe_text("initiatorName")
        && let Some(wrong) = iscsi_name(name)
    {
        errors.invalid(&path.child("initiatorname"), &name.into(), wrong);
    }
}

pub(in super::super) fn glusterfs(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["endpoints", "path"]);
}

pub(in super::super) fn flocker(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    let name = source.text("datasetName");
    let uuid = source.text("datasetUUID");
    if name.is_empty() && uuid.is_empty() {
        errors.required(path, "one of datasetName and datasetUUID is required");
    }
    if !name.is_empty() && !uuid.is_empty() {
        errors.invalid(
            path,
            &"resource".into(),
            "datasetName and datasetUUID can not be specified simultaneously",
        );
    }
    if name.contains('/') {
        errors.invalid(
            &path.child("datasetName"),
            &name.into(),
            "must not contain '/'",
        );
    }
}

pub(in super::super) fn persistent_volume_claim(
    errors: &mut FieldErrors,
    path: &FieldPath,
    source: &Value,
) {
    needs(errors, path, source, &["claimName"]);
}

fn monitors(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    if source.list("monitors").is_empty() {
        errors.required(&path.child("monitors"), "");
    }
}

pub(in super::super) fn rbd(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    monitors(errors, path, source);
    needs(errors, path, source, &["image"]);
}

pub(in super::super) fn ceph_fs(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    monitors(errors, path, source);
}

/// A reference to a secret must name it.
pub(in super::super) fn secret_ref(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    if let Some(secret) = source.maybe("secretRef") {
        needs(errors, &path.child("secretRef"), secret, &["name"]);
    }
}

pub(in super::super) fn cinder(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["volumeID"]);
    secret_ref(errors, path, source);
}

pub(in super::super) fn quobyte(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let registry = source.text("registry");
    if registry.is_empty() {
        errors.required(&path.child("registry"), PAIRS);
    } else if source.text("tenant").len() >= 65 {
        errors.required(
            &path.child("tenant"),
            "must be a UUID and may not exceed a length of 64 characters",
        );
    } else {
        let is_pair = |pair: &&str| match pair.rsplit_once(':') {
            Some((host, _)) if host.starts_with('[') => host.ends_with(']'),
            Some((host, _)) => !host.contains(':'),
            None => false,
        };
        for _ in registry.split(',').filter(|pair| !is_pair(pair)) {
            errors.invalid(&path.child("registry"), &registry.into(), PAIRS);
        }
    }
    needs(errors, path, source, &["volume"]);
}

pub(in super::super) fn downward_api(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    file_mode(errors, path, source, "defaultMode");
    for item in source.list("items") {
        // Upstream names the source, not the item.
        downward_api_file(errors, path, item);
    }
}

/// A fact about the pod that becomes a file.
pub(in super::super) fn downward_api_file(
    errors: &mut FieldErrors,
    path: &FieldPath,
    item: &Value,
) {
    needs(errors, path, item, &["path"]);
    local_path_not_reserved(errors, &path.child("path"), item.text("path"));
    match (item.maybe("fieldRef"), item.maybe("resourceFieldRef")) {
        (Some(field), other) => {
            field_selector(errors, &path.child("fieldRef"), field, VOLUME_FIELDS);
            if other.is_some() {
                errors.invalid(
                    path,
                    &"resource".into(),
                    "fieldRef and resourceFieldRef can not be specified simultaneously",
                );
            }
        }
        (None, Some(resource)) => {
            resource_selector(errors, &path.child("resourceFieldRef"), resource, true);
        }
        (None, None) => {
            errors.required(path, "one of fieldRef and resourceFieldRef is required");
        }
    }
    file_mode(errors, path, item, "mode");
}

pub(in super::super) fn fibre_channel(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    let names = path.child("targetWWNs");
    let has_names = !source.list("targetWWNs").is_empty();
    let has_ids = !source.list("wwids").is_empty();
    if !has_names && !has_ids {
        errors.required(
            &names,
            "must specify either targetWWNs or wwids, but not both",
        );
    }
    if has_names && has_ids {
        errors.invalid(
            &names,
            source.at("targetWWNs"),
            "targetWWNs and wwids can not be specified simultaneously",
        );
    }
    if has_names {
        let path = path.child("lun");
        match source.integer("lun") {
            None => errors.required(&path, "lun is required if targetWWNs is specified"),
            Some(lun) => within(errors, &path, lun, 0, 255),
        }
    }
}

pub(in super::super) fn flex_volume(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["driver"]);
    for (key, _) in source.entries("options") {
        let namespace = key.split_once('/').map_or(key, |(namespace, _)| namespace);
        let namespace = format!(".{}", namespace.to_lowercase());
        if namespace.ends_with(".kubernetes.io") || namespace.ends_with(".k8s.io") {
            errors.invalid(
                &path.child("options").key(key),
                &key.into(),
                "kubernetes.io and k8s.io namespaces are reserved",
            );
        }
    }
}

pub(in super::super) fn azure_file(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["secretName", "shareName"]);
}

pub(in super::super) fn azure_disk(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    const MANAGED: &str = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/\
                           microsoft.compute/disks/{disk-id}";
    const BLOB: &str =
        "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
    needs(errors, path, source, &["diskName", "diskURI"]);
    if let Some(mode) = source.maybe_text("cachingMode") {
        let path = path.child("cachingMode");
        one_of(errors, &path, mode, &["None", "ReadOnly", "ReadWrite"]);
    }
    let Some(kind) = source.maybe_text("kind") else {
        return;
    };
    let kinds = ["Dedicated", "Managed", "Shared"];
    one_of(errors, &path.child("kind"), kind, &kinds);
    let uri = source.text("diskURI");
    let (prefix, form) = if kind == "Managed" {
        ("/subscriptions/", MANAGED)
    } else {
        ("https://", BLOB)
    };
    if !uri.starts_with(prefix) {
        errors.not_supported(&path.child("diskURI"), &uri.into(), &[form]);
    }
}

pub(in super::super) fn vsphere_volume(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["volumePath"]);
}

pub(in super::super) fn photon_persistent_disk(
    errors: &mut FieldErrors,
    path: &FieldPath,
    source: &Value,
) {
    needs(errors, path, source, &["pdID"]);
}

pub(in super::super) fn portworx_volume(
    errors: &mut FieldErrors,
    path: &FieldPath,
    source: &Value,
) {
    needs(errors, path, source, &["volumeID"]);
}

pub(in super::super) fn scale_io(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["gateway", "system", "volumeName"]);
}

pub(in super::super) fn storage_os(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["volumeName"]);
    for field in ["volumeName", "volumeNamespace"] {
        let text = source.text(field);
        if !text.is_empty() {
            label(errors, &path.child(field), text);
        }
    }
    secret_ref(errors, path, source);
}

pub(in super::super) fn csi(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    claim_spec::csi_driver_name(errors, &path.child("driver"), source.text("driver"));
    if let Some(secret) = source.maybe("nodePublishSecretRef") {
        let name = secret.text("name");
        if name.is_empty() {
            errors.required(&path.child("nodePublishSecretRef").child("name"), "");
        } else {
            report(errors, &path.child("name"), name, check_subdomain(name));
        }
    }
}

pub(in super::super) fn ephemeral(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    let path = path.child("volumeClaimTemplate");
    match source.maybe("volumeClaimTemplate") {
        None => errors.required(&path, ""),
        Some(template) => claim_spec::template(errors, &path, template),
    }
}

pub(in super::super) fn image(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    needs(errors, path, source, &["reference"]);
    pull_policy(errors, &path.child("pullPolicy"), source.text("pullPolicy"));
}

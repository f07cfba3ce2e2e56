//! Projected volumes: several sources under one root, no two at one path.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`validateProjectionSources`),
//! `pkg/apis/core/validation/names.go`.

use serde_json::Value;

use super::super::label_selector;
use super::super::look::Look;
use super::super::names::{
    check_qualified_name, check_subdomain, local_path_not_reserved, one_of, report, required,
};
use super::super::signer_name::{is_own, signer_name};
use super::volume_source::{downward_api_file, file_mode, key_to_path};
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::schema::go_struct;

/// The paths seen so far in one volume.
struct Paths<'a> {
    seen: Vec<&'a str>,
}

impl<'a> Paths<'a> {
    /// Takes a path; reports it on the volume, with the value upstream shows, where it is taken.
    fn take(&mut self, errors: &mut FieldErrors, volume: &FieldPath, path: &'a str, shown: &str) {
        if self.seen.contains(&path) {
            errors.invalid(volume, &shown.into(), "conflicting duplicate paths");
        } else {
            self.seen.push(path);
        }
    }
}

pub(super) fn projected(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    file_mode(errors, path, source, "defaultMode");
    let mut paths = Paths { seen: Vec::new() };
    let all = path.child("sources");
    for (i, item) in source.list("sources").iter().enumerate() {
        one(errors, path, &all.index(i), item, &mut paths);
    }
}

fn one<'a>(
    errors: &mut FieldErrors,
    volume: &FieldPath,
    path: &FieldPath,
    source: &'a Value,
    paths: &mut Paths<'a>,
) {
    let mut count = 0;
    for field in ["secret", "configMap"] {
        if let Some(source) = source.maybe(field) {
            count += 1;
            keys(errors, volume, &path.child(field), source, paths);
        }
    }
    if let Some(source) = source.maybe("downwardAPI") {
        count += 1;
        for item in source.list("items") {
            downward_api_file(errors, &path.child("downwardAPI"), item);
            let file = item.text("path");
            if !file.is_empty() {
                paths.take(errors, volume, file, file);
            }
        }
    }
    if let Some(source) = source.maybe("serviceAccountToken") {
        count += 1;
        token(errors, volume, &path.child("serviceAccountToken"), source);
    }
    if let Some(source) = source.maybe("clusterTrustBundle") {
        count += 1;
        let path = path.child("clusterTrustBundle");
        trust_bundle(errors, &path, source);
        let file = source.text("path");
        paths.take(errors, volume, file, file);
    }
    if let Some(source) = source.maybe("podCertificate") {
        count += 1;
        let path = path.child("podCertificate");
        certificate(errors, volume, &path, source, paths);
    }
    if count > 1 {
        errors.forbidden(path, "may not specify more than 1 volume type per source");
    }
}

fn keys<'a>(
    errors: &mut FieldErrors,
    volume: &FieldPath,
    path: &FieldPath,
    source: &'a Value,
    paths: &mut Paths<'a>,
) {
    let name = source.text("name");
    required(errors, &path.child("name"), name);
    let items = path.child("items");
    for (i, item) in source.list("items").iter().enumerate() {
        key_to_path(errors, &items.index(i), item);
        let file = item.text("path");
        if !file.is_empty() {
            paths.take(errors, volume, file, name);
        }
    }
}

fn token(errors: &mut FieldErrors, volume: &FieldPath, path: &FieldPath, source: &Value) {
    let expiry = path.child("expirationSeconds");
    match source.integer("expirationSeconds") {
        None => errors.required(&expiry, ""),
        Some(seconds) if seconds < 600 => errors.invalid(
            &expiry,
            &seconds.into(),
            "may not specify a duration less than 10 minutes",
        ),
        Some(seconds) if seconds > 1 << 32 => errors.invalid(
            &expiry,
            &seconds.into(),
            "may not specify a duration larger than 2^32 seconds",
        ),
        Some(_) => {}
    }
    let file = source.text("path");
    if file.is_empty() {
        errors.required(&volume.child("path"), "");
    } else {
        local_path_not_reserved(errors, &volume.child("path"), file);
    }
}

fn trust_bundle(errors: &mut FieldErrors, path: &FieldPath, source: &Value) {
    let name_path = path.child("name");
    let selector = source.at("labelSelector");
    match (source.maybe_text("name"), source.maybe_text("signerName")) {
        (Some(_), Some(_)) => {
            let printed = go_struct::print("core.ClusterTrustBundleProjection", source);
            errors.invalid_text(path, printed, "only one of name and signerName may be used");
        }
        (Some(name), None) => {
            if name.is_empty() {
                errors.required(&name_path, "must be a valid object name");
            }
            for wrong in check_bundle_name(name) {
                let detail = format!("not a valid clustertrustbundlename: {wrong}");
                errors.invalid(&name_path, &name.into(), detail);
            }
            if !selector.is_null() {
                errors.invalid(
                    &path.child("labelSelector"),
                    selector,
                    "labelSelector must be unset if name is specified",
                );
            }
        }
        (None, Some(signer)) => {
            if signer.is_empty() {
                errors.required(&path.child("signerName"), "must be a valid signer name");
            }
            signer_name(errors, &path.child("signerName"), signer);
            label_selector::selector(errors, &path.child("labelSelector"), selector);
        }
        (None, None) => errors.required(path, "either name or signerName must be specified"),
    }
    let file = source.text("path");
    required(errors, &path.child("path"), file);
    local_path_not_reserved(errors, &path.child("path"), file);
}

/// The name of a `ClusterTrustBundle`: a subdomain, behind its signer's name where it has one.
fn check_bundle_name(name: &str) -> Vec<String> {
    match name.rfind(':') {
        Some(at) => check_subdomain(&name[at + 1..]),
        None => check_subdomain(name),
    }
}

const KEY_TYPES: [&str; 6] = [
    "RSA3072",
    "RSA4096",
    "ECDSAP256",
    "ECDSAP384",
    "ECDSAP521",
    "ED25519",
];

fn certificate<'a>(
    errors: &mut FieldErrors,
    volume: &FieldPath,
    path: &FieldPath,
    source: &'a Value,
    paths: &mut Paths<'a>,
) {
    let signer = source.text("signerName");
    signer_name(errors, &path.child("signerName"), signer);
    user_annotations(
        errors,
        &path.child("userAnnotations"),
        source.at("userAnnotations"),
    );
    let key_type = path.child("keyType");
    one_of(errors, &key_type, source.text("keyType"), &KEY_TYPES);
    if let Some(seconds) = source.integer("maxExpirationSeconds") {
        expiration(errors, path, signer, seconds);
    }
    let mut is_written = false;
    for field in ["credentialBundlePath", "keyPath", "certificateChainPath"] {
        let file = source.text(field);
        if !file.is_empty() {
            is_written = true;
            local_path_not_reserved(errors, &path.child(field), file);
            paths.take(errors, volume, file, file);
        }
    }
    if !is_written {
        errors.required(
            path,
            "specify at least one of credentialBundlePath, keyPath, and certificateChainPath",
        );
    }
}

/// Annotations for the signer: each under a domain.
pub fn user_annotations(errors: &mut FieldErrors, path: &FieldPath, annotations: &Value) {
    for key in annotations
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
    {
        let key = key.to_lowercase();
        if key.is_empty() {
            errors.required(path, "");
            continue;
        }
        let wrong = check_qualified_name(&key);
        if wrong.is_empty() && !key.contains('/') {
            errors.invalid(
                path,
                &key.into(),
                "must be a domain-prefixed key (such as \"acme.io/foo\")",
            );
        } else {
            report(errors, path, &key, wrong);
        }
    }
}

/// How long a certificate may last: a day from Kubernetes' own signers, 91 days from others.
fn expiration(errors: &mut FieldErrors, path: &FieldPath, signer: &str, seconds: i64) {
    const DAY: i64 = 24 * 3600;
    let path = path.child("maxExpirationSeconds");
    let max = if is_own(signer) { DAY } else { 91 * DAY };
    if seconds < 3600 {
        let detail = "if provided, maxExpirationSeconds must be >= 3600";
        errors.invalid(&path, &seconds.into(), detail);
    }
    if seconds > max {
        let detail = format!("if provided, maxExpirationSeconds must be <= {max}");
        errors.invalid(&path, &seconds.into(), detail);
    }
}

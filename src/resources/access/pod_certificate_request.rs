//! Requests of pods for certificates.
//!
//! *Upstream:* `pkg/registry/certificates/podcertificaterequest/strategy.go`,
//! `pkg/apis/certificates/validation/validation.go`. Differs: what a signer issues
//! is not read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::certificate_request;
use crate::error::FieldErrors;
use crate::error::field::{FieldError, FieldErrorKind};
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::{Look, fill, is_empty};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_spec::projected::user_annotations;
use crate::resources::shared::signer_name::{is_own, signer_name};
use crate::resources::shared::{conditions, names};
use crate::schema::go_struct;

const SPEC: FieldPath = FieldPath::new("spec");
const STATUS: FieldPath = FieldPath::new("status");
const UID_LENGTH_MAX: usize = 128;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Conditions, at most one of which is true and ends the request.
const ENDS: [&str; 3] = ["Issued", "Denied", "Failed"];

/// What is special about requests of pods.
pub(super) static POD_CERTIFICATE_REQUEST: Plain = Plain {
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    field_labels: &["spec.signerName", "spec.podName", "spec.nodeName"],
    selects_by_namespace: false,
    default: |object| {
        if let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) {
            fill(spec, "maxExpirationSeconds", DAY);
        }
    },
    validate_create: |_, object| validate(object),
    validate_update: |cx, object, old| {
        if cx.subresource == "status" {
            return status(object, old);
        }
        let mut errors = FieldErrors::new();
        let (new, before) = (object.at("spec"), old.at("spec"));
        if new != before {
            errors.invalid_text(
                &SPEC,
                go_struct::print("certificates.PodCertificateRequestSpec", new),
                "field is immutable",
            );
        }
        errors
    },
    ..Plain::DEFAULT
};

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let signer = spec.text("signerName");
    signer_name(&mut errors, &SPEC.child("signerName"), signer);
    let path = SPEC.child("unverifiedUserAnnotations");
    user_annotations(&mut errors, &path, spec.at("unverifiedUserAnnotations"));
    for (name, uid) in [
        ("podName", "podUID"),
        ("serviceAccountName", "serviceAccountUID"),
        ("nodeName", "nodeUID"),
    ] {
        names::subdomain(&mut errors, &SPEC.child(name), spec.text(name));
        let path = SPEC.child(uid);
        let uid = spec.text(uid);
        if uid.is_empty() {
            errors.invalid(&path, &uid.into(), "must not be empty");
        }
        if uid.len() > UID_LENGTH_MAX {
            errors.too_long(&path, UID_LENGTH_MAX);
        }
    }
    let path = SPEC.child("maxExpirationSeconds");
    let Some(seconds) = spec.integer("maxExpirationSeconds") else {
        errors.required(&path, "must be set");
        return errors;
    };
    let most = if is_own(signer) { DAY } else { 91 * DAY };
    if !(HOUR..=most).contains(&seconds) {
        let detail = format!("must be in the range [{HOUR}, {most}]");
        errors.invalid(&path, &seconds.into(), detail);
    }
    let has = |field: &str| !is_empty(spec.at(field));
    let is_stub = has("stubPKCS10Request");
    let parts = (has("pkixPublicKey"), has("proofOfPossession"));
    if !matches!(
        (is_stub, parts),
        (true, (false, false)) | (false, (true, true))
    ) {
        errors.push(FieldError {
            kind: FieldErrorKind::Invalid,
            field: SPEC.to_string(),
            value: String::new(),
            detail: "exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) \
                     must be set"
                .to_owned(),
        });
    } else if is_stub {
        let der = STANDARD
            .decode(spec.text("stubPKCS10Request"))
            .unwrap_or_default();
        stub(&mut errors, &der);
    }
    errors
}

/// The request that the key was made known by. Differs: what kinds of keys there are is not asked.
fn stub(errors: &mut FieldErrors, der: &[u8]) {
    let detail = match certificate_request::check_der(der) {
        Ok(()) => return,
        Err(why) if why.contains("signature") || why.contains("verification") => {
            "invalid signature"
        }
        Err(_) => "must be a valid PKCS#10 CSR",
    };
    errors.push(FieldError {
        kind: FieldErrorKind::Invalid,
        field: SPEC.child("stubPKCS10Request").to_string(),
        value: String::new(),
        detail: detail.to_owned(),
    });
}

fn is_ended(status: &Value, ends: &[&str]) -> bool {
    let mut conditions = status.list("conditions").iter();
    conditions.any(|one| ends.contains(&one.text("type")) && one.text("status") == "True")
}

fn status(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (status, before) = (object.at("status"), old.at("status"));
    let path = STATUS.child("conditions");
    let mut count = 0;
    for (index, condition) in status.list("conditions").iter().enumerate() {
        // Upstream writes the index as a name.
        let index = format!("[{index}]");
        let path = path.child(&index);
        let kind = condition.text("type");
        if !ENDS.contains(&kind) {
            errors.not_supported(&path.child("type"), &kind.into(), &ENDS);
            continue;
        }
        count += 1;
        if count > 1 {
            let detail = "There may be at most one condition with type \"Issued\", \"Denied\", or \
                          \"Failed\"";
            errors.invalid(&path.child("type"), &kind.into(), detail);
        }
        let value = condition.text("status");
        names::one_of(&mut errors, &path.child("status"), value, &["True"]);
    }
    conditions::validate(&mut errors, &path, status.list("conditions"));
    if !errors.is_empty() {
        return errors;
    }
    if is_ended(before, &ENDS) {
        if status != before {
            let detail = "immutable after PodCertificateRequest is issued, denied, or failed";
            status_error(&mut errors, detail);
        }
        return errors;
    }
    let only_conditions = json!({"conditions": status.at("conditions")});
    if is_ended(status, &["Denied", "Failed"]) && *status != only_conditions {
        let detail = "non-condition status fields must be empty when denying or failing the \
                      PodCertificateRequest";
        status_error(&mut errors, detail);
    } else if is_ended(status, &["Issued"]) {
        if status.text("certificateChain").is_empty() {
            let detail = "issued certificate chain must contain at least one certificate";
            let path = STATUS.child("certificateChain");
            errors.invalid(&path, &"".into(), detail);
        }
    } else if !is_ended(status, &ENDS) && status != before {
        let detail = "status is immutable unless transitioning to \"Issued\", \"Denied\", or \
                      \"Failed\"";
        status_error(&mut errors, detail);
    }
    errors
}

/// The status as a whole is wrong; upstream shows none of it.
fn status_error(errors: &mut FieldErrors, detail: &str) {
    errors.push(FieldError {
        kind: FieldErrorKind::Invalid,
        field: STATUS.to_string(),
        value: String::new(),
        detail: detail.to_owned(),
    });
}

//! Requests for certificates: who asks is noted, what is approved stays approved.
//!
//! *Upstream:* `pkg/registry/certificates/certificates/strategy.go`,
//! `pkg/apis/certificates/validation/validation.go`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::certificate_request;
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object, time};
use crate::registry::Context;
use crate::registry::strategy::NameRule;
use crate::resources::shared::look::{Look, each};
use crate::resources::shared::names;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::signer_name::signer_name;

const SPEC: FieldPath = FieldPath::new("spec");
const STATUS: FieldPath = FieldPath::new("status");
/// Conditions that decide, and can only be true.
const DECISIONS: [&str; 3] = ["Approved", "Denied", "Failed"];
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// What is special about requests for certificates.
pub(super) static CERTIFICATE_SIGNING_REQUEST: Plain = Plain {
    name_rule: NameRule::PathSegment,
    resets: &["spec"],
    resets_in_status: &["status.conditions"],
    field_labels: &["spec.signerName"],
    // Approval is a face of its own for the same status.
    writes_status_through_main: true,
    prepare_create: |cx, object| {
        note_user(cx, object);
        object.set(&["status"], json!({}));
        Ok(())
    },
    prepare_update: |cx, object, old| {
        prepare(cx, object, old);
        Ok(())
    },
    validate_create: |_, object| validate(object, None),
    validate_update: |cx, object, old| {
        let mut errors = validate(object, Some(old));
        errors.extend(update(cx, object, old));
        errors
    },
    ..Plain::DEFAULT
};

/// Who asks is not the client's to say.
fn note_user(cx: &Context, object: &mut Object) {
    for field in ["username", "uid", "groups", "extra"] {
        object.remove(&["spec", field]);
    }
    object.set(&["spec", "username"], cx.user.name.as_str());
    if !cx.user.uid.is_empty() {
        object.set(&["spec", "uid"], cx.user.uid.as_str());
    }
    if !cx.user.groups.is_empty() {
        object.set(&["spec", "groups"], json!(cx.user.groups));
    }
    let extra = cx.user.extra.iter();
    let extra: Map<String, Value> = extra
        .map(|(key, values)| (key.clone(), json!(values)))
        .collect();
    if !extra.is_empty() {
        object.set(&["spec", "extra"], extra);
    }
}

/// Each face writes its own part and leaves the rest.
fn prepare(cx: &Context, object: &mut Object, old: &Object) {
    object.set(&["spec"], old.at("spec").clone());
    let before = old.at("status").clone();
    match cx.subresource {
        "" => object.set(&["status"], before),
        "approval" => {
            stamp(cx, object, old);
            let conditions = object.at("status").at("conditions").clone();
            object.set(&["status"], before);
            if conditions.is_null() {
                object.remove(&["status", "conditions"]);
            } else {
                object.set(&["status", "conditions"], conditions);
            }
        }
        _ => {
            for kind in ["Approved", "Denied"] {
                keep_decisions(object, old, kind);
            }
            stamp(cx, object, old);
        }
    }
}

/// Decisions stay as they were made, where as many of them are there.
fn keep_decisions(object: &mut Object, old: &Object, kind: &str) {
    let before: Vec<Value> = of_kind(old, kind).cloned().collect();
    if before.len() != of_kind(object, kind).count() {
        return;
    }
    let Some(conditions) = object
        .get_mut(&["status", "conditions"])
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    let same = conditions
        .iter_mut()
        .filter(|condition| condition.text("type") == kind);
    for (condition, before) in same.zip(before) {
        *condition = before;
    }
}

fn of_kind<'a>(object: &'a Object, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let conditions = object.at("status").list("conditions").iter();
    conditions.filter(move |condition| condition.text("type") == kind)
}

/// Gives conditions their times.
fn stamp(cx: &Context, object: &mut Object, old: &Object) {
    let now = time::seconds(cx.now);
    let Some(status) = object.get_mut(&["status"]).and_then(Value::as_object_mut) else {
        return;
    };
    for condition in each(status, "conditions") {
        if condition.text("lastUpdateTime").is_empty() {
            condition.insert("lastUpdateTime".to_owned(), now.as_str().into());
        }
        if condition.text("lastTransitionTime").is_empty() {
            let before = of_kind(old, condition.text("type"))
                .find(|before| before.text("status") == condition.text("status"))
                .map(|before| before.text("lastTransitionTime"))
                .filter(|time| !time.is_empty());
            let time = before.unwrap_or(&now).to_owned();
            condition.insert("lastTransitionTime".to_owned(), time.into());
        }
    }
}

fn validate(object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let bytes = STANDARD.decode(spec.text("request")).unwrap_or_default();
    if let Err(why) = certificate_request::check(&bytes) {
        errors.invalid(&SPEC.child("request"), spec.at("request"), why);
    }
    let usages: Vec<&str> = spec.texts("usages").collect();
    let path = SPEC.child("usages");
    if usages.is_empty() {
        errors.required(&path, "");
    }
    if old.is_none() {
        for (index, usage) in usages.iter().enumerate() {
            names::one_of(&mut errors, &path.index(index), usage, &USAGES);
        }
        for (index, usage) in usages.iter().enumerate() {
            if usages[..index].contains(usage) {
                errors.duplicate(&path.index(index), &(*usage).into());
            }
        }
    }
    let signer = spec.text("signerName");
    let path = SPEC.child("signerName");
    if old.is_none() && signer == "kubernetes.io/legacy-unknown" {
        let detail = "the legacy signerName is not allowed via this API version";
        errors.invalid(&path, &signer.into(), detail);
    } else {
        signer_name(&mut errors, &path, signer);
    }
    if let Some(seconds) = spec.integer("expirationSeconds")
        && seconds < 600
    {
        let detail = "may not specify a duration less than 600 seconds (10 minutes)";
        errors.invalid(&SPEC.child("expirationSeconds"), &seconds.into(), detail);
    }
    conditions(&mut errors, object);
    certificate(&mut errors, object, old);
    errors
}

fn conditions(errors: &mut FieldErrors, object: &Object) {
    let path = STATUS.child("conditions");
    let conditions = object.at("status").list("conditions");
    for (index, condition) in conditions.iter().enumerate() {
        let item = path.index(index);
        let kind = condition.text("type");
        if kind.is_empty() {
            errors.required(&item.child("type"), "");
        }
        let all = ["False", "True", "Unknown"];
        let known: &[&str] = if DECISIONS.contains(&kind) {
            &["True"]
        } else {
            &all
        };
        let status = condition.text("status");
        names::required_one_of(errors, &item.child("status"), status, known);
        if conditions[..index]
            .iter()
            .any(|other| other.text("type") == kind)
        {
            errors.duplicate(&item.child("type"), &kind.into());
        }
    }
    let has = |kind: &str| of_kind(object, kind).next().is_some();
    if has("Approved") && has("Denied") {
        let of = |kind: &str| format!("conditions[{{\"type\": \"{kind}\"}}]");
        let (approved, denied) = (of("Approved"), of("Denied"));
        let value = format!("{{{approved}, {denied}}}");
        let detail = format!("must specify at most one of: `{approved}`, `{denied}`");
        errors.declared(|errors| errors.invalid(&path, &value.into(), detail));
    }
}

/// A certificate is PEM blocks of that type and nothing else.
fn certificate(errors: &mut FieldErrors, object: &Object, old: Option<&Object>) {
    let certificate = object.at("status").text("certificate");
    let is_known = old.is_some_and(|old| old.at("status").text("certificate") == certificate);
    if certificate.is_empty() || is_known {
        return;
    }
    let bytes = STANDARD.decode(certificate).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut kinds = text
        .split("-----BEGIN ")
        .skip(1)
        .map(|rest| rest.split("-----").next());
    let wrong = match kinds.clone().next() {
        None => "must contain at least one CERTIFICATE PEM block".to_owned(),
        Some(_) => match kinds.find(|kind| *kind != Some("CERTIFICATE")) {
            Some(kind) => {
                let kind = kind.unwrap_or("");
                format!("only CERTIFICATE PEM blocks are allowed, found {kind:?}")
            }
            None => return,
        },
    };
    let path = STATUS.child("certificate");
    errors.invalid(&path, &"<certificate data>".into(), wrong);
}

/// What each face may change.
fn update(cx: &Context, object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = STATUS.child("conditions");
    for kind in DECISIONS {
        if of_kind(object, kind).count() < of_kind(old, kind).count() {
            let detail = format!("updates may not remove a condition of type {kind:?}");
            errors.forbidden(&path, detail);
        }
    }
    if cx.subresource != "approval" {
        for kind in ["Approved", "Denied"] {
            let (new, before) = (of_kind(object, kind).count(), of_kind(old, kind).count());
            let verb = if new > before {
                "add"
            } else if new == before && !of_kind(object, kind).eq(of_kind(old, kind)) {
                "modify"
            } else {
                continue;
            };
            let detail = format!("updates may not {verb} a condition of type {kind:?}");
            errors.forbidden(&path, detail);
        }
    }
    let (new, before) = (
        object.at("status").text("certificate"),
        old.at("status").text("certificate"),
    );
    if new != before {
        let path = STATUS.child("certificate");
        if cx.subresource != "status" {
            errors.forbidden(&path, "updates may not set certificate content");
        } else if !before.is_empty() {
            errors.forbidden(&path, "updates may not modify existing certificate content");
        }
    }
    errors
}

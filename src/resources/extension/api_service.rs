//! Registrations of API groups.
//!
//! *Upstream:* `kube-aggregator/pkg/registry/apiservice/strategy.go`,
//! `kube-aggregator/pkg/apis/apiregistration/validation/validation.go`.

use serde_json::{Value, json};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object, time};
use crate::registry::strategy::NameRule;
use crate::resources::shared::look::{Look, fill};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::{names, url};

const SPEC: FieldPath = FieldPath::new("spec");

/// What is special about registrations.
pub(super) static API_SERVICE: Plain = Plain {
    name_rule: NameRule::PathSegment,
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    default: |object| {
        let service = object
            .get_mut(&["spec", "service"])
            .and_then(Value::as_object_mut);
        if let Some(service) = service {
            fill(service, "port", 443);
        }
    },
    prepare_create: |cx, object| {
        object.remove(&["status"]);
        if !object.at("spec").has("service") {
            let condition = json!({
                "type": "Available",
                "status": "True",
                "reason": "Local",
                "message": "Local APIServices are always available",
                "lastTransitionTime": time::seconds(cx.now),
            });
            object.set(&["status", "conditions"], json!([condition]));
        }
        Ok(())
    },
    validate_create: |_, object| validate(object),
    validate_update: |cx, object, _| match cx.subresource {
        "status" => status(object),
        _ => validate(object),
    },
    ..Plain::DEFAULT
};

fn status(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("status");
    let path = path.child("conditions");
    let conditions = object.at("status").list("conditions");
    for (index, condition) in conditions.iter().enumerate() {
        let (path, status) = (path.index(index), condition.text("status"));
        let known = ["True", "False", "Unknown"];
        names::one_of(&mut errors, &path.child("status"), status, &known);
    }
    errors
}

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let (group, version) = (spec.text("group"), spec.text("version"));
    let expected = format!("{version}.{group}");
    let path = FieldPath::new("metadata");
    if !object.name().is_empty() && object.name() != expected {
        let detail = format!("must be `spec.version+\".\"+spec.group`: {expected:?}");
        errors.invalid(&path.child("name"), &object.name().into(), detail);
    }
    if group.is_empty() {
        if version != "v1" {
            let detail = "only v1 may have an empty group and it better be legacy kube";
            errors.required(&SPEC.child("group"), detail);
        }
    } else {
        names::subdomain(&mut errors, &SPEC.child("group"), group);
    }
    let wrong = crate::registry::meta::names::check_label_1035(version);
    names::report(&mut errors, &SPEC.child("version"), version, wrong);
    let priorities = [("groupPriorityMinimum", 20000), ("versionPriority", 1000)];
    for (field, most) in priorities {
        let priority = spec.number(field);
        if priority <= 0 || priority > most {
            let detail = format!("must be positive and less than {most}");
            errors.invalid(&SPEC.child(field), &priority.into(), detail);
        }
    }
    let bundle = spec.text("caBundle");
    let skips = spec.is_true("insecureSkipTLSVerify");
    let Some(service) = spec.maybe("service") else {
        if !bundle.is_empty() {
            let detail = "local APIServices may not have a caBundle";
            let shown = format!("{} bytes", url::decoded_length(bundle));
            errors.invalid(&SPEC.child("caBundle"), &shown.into(), detail);
        }
        if skips {
            let detail = "local APIServices may not have insecureSkipTLSVerify";
            errors.invalid(&SPEC.child("insecureSkipTLSVerify"), &true.into(), detail);
        }
        return errors;
    };
    let path = SPEC.child("service");
    for field in ["namespace", "name"] {
        names::required(&mut errors, &path.child(field), service.text(field));
    }
    let port = service.number("port");
    if !(1..=65535).contains(&port) {
        let detail = "port is not valid: must be between 1 and 65535, inclusive";
        errors.invalid(&path.child("port"), &port.into(), detail);
    }
    if skips && !bundle.is_empty() {
        let detail = "may not be true if caBundle is present";
        errors.invalid(&SPEC.child("insecureSkipTLSVerify"), &true.into(), detail);
    }
    errors
}

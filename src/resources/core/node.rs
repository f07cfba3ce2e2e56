//! Nodes: taints, pod networks, capacity.
//!
//! *Upstream:* `pkg/registry/core/node/strategy.go`, `pkg/apis/core/validation/validation.go`
//! (`ValidateNode`, `ValidateNodeUpdate`).

use serde_json::{Value, json};

use crate::error::FieldErrors;
use crate::error::field::{FieldError, FieldErrorKind};
use crate::object::quote::quoted;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::registry::meta::names::{SUBDOMAIN_LENGTH_MAX, too_long};
use crate::resources::shared::look::Look;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template::defaults::round_at;
use crate::resources::shared::resource_name::quantity;
use crate::resources::shared::{ip, names};
use crate::schema::go_struct;

const SPEC: FieldPath = FieldPath::new("spec");
const METADATA: FieldPath = FieldPath::new("metadata");
const STATUS: FieldPath = FieldPath::new("status");

/// What is special about nodes.
pub static NODE: Plain = Plain {
    keeps_status_on_create: true,
    field_labels: &["spec.unschedulable"],
    field_value: Some(|object, _| object.at("spec").is_true("unschedulable").to_string()),
    default: fill,
    prepare_create: |_, object| {
        object.remove(&["spec", "configSource"]);
        object.remove(&["spec", "podPreemptionPolicy"]);
        object.remove(&["status", "config"]);
        Ok(())
    },
    prepare_update: |cx, object, old| {
        if cx.subresource.is_empty() && !old.at("spec").has("configSource") {
            object.remove(&["spec", "configSource"]);
        }
        // InPlacePodVerticalScalingSchedulerPreemption is off.
        if cx.subresource.is_empty() && !old.at("spec").has("podPreemptionPolicy") {
            object.remove(&["spec", "podPreemptionPolicy"]);
        }
        if cx.subresource == "status" && !old.at("status").has("config") {
            object.remove(&["status", "config"]);
        }
        Ok(())
    },
    validate_create: |_, object| validate(object),
    validate_update: |cx, object, old| {
        let mut errors = FieldErrors::new();
        if cx.subresource.is_empty() {
            errors.extend(validate(object));
        }
        errors.extend(update(object, old));
        errors
    },
    warn: |cx, object, _| warn(cx, object),
    ..Plain::DEFAULT
};

/// Keeps `podCIDR` and `podCIDRs` in step; what can be allocated is the capacity at first.
fn fill(object: &mut Object) {
    round_at(
        object,
        &[&["status", "capacity"], &["status", "allocatable"]],
    );
    let one = object.at("spec").text("podCIDR").to_owned();
    let first = object
        .at("spec")
        .texts("podCIDRs")
        .next()
        .unwrap_or("")
        .to_owned();
    if !one.is_empty() && one != first {
        object.set(&["spec", "podCIDRs"], json!([one]));
    } else if one.is_empty() && !first.is_empty() {
        object.set(&["spec", "podCIDR"], first);
    }
    let capacity = object.at("status").at("capacity").clone();
    if !capacity.is_null() && !object.at("status").has("allocatable") {
        object.set(&["status", "allocatable"], capacity);
    }
}

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    taints(&mut errors, object);
    resources(&mut errors, object);
    declared_features(&mut errors, object);
    let path = SPEC.child("podCIDRs");
    let ranges: Vec<&str> = object.at("spec").texts("podCIDRs").collect();
    let mut wrong = FieldErrors::new();
    for (index, range) in ranges.iter().enumerate() {
        ip::check_cidr_legacy(&mut wrong, &path.index(index), range);
    }
    let bad = ranges
        .iter()
        .position(|range| ip::Cidr::parse(range).is_none());
    if let Some(i) = bad.filter(|_| ranges.len() > 1) {
        wrong.push(FieldError {
            kind: FieldErrorKind::Internal,
            field: path.to_string(),
            value: String::new(),
            detail: format!(
                "invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[{i}]: \
                 <nil> (invalid CIDR address: {})",
                ranges[i]
            ),
        });
    }
    let v6 = ranges.iter().filter(|range| range.contains(':')).count();
    if ranges.len() > 1 && (ranges.len() > 2 || v6 != 1 || bad.is_some()) {
        let detail = "may specify no more than one CIDR for each IP family";
        wrong.invalid(&path, object.at("spec").at("podCIDRs"), detail);
    }
    errors.extend(wrong);
    errors
}

/// Taints: upstream's path says `metadata.taints`.
fn taints(errors: &mut FieldErrors, object: &Object) {
    let path = METADATA.child("taints");
    let taints = object.at("spec").list("taints");
    for (index, taint) in taints.iter().enumerate() {
        let path = path.index(index);
        names::qualified_name(errors, &path.child("key"), taint.text("key"));
        let value = taint.text("value");
        let wrong = names::check_label_value(value);
        if !wrong.is_empty() {
            errors.invalid(&path.child("value"), &value.into(), wrong.join(";"));
        }
        let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        names::required_one_of(errors, &path.child("effect"), taint.text("effect"), &known);
        let same = |other: &Value| {
            other.text("key") == taint.text("key") && other.text("effect") == taint.text("effect")
        };
        if taints[..index].iter().any(same) {
            errors.push(FieldError {
                kind: FieldErrorKind::Duplicate,
                field: path.to_string(),
                value: go_struct::print("core.Taint", taint),
                detail: "taints must be unique by key and effect pair".to_owned(),
            });
        }
    }
}

fn resources(errors: &mut FieldErrors, object: &Object) {
    for field in ["capacity", "allocatable"] {
        let path = STATUS.child(field);
        for (name, amount) in object.at("status").entries(field) {
            quantity(errors, &path.child(name), name, amount);
        }
    }
}

/// Features that the kubelet says it has: names in order, each once.
fn declared_features(errors: &mut FieldErrors, object: &Object) {
    let path = STATUS.child("declaredFeatures");
    let features: Vec<&str> = object.at("status").texts("declaredFeatures").collect();
    for (index, name) in features.iter().enumerate() {
        if let Some(wrong) = wrong_feature(name) {
            let detail = format!("invalid feature name {}: {wrong}", quoted(name));
            errors.invalid(&path.index(index), &(*name).into(), detail);
        }
        let path = path.index(index + 1);
        match features.get(index + 1) {
            Some(next) if next == name => errors.duplicate(&path, &(*next).into()),
            Some(next) if next < name => {
                errors.invalid(&path, &(*next).into(), "list must be sorted alphabetically");
            }
            _ => {}
        }
    }
}

fn wrong_feature(name: &str) -> Option<String> {
    if name.len() > SUBDOMAIN_LENGTH_MAX {
        return Some(too_long(SUBDOMAIN_LENGTH_MAX));
    }
    let is_segment = |segment: &str| {
        segment.starts_with(|c: char| c.is_ascii_alphabetic())
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let is_good =
        name.starts_with(|c: char| c.is_ascii_uppercase()) && name.split('/').all(is_segment);
    let words = "must start with an UpperCamelCase segment, with subsequent segments separated by \
                 '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric \
                 characters and slashes";
    (!is_good).then(|| words.to_owned())
}

fn update(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    resources(&mut errors, object);
    declared_features(&mut errors, object);
    let addresses = object.at("status").list("addresses");
    for (index, address) in addresses.iter().enumerate() {
        if addresses[..index].contains(address) {
            let path = STATUS.child("addresses");
            errors.push(FieldError {
                kind: FieldErrorKind::Duplicate,
                field: path.index(index).to_string(),
                value: format!(
                    "{{\"Type\":{},\"Address\":{}}}",
                    address.at("type"),
                    address.at("address")
                ),
                detail: String::new(),
            });
        }
    }
    let (new, before) = (object.at("spec"), old.at("spec"));
    let ranges = before.list("podCIDRs");
    if !ranges.is_empty() && ranges != new.list("podCIDRs") {
        let is_longer = ranges.len() != new.list("podCIDRs").len();
        let changed = ranges
            .iter()
            .zip(new.list("podCIDRs"))
            .filter(|(a, b)| a != b)
            .count();
        for _ in 0..if is_longer { 1 } else { changed } {
            let detail = "node updates may not change podCIDR except from \"\" to valid";
            errors.forbidden(&SPEC.child("podCIDRs"), detail);
        }
    }
    let provider = before.text("providerID");
    if !provider.is_empty() && provider != new.text("providerID") {
        let detail = if new.text("providerID").is_empty() {
            "field cannot be cleared once set"
        } else {
            "field cannot be modified once set"
        };
        let path = SPEC.child("providerID");
        errors.declared(|errors| errors.invalid(&path, &Value::Null, detail));
    }
    taints(&mut errors, object);
    if new.text("externalID") != before.text("externalID") {
        errors.forbidden(&SPEC.child("externalID"), "may not be updated");
    }
    errors
}

fn warn(cx: &Context, object: &Object) {
    if cx.subresource == "status" {
        return;
    }
    let spec = object.at("spec");
    if spec.has("configSource") {
        cx.warn("spec.configSource: the feature is removed");
    }
    if !spec.text("externalID").is_empty() {
        cx.warn("spec.externalID: this field is deprecated, and is unused by Kubernetes");
    }
    for (index, range) in spec.texts("podCIDRs").enumerate() {
        let path = SPEC.child("podCIDRs");
        for text in ip::cidr_warnings(&path.index(index), range) {
            cx.warn(text);
        }
    }
}

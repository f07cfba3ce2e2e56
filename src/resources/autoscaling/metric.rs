//! What an autoscaler measures.
//!
//! *Upstream:* `pkg/apis/autoscaling/validation/validation.go` (`validateMetricSpec`).

use serde_json::Value;

use super::horizontal_pod_autoscaler::{GroupRule, reference};
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::registry::meta::names::check_path_segment;
use crate::resources::shared::look::Look;
use crate::resources::shared::quantity::Amount;
use crate::resources::shared::{names, resource_name};

/// Types, and the field that tells more of each, in the order upstream looks at them.
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("External", "external"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
];

/// Checks a metric.
pub(super) fn validate(errors: &mut FieldErrors, path: &FieldPath, metric: &Value) {
    let kind = metric.text("type");
    let kind_path = path.child("type");
    let mut known: Vec<&str> = SOURCES.iter().map(|(kind, _)| *kind).collect();
    known.sort_unstable();
    if kind.is_empty() {
        errors.required(&kind_path, "must specify a metric source type");
    }
    let is_known = known.contains(&kind);
    if !is_known {
        errors.not_supported(&kind_path, &kind.into(), &known);
    }
    let present: Vec<&str> = SOURCES
        .iter()
        .map(|(_, field)| *field)
        .filter(|field| metric.has(field))
        .collect();
    if let Some(field) = present.first() {
        source(errors, &path.child(field), field, metric.at(field));
    }
    let expected = SOURCES
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or("", |(_, f)| *f);
    if !is_known {
        errors.not_supported(&kind_path, &kind.into(), &known);
    } else if !metric.has(expected) {
        let detail = "must populate information for the given metric source";
        errors.required(&path.child(expected), detail);
    }
    if present.len() != 1 {
        for field in present.iter().filter(|field| **field != expected) {
            errors.forbidden(
                &path.child(field),
                "must populate the given metric source only",
            );
        }
    }
}

fn source(errors: &mut FieldErrors, path: &FieldPath, field: &str, source: &Value) {
    match field {
        "object" => {
            let described = source.at("describedObject");
            let rule = GroupRule::CoreToo;
            reference(errors, &path.child("describedObject"), described, rule);
            identifier(errors, &path.child("metric"), source.at("metric"));
        }
        "external" | "pods" => identifier(errors, &path.child("metric"), source.at("metric")),
        _ => resource(errors, path, field, source),
    }
    let target_path = path.child("target");
    let target = source.at("target");
    self::target(errors, &target_path, target);
    let (value, average) = (target.has("value"), target.has("averageValue"));
    let utilization = target.has("averageUtilization");
    let average_path = target_path.child("averageValue");
    match field {
        "object" if !value && !average => {
            errors.required(
                &average_path,
                "must set either a target value or averageValue",
            );
        }
        "external" if !value && !average => {
            let detail = "must set either a target value for metric or a per-pod target";
            errors.required(&average_path, detail);
        }
        "external" if value && average => {
            let detail = "may not set both a target value for metric and a per-pod target";
            errors.forbidden(&target_path.child("value"), detail);
        }
        "pods" if !average => {
            errors.required(&average_path, "must specify a positive target averageValue");
        }
        "resource" | "containerResource" if !utilization && !average => {
            let detail = "must set either a target raw value or a target utilization";
            errors.required(&target_path.child("averageUtilization"), detail);
        }
        "resource" | "containerResource" if utilization && average => {
            let detail = "may not set both a target raw value and a target utilization";
            errors.forbidden(&average_path, detail);
        }
        _ => {}
    }
}

fn resource(errors: &mut FieldErrors, path: &FieldPath, field: &str, source: &Value) {
    let name = source.text("name");
    if name.is_empty() {
        errors.required(&path.child("name"), "must specify a resource name");
    } else if field == "containerResource" {
        resource_name::of_container(errors, &path.child("name"), name);
    }
    if field == "containerResource" {
        let container = source.text("container");
        if container.is_empty() {
            errors.required(&path.child("container"), "must specify a container");
        } else {
            names::label(errors, &path.child("container"), container);
        }
    }
}

fn identifier(errors: &mut FieldErrors, path: &FieldPath, metric: &Value) {
    let name = metric.text("name");
    if name.is_empty() {
        errors.required(&path.child("name"), "must specify a metric name");
    } else {
        names::report(errors, &path.child("name"), name, check_path_segment(name));
    }
}

fn target(errors: &mut FieldErrors, path: &FieldPath, target: &Value) {
    let kind = target.text("type");
    if kind.is_empty() {
        errors.required(&path.child("type"), "must specify a metric target type");
    }
    if !["Utilization", "Value", "AverageValue"].contains(&kind) {
        let detail = "must be either Utilization, Value, or AverageValue";
        errors.invalid(&path.child("type"), &kind.into(), detail);
    }
    for field in ["value", "averageValue"] {
        let amount = Amount::parse(target.text(field));
        if amount.is_some_and(|amount| amount.is_zero() || amount.is_negative()) {
            errors.invalid(&path.child(field), target.at(field), "must be positive");
        }
    }
    if let Some(percent) = target.integer("averageUtilization")
        && percent < 1
    {
        let detail = "must be greater than 0";
        errors.invalid(&path.child("averageUtilization"), &percent.into(), detail);
    }
}

//! Resource quotas: how much a namespace may hold in all.
//!
//! *Upstream:* `pkg/registry/core/resourcequota/strategy.go`,
//! `pkg/apis/core/validation/validation.go` (`ValidateResourceQuota`).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::look::Look;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template::defaults::round_at;
use crate::resources::shared::quantity::Amount;
use crate::resources::shared::resource_name;
use crate::schema::go_struct;

const SPEC: FieldPath = FieldPath::new("spec");
const SCOPES: [&str; 7] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
];

/// What is special about resource quotas.
pub static RESOURCE_QUOTA: Plain = Plain {
    answers_deleted_object: true,
    default: |object| {
        let places: [&[&str]; 3] = [&["spec", "hard"], &["status", "hard"], &["status", "used"]];
        round_at(object, &places);
    },
    validate_create: |_, object| spec(object),
    validate_update: |cx, object, old| {
        if cx.subresource == "status" {
            return status(object);
        }
        let mut errors = spec(object);
        let scopes = |object: &Object| -> BTreeSet<String> {
            object
                .at("spec")
                .texts("scopes")
                .map(str::to_owned)
                .collect()
        };
        if scopes(object) != scopes(old) {
            let value = object.at("spec").at("scopes");
            errors.invalid(&SPEC.child("scopes"), value, "field is immutable");
        }
        errors
    },
    warn: |cx, object, old| {
        if old.is_none() {
            warn(cx, object);
        }
    },
    ..Plain::DEFAULT
};

fn amounts(errors: &mut FieldErrors, path: &FieldPath, amounts: &Value) {
    for (name, amount) in amounts.as_object().into_iter().flatten() {
        resource_name::of_quota(errors, &path.key(name), name);
        resource_name::quantity(errors, &path.key(name), name, amount);
    }
}

fn status(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("status");
    for field in ["hard", "used"] {
        amounts(
            &mut errors,
            &path.child(field),
            object.at("status").at(field),
        );
    }
    errors
}

fn spec(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    amounts(&mut errors, &SPEC.child("hard"), spec.at("hard"));
    let path = SPEC.child("scopes");
    let scopes: Vec<&str> = spec.texts("scopes").collect();
    for scope in &scopes {
        self::scope(
            &mut errors,
            &path,
            &path,
            spec.at("scopes"),
            scope,
            &Value::Null,
            spec,
        );
    }
    conflicting(&mut errors, &path, spec, &scopes);
    if spec.has("scopeSelector") {
        selector(&mut errors, spec);
    }
    errors
}

/// One scope: known, and of use for what is limited.
fn scope(
    errors: &mut FieldErrors,
    name_path: &FieldPath,
    path: &FieldPath,
    value: &Value,
    scope: &str,
    name: &Value,
    spec: &Value,
) {
    if !SCOPES.contains(&scope) {
        let shown = if name.is_null() { value } else { name };
        errors.invalid(name_path, shown, "unsupported scope");
    }
    for (resource, _) in spec.entries("hard") {
        if resource_name::is_standard_for_quota(resource) && !applies(scope, resource) {
            let detail = "unsupported scope applied to resource";
            if value.is_object() {
                let printed = go_struct::print("core.ScopeSelector", value);
                errors.invalid_text(path, printed, detail);
            } else {
                errors.invalid(path, value, detail);
            }
        }
    }
}

/// Whether a scope can hold of a resource.
fn applies(scope: &str, resource: &str) -> bool {
    const COMPUTE: [&str; 6] = [
        "cpu",
        "limits.cpu",
        "limits.memory",
        "memory",
        "requests.cpu",
        "requests.memory",
    ];
    match scope {
        "Terminating"
        | "NotTerminating"
        | "NotBestEffort"
        | "PriorityClass"
        | "CrossNamespacePodAffinity" => resource == "pods" || COMPUTE.contains(&resource),
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => {
            matches!(resource, "persistentvolumeclaims" | "requests.storage")
        }
        _ => true,
    }
}

fn conflicting(errors: &mut FieldErrors, path: &FieldPath, spec: &Value, scopes: &[&str]) {
    for pair in [
        ["BestEffort", "NotBestEffort"],
        ["NotTerminating", "Terminating"],
    ] {
        if pair.iter().all(|scope| scopes.contains(scope)) {
            errors.invalid(path, spec.at("scopes"), "conflicting scopes");
        }
    }
}

fn selector(errors: &mut FieldErrors, spec: &Value) {
    const EXISTS_ONLY: &str = "must be 'Exists' when scope is any of \
        ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, \
        ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or \
        ResourceQuotaScopeCrossNamespacePodAffinity";
    let path = SPEC.child("scopeSelector");
    let path = path.child("matchExpressions");
    let selector = spec.at("scopeSelector");
    let mut scopes = Vec::new();
    for requirement in selector.list("matchExpressions") {
        let scope = requirement.text("scopeName");
        let name_path = path.child("scopeName");
        let name = requirement.at("scopeName");
        self::scope(errors, &name_path, &path, selector, scope, name, spec);
        let operator = requirement.text("operator");
        let is_plain = !matches!(scope, "PriorityClass" | "VolumeAttributesClass");
        if SCOPES.contains(&scope) && is_plain && operator != "Exists" {
            errors.invalid(&path.child("operator"), &operator.into(), EXISTS_ONLY);
        }
        let has_values = !requirement.list("values").is_empty();
        let values = path.child("values");
        match operator {
            "In" | "NotIn" if !has_values => {
                let detail = "must be at least one value when `operator` is 'In' or 'NotIn' for \
                              scope selector";
                errors.required(&values, detail);
            }
            "Exists" | "DoesNotExist" if has_values => {
                let detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for \
                              scope selector";
                errors.invalid(&values, requirement.at("values"), detail);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => {
                let detail = "not a valid selector operator";
                errors.invalid(&path.child("operator"), &operator.into(), detail);
            }
        }
        scopes.push(scope);
    }
    conflicting(errors, &path, spec, &scopes);
}

/// Requests that exceed their limits leave the quota without use.
fn warn(cx: &Context, object: &Object) {
    let hard = object.at("spec").at("hard");
    for name in ["cpu", "memory", "storage", "ephemeral-storage"] {
        let mut request = format!("requests.{name}");
        if !hard.has(&request) && matches!(name, "cpu" | "memory") {
            name.clone_into(&mut request);
        }
        let limit = format!("limits.{name}");
        let amounts = (
            Amount::parse(hard.text(&request)),
            Amount::parse(hard.text(&limit)),
        );
        if let (Some(asked), Some(most)) = amounts
            && asked > most
        {
            cx.warn(format!(
                "ResourceQuota {request} ({asked}) should be less than {limit} ({most})"
            ));
        }
    }
}

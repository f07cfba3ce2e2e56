//! What containers and pods ask of resources.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`validateResourceRequirements`),
//! `pkg/apis/core/helper/helpers.go`.

use serde_json::Value;

use super::super::look::Look;
use super::super::names::{check_qualified_name, label};
use super::super::quantity::Amount;
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Whose resources they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A container's, or the overhead of a pod.
    Container,
    /// A whole pod's.
    Pod,
}

const STANDARD: [&str; 20] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];

const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// Whether the resource is a size of huge pages.
pub fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-")
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && check_qualified_name(&format!("requests.{name}")).is_empty()
}

/// Whether a pod may be given more of the resource than it asks for.
pub fn is_overcommitted(name: &str) -> bool {
    is_native(name) && !is_huge_pages(name)
}

/// Whether pods as a whole may ask for the resource.
pub fn is_for_pods(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || is_huge_pages(name)
}

/// What is wrong with a resource's name.
fn resource_name(errors: &mut FieldErrors, path: &FieldPath, name: &str, holder: Holder) {
    // The names nearly everybody writes.
    if matches!(name, "cpu" | "memory") {
        return;
    }
    let before = errors.len();
    for wrong in check_qualified_name(name) {
        errors.invalid(path, &name.into(), wrong);
    }
    let is_standard =
        STANDARD.contains(&name) || is_huge_pages(name) || name.starts_with("requests.hugepages-");
    if errors.len() == before && !name.contains('/') && !is_standard {
        let detail = "must be a standard resource type or fully qualified";
        errors.invalid(path, &name.into(), detail);
    }
    if holder == Holder::Pod {
        if errors.len() == before && !is_for_pods(name) {
            let supported = ["cpu", "hugepages-", "memory"];
            errors.not_supported(path, &name.into(), &supported);
        }
        return;
    }
    if !name.contains('/') {
        if name != "ephemeral-storage" && !is_huge_pages(name) {
            let detail = "must be a standard resource for containers";
            errors.invalid(path, &name.into(), detail);
        }
    } else if !is_native(name) && !is_extended(name) {
        let detail = "doesn't follow extended resource name standard";
        errors.invalid(path, &name.into(), detail);
    }
}

/// What is wrong with an amount of a resource.
fn resource_amount(errors: &mut FieldErrors, path: &FieldPath, name: &str, value: &Value) {
    let Some(amount) = value.as_str().and_then(Amount::parse) else {
        return;
    };
    if amount.is_negative() {
        errors.invalid(path, value, "must be greater than or equal to 0");
    }
    if !amount.is_whole() && (COUNTED.contains(&name) || is_extended(name)) {
        errors.invalid(path, value, "must be an integer");
    }
    if is_huge_pages(name) {
        let page = Amount::parse(name.trim_start_matches("hugepages-"));
        if !page.is_some_and(|page| amount.is_multiple_of(page)) {
            let text = value.as_str().unwrap_or("");
            let detail = format!("{text} is not positive integer multiple of {name}");
            errors.invalid(path, value, detail);
        }
    }
}

/// Everything that is wrong with limits and requests.
pub(super) fn requirements(
    errors: &mut FieldErrors,
    path: &FieldPath,
    resources: &Value,
    holder: Holder,
    claims: &[&str],
) {
    let (mut has_compute, mut has_huge_pages) = (false, false);
    let limits_path = path.child("limits");
    for (name, value) in resources.entries("limits") {
        let path = limits_path.key(name);
        resource_name(errors, &path, name, holder);
        resource_amount(errors, &path, name, value);
        has_compute |= matches!(name, "cpu" | "memory");
        has_huge_pages |= is_huge_pages(name);
    }
    let requests_path = path.child("requests");
    for (name, value) in resources.entries("requests") {
        let path = requests_path.key(name);
        resource_name(errors, &path, name, holder);
        resource_amount(errors, &path, name, value);
        let limit = resources.at("limits").maybe(name);
        against_limit(errors, &limits_path, &requests_path, name, value, limit);
        has_compute |= matches!(name, "cpu" | "memory");
        has_huge_pages |= is_huge_pages(name);
    }
    if has_huge_pages && !has_compute {
        errors.forbidden(path, "HugePages require cpu or memory");
    }
    claim_names(
        errors,
        &path.child("claims"),
        resources.list("claims"),
        claims,
    );
}

fn against_limit(
    errors: &mut FieldErrors,
    limits: &FieldPath,
    requests: &FieldPath,
    name: &str,
    value: &Value,
    limit: Option<&Value>,
) {
    let Some(limit) = limit.and_then(Value::as_str) else {
        if !is_overcommitted(name) {
            errors.required(limits, "Limit must be set for non overcommitable resources");
        }
        return;
    };
    let request = value.as_str().unwrap_or("");
    if request == limit {
        return;
    }
    let (Some(asked), Some(most)) = (Amount::parse(request), Amount::parse(limit)) else {
        return;
    };
    if asked != most && !is_overcommitted(name) {
        let detail = format!("must be equal to {name} limit of {limit}");
        errors.invalid(requests, value, detail);
    } else if asked > most {
        let detail = format!("must be less than or equal to {name} limit of {limit}");
        errors.invalid(requests, value, detail);
    }
}

/// Claims that a container uses must be claims of its pod.
fn claim_names(errors: &mut FieldErrors, path: &FieldPath, list: &[Value], claims: &[&str]) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (i, claim) in list.iter().enumerate() {
        let path = path.index(i);
        let (name, request) = (claim.text("name"), claim.text("request"));
        if name.is_empty() {
            errors.required(&path, "");
            continue;
        }
        if seen.contains(&(name, "")) {
            errors.duplicate(&path, &name.into());
        } else {
            if !request.is_empty() {
                label(errors, &path.child("request"), request);
            }
            if seen.contains(&(name, request)) {
                errors.duplicate(&path, &format!("{name}/{request}").into());
            } else if request.is_empty() {
                for _ in seen.iter().filter(|(other, _)| *other == name) {
                    errors.duplicate(&path, &name.into());
                }
            }
            seen.push((name, request));
        }
        if !claims.contains(&name) {
            let mut known = claims.to_vec();
            known.sort_unstable();
            known.dedup();
            let which = if known.is_empty() {
                " which is empty".to_owned()
            } else {
                format!(": {}", known.join(", "))
            };
            let detail = format!("must be one of the names in pod.spec.resourceClaims{which}");
            errors.not_found_because(&path, &name.into(), detail);
        }
    }
}

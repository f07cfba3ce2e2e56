//! Names of resources that are counted and limited, and their amounts.
//!
//! *Upstream:* `pkg/apis/core/helper/helpers.go`, `pkg/apis/core/validation/validation.go`.

use serde_json::Value;

use super::names::check_qualified_name;
use super::quantity::Amount;
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Objects that a quota counts.
const COUNTED: [&str; 9] = [
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// What containers ask for, and what quotas say of their requests and limits.
const COMPUTED: [&str; 10] = [
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
];

fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-") || name.starts_with("requests.hugepages-")
}

/// Whether the name is Kubernetes' own.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether more of it may be promised than there is.
pub fn is_overcommitted(name: &str) -> bool {
    is_native(name) && !name.starts_with("hugepages-")
}

/// Whether the name is one that any quota may limit.
pub fn is_standard_for_quota(name: &str) -> bool {
    COUNTED.contains(&name) || COMPUTED.contains(&name) || is_huge_pages(name)
}

/// Checks a name that stands for a resource; whether it was well-formed.
pub fn any(errors: &mut FieldErrors, path: &FieldPath, name: &str) -> bool {
    let wrong = check_qualified_name(name);
    let is_formed = wrong.is_empty();
    super::names::report(errors, path, name, wrong);
    let is_known = name.contains('/') || name == "storage" || is_standard_for_quota(name);
    if is_formed && !is_known {
        let detail = "must be a standard resource type or fully qualified";
        errors.invalid(path, &name.into(), detail);
    }
    is_formed && is_known
}

/// Checks the name of a resource that containers ask for.
pub fn of_container(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    any(errors, path, name);
    if !name.contains('/') {
        let is_standard = ["cpu", "memory", "ephemeral-storage"].contains(&name);
        if !is_standard && !name.starts_with("hugepages-") {
            let detail = "must be a standard resource for containers";
            errors.invalid(path, &name.into(), detail);
        }
    } else if !is_native(name) && !is_extended(name) {
        let detail = "doesn't follow extended resource name standard";
        errors.invalid(path, &name.into(), detail);
    }
}

fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && check_qualified_name(&format!("requests.{name}")).is_empty()
}

/// The name of an extended resource, as types declare it: `example.com/gpu`.
pub fn extended(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    if !name.contains('/') {
        let detail = "a name must be a domain-prefixed path, such as 'example.com/my-prop'";
        errors.invalid(path, &name.into(), detail);
    } else if name.contains("kubernetes.io/") {
        errors.invalid(
            path,
            &name.into(),
            "must not have \"kubernetes.io/\" domain",
        );
    }
    if name.starts_with("requests.") {
        errors.invalid(path, &name.into(), "must not have \"requests.\" prefix");
    }
    let wrong = check_qualified_name(&format!("requests.{name}"));
    super::names::report(errors, path, name, wrong);
}

/// Checks the name of a resource that a quota limits.
pub fn of_quota(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    any(errors, path, name);
    if !name.contains('/') && !is_standard_for_quota(name) {
        errors.invalid(path, &name.into(), "must be a standard resource for quota");
    }
}

/// Checks an amount: not negative, and whole where objects are counted.
pub fn quantity(errors: &mut FieldErrors, path: &FieldPath, name: &str, value: &Value) {
    let Some(amount) = value.as_str().and_then(Amount::parse) else {
        return;
    };
    if amount.is_negative() {
        errors.invalid(path, value, "must be greater than or equal to 0");
    }
    if !amount.is_whole() && (COUNTED.contains(&name) || is_extended(name)) {
        errors.invalid(path, value, "must be an integer");
    }
}

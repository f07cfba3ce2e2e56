//! The status of a pod: what may be written there, and what may not.
//!
//! *Upstream:* `pkg/registry/core/pod/strategy.go` (`podStatusStrategy`),
//! `pkg/apis/core/validation/validation.go` (`ValidatePodStatusUpdate`).

use serde_json::Value;

use super::container_status::{self, LISTS};
use crate::error::FieldErrors;
use crate::error::field::{FieldError, FieldErrorKind};
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::ip;
use crate::resources::shared::look::Look;
use crate::resources::shared::names::{
    check_label, check_subdomain, is_dual_stack, qualified_name, report,
};
use crate::resources::shared::pod_template::{annotations, defaults};
use crate::schema::go_struct;

const METADATA: FieldPath<'static> = FieldPath::new("metadata");
const STATUS: FieldPath<'static> = FieldPath::new("status");

/// Restores what old clients drop without meaning to.
pub(super) fn prepare(object: &mut Object, old: &Object) {
    match old.get(&["metadata", "ownerReferences"]) {
        Some(owners) => object.set(&["metadata", "ownerReferences"], owners.clone()),
        None => {
            object.remove(&["metadata", "ownerReferences"]);
        }
    }
    let kept = [
        "qosClass",
        "resourceClaimStatuses",
        "extendedResourceClaimStatus",
        "nodeAllocatableResourceClaimStatuses",
        "observedGeneration",
    ];
    for field in kept {
        let was = old.at("status").at(field);
        let is_gone = match object.at("status").at(field) {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Number(number) => number.as_i64() == Some(0),
            _ => false,
        };
        if is_gone && !was.is_null() {
            object.set(&["status", field], was.clone());
        }
    }
    // DRANodeAllocatableResources and CSIVolumeHealth are off.
    for field in ["nodeAllocatableResourceClaimStatuses", "volumeHealth"] {
        if old.at("status").list(field).is_empty() {
            object.remove(&["status", field]);
        }
    }
    let mut seen: Vec<(&str, usize)> = Vec::new();
    let conditions = object.get_mut(&["status", "conditions"]);
    let conditions = conditions.and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        observed_generation(condition, old, &mut seen);
    }
    // A status without its podIPs keeps the rule that both are the same.
    let mut whole = std::mem::take(object);
    let mut only = serde_json::Map::new();
    if let Some(status) = whole.as_map_mut().remove("status") {
        only.insert("status".to_owned(), status);
        defaults::addresses(&mut only);
        if let Some(status) = only.remove("status") {
            whole.set(&["status"], status);
        }
    }
    *object = whole;
}

/// A condition that does not say which generation it is of keeps what it said before.
fn observed_generation<'a>(
    condition: &mut Value,
    old: &'a Object,
    seen: &mut Vec<(&'a str, usize)>,
) {
    let kind = condition.text("type").to_owned();
    let mut same = old
        .at("status")
        .list("conditions")
        .iter()
        .filter(|other| other.text("type") == kind);
    let skipped = seen.iter().filter(|(other, _)| *other == kind).count();
    let Some(was) = same.nth(skipped) else {
        return;
    };
    seen.push((was.text("type"), skipped));
    let generation = was.number("observedGeneration");
    if condition.number("observedGeneration") == 0 && generation != 0 {
        condition["observedGeneration"] = generation.into();
    }
}

pub(super) fn warn(cx: &Context, object: &Object) {
    for field in ["podIPs", "hostIPs"] {
        let path = STATUS.child(field);
        for (i, entry) in object.at("status").list(field).iter().enumerate() {
            let path = path.index(i);
            if let Some(warning) = ip::warning(&path.child("ip"), entry.text("ip")) {
                cx.warn(warning);
            }
        }
    }
}

pub(super) fn validate(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (status, was, spec) = (object.at("status"), old.at("status"), old.at("spec"));
    let path = METADATA.child("annotations");
    let metadata = object.at("metadata");
    annotations::validate_update(&mut errors, &path, metadata, old.at("metadata"));
    annotations::validate(&mut errors, &path, metadata, spec);
    conditions(&mut errors, status);
    nominated_node(&mut errors, status, was, spec);
    let path = STATUS.child("observedGeneration");
    not_negative(&mut errors, &path, status.number("observedGeneration"));
    if status.text("qosClass") != was.text("qosClass") {
        let detail = "field is immutable";
        errors.invalid(&STATUS.child("qosClass"), status.at("qosClass"), detail);
    }
    for list in LISTS {
        transitions(&mut errors, list, status, was, spec);
    }
    claims(&mut errors, status, spec);
    extended_claim(&mut errors, status, spec);
    for (single, list) in [("podIP", "podIPs"), ("hostIP", "hostIPs")] {
        addresses(&mut errors, single, list, status, was);
    }
    container_status::validate(&mut errors, status, spec);
    errors
}

fn not_negative(errors: &mut FieldErrors, path: &FieldPath, number: i64) {
    if number < 0 {
        errors.invalid(path, &number.into(), "must be a non-negative integer");
    }
}

fn conditions(errors: &mut FieldErrors, status: &Value) {
    let path = STATUS.child("conditions");
    for (i, condition) in status.list("conditions").iter().enumerate() {
        let path = path.index(i);
        let generation = condition.number("observedGeneration");
        not_negative(errors, &path.child("observedGeneration"), generation);
        let kind = condition.text("type");
        if !matches!(kind, "PodScheduled" | "Ready" | "Initialized") {
            qualified_name(errors, &path.child("Type"), kind);
        }
    }
}

fn nominated_node(errors: &mut FieldErrors, status: &Value, was: &Value, spec: &Value) {
    let path = STATUS.child("nominatedNodeName");
    let node = status.text("nominatedNodeName");
    if node.is_empty() || node == was.text("nominatedNodeName") {
        return;
    }
    report(errors, &path, node, check_subdomain(node));
    if !spec.text("nodeName").is_empty() {
        let detail = "may not be set on pods that are already bound to a node";
        errors.forbidden(&path, detail);
    }
}

/// A container that has ended stays so, unless something starts it again.
fn transitions(errors: &mut FieldErrors, list: &str, new: &Value, old: &Value, spec: &Value) {
    let restarts_all = ["initContainers", "containers"].iter().any(|list| {
        let rules = spec.list(list).iter();
        rules
            .flat_map(|container| container.list("restartPolicyRules"))
            .any(|rule| rule.text("action") == "RestartAllContainers")
    });
    let is_ephemeral = list == "ephemeralContainerStatuses";
    if restarts_all && !is_ephemeral {
        return;
    }
    let path = STATUS.child(list);
    for (i, was) in old.list(list).iter().enumerate() {
        let Some(end) = was.at("state").maybe("terminated") else {
            continue;
        };
        let name = was.text("name");
        let is_again = new
            .list(list)
            .iter()
            .any(|status| status.text("name") == name && !status.at("state").has("terminated"));
        let containers = if list == "containerStatuses" {
            spec.list("containers")
        } else {
            spec.list("initContainers")
        };
        let container = containers.iter().find(|c| c.text("name") == name);
        let is_allowed =
            !is_ephemeral && container.is_some_and(|container| starts_again(container, spec, end));
        if is_again && !is_allowed {
            errors.forbidden(
                &path.index(i).child("state"),
                "may not be transitioned to non-terminated state",
            );
        }
    }
}

/// Whether a container is started again after it ended in this way.
fn starts_again(container: &Value, spec: &Value, end: &Value) -> bool {
    let code = end.number("exitCode");
    let by_policy = |policy: &str| match policy {
        "OnFailure" => code != 0,
        "Never" => false,
        _ => true,
    };
    let Some(policy) = container.maybe_text("restartPolicy") else {
        return by_policy(spec.text("restartPolicy"));
    };
    let is_matched = container.list("restartPolicyRules").iter().any(|rule| {
        let codes = rule.at("exitCodes");
        let is_listed = codes
            .list("values")
            .iter()
            .any(|value| value.as_i64() == Some(code));
        match codes.text("operator") {
            "In" => is_listed,
            "NotIn" => !is_listed,
            _ => false,
        }
    });
    is_matched || by_policy(policy)
}

fn claims(errors: &mut FieldErrors, status: &Value, spec: &Value) {
    let path = STATUS.child("resourceClaimStatuses");
    let list = status.list("resourceClaimStatuses");
    for (i, claim) in list.iter().enumerate() {
        let path = path.index(i);
        let name = claim.text("name");
        let is_known = spec
            .list("resourceClaims")
            .iter()
            .any(|other| other.text("name") == name);
        if !is_known {
            errors.invalid(
                &path.child("name"),
                &name.into(),
                "must match the name of an entry in `spec.resourceClaims`",
            );
        }
        if list[..i].iter().any(|other| other.text("name") == name) {
            errors.duplicate(&path.child("name"), &name.into());
        }
        if let Some(name) = claim.maybe_text("resourceClaimName") {
            let path = path.child("resourceClaimName");
            report(errors, &path, name, check_subdomain(name));
        }
    }
}

/// The claim for extended resources: which request of which container it serves.
fn extended_claim(errors: &mut FieldErrors, status: &Value, spec: &Value) {
    let Some(claim) = status.maybe("extendedResourceClaimStatus") else {
        return;
    };
    let path = STATUS.child("extendedResourceClaimStatus");
    let list_path = path.child("requestMappings");
    let mappings = claim.list("requestMappings");
    if mappings.is_empty() {
        errors.required(&list_path, "at least one request mapping is required");
    }
    let containers = ["containers", "initContainers"].map(|list| spec.list(list));
    for (i, mapping) in mappings.iter().enumerate() {
        let item = list_path.index(i);
        let of = |field: &str| mapping.text(field);
        let (container, resource) = (of("containerName"), of("resourceName"));
        match containers
            .concat()
            .iter()
            .find(|c| c.text("name") == container)
        {
            Some(found) if found.at("resources").at("requests").has(resource) => {}
            Some(_) => {
                let detail = "must match the extended resource name of an entry in \
                              spec.initContainers.resources.requests or \
                              spec.containers.resources.requests";
                errors.invalid(&item.child("resourceName"), &resource.into(), detail);
            }
            None => {
                let detail = "must match the name of an entry in spec.initContainers.name or \
                              spec.containers.name";
                errors.invalid(&item.child("containerName"), &container.into(), detail);
            }
        }
        let request = of("requestName");
        // Upstream's path leads past the item here.
        report(
            errors,
            &path.child("requestName"),
            request,
            check_label(request),
        );
        let parts = ["containerName", "resourceName", "requestName"];
        let same = |other: &Value| parts.iter().all(|part| other.text(part) == of(part));
        if mappings[..i].iter().any(same) {
            for part in parts {
                errors.duplicate(&item.child(part), &of(part).into());
            }
        }
    }
    let name = claim.text("resourceClaimName");
    let path = path.child("resourceClaimName");
    if name.is_empty() {
        errors.required(&path, "");
    } else {
        report(errors, &path, name, check_subdomain(name));
    }
}

/// Addresses: valid, at most one of each family, the first of them the single one.
fn addresses(errors: &mut FieldErrors, single: &str, list: &str, new: &Value, old: &Value) {
    let path = STATUS.child(list);
    let addresses: Vec<&str> = new
        .list(list)
        .iter()
        .map(|entry| entry.text("ip"))
        .collect();
    let own = new.text(single);
    let first_path = path.index(0);
    let is_pod = single == "podIP";
    let same_first = |errors: &mut FieldErrors| {
        if let Some(first) = addresses.first()
            && *first != own
        {
            let detail = format!("must be equal to `{single}`");
            errors.invalid(&first_path.child("ip"), &(*first).into(), detail);
        }
    };
    let kind = if is_pod {
        "[]core.PodIP"
    } else {
        "[]core.HostIP"
    };
    let printed = || go_struct::print(kind, new.at(list));
    if !is_pod {
        same_first(errors);
    }
    for (i, address) in addresses.iter().enumerate() {
        let was = old
            .list(list)
            .iter()
            .any(|entry| entry.text("ip") == *address);
        if !was {
            ip::check_legacy(errors, &path.index(i), address);
        }
    }
    let is_pair = addresses.len() == 2 && is_dual_stack(addresses[0], addresses[1]);
    if addresses.len() > 1 && !is_pair {
        let bad = addresses.iter().position(|text| ip::parse(text).is_none());
        if let Some(i) = bad {
            errors.push(FieldError {
                kind: FieldErrorKind::Internal,
                field: path.to_string(),
                value: String::new(),
                detail: format!(
                    "failed to check for dual stack with error:invalid IP[{i}]: {}",
                    addresses[i]
                ),
            });
        }
        let detail = "may specify no more than one IP for each IP family";
        errors.invalid_text(&path, printed(), detail);
    }
    if !is_pod {
        return;
    }
    if own.is_empty() == addresses.is_empty() {
        same_first(errors);
    } else {
        let detail = "podIP and podIPs must either both be set or both be unset";
        errors.invalid_text(&path, printed(), detail);
    }
}

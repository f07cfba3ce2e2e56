//! What the statuses of containers say of users and of the resources they were given.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`validateContainerStatusUsers`,
//! `validateContainerStatusAllocatedResourcesStatus`).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::resources::shared::look::Look;
use crate::resources::shared::names::user_or_group;
use crate::resources::shared::quantity::Amount;

const STATUS: FieldPath<'static> = FieldPath::new("status");
const ALLOCATED: &str = "allocatedResourcesStatus";
const EPHEMERAL: &str = "ephemeralContainerStatuses";

/// The lists of container statuses.
pub(super) const LISTS: [&str; 3] = ["containerStatuses", "initContainerStatuses", EPHEMERAL];
/// The containers of the first two.
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

const HEALTHS: [&str; 3] = ["Healthy", "Unhealthy", "Unknown"];
/// The longest message about a resource's health.
const MESSAGE_MAX: usize = 1024;
/// What the name of a resource begins with that a claim has.
const CLAIM: &str = "claim:";

/// Everything that is wrong with users and resources.
pub(super) fn validate(errors: &mut FieldErrors, status: &Value, spec: &Value) {
    for list in LISTS {
        users(errors, list, status, spec);
    }
    for (list, containers) in LISTS.into_iter().zip(CONTAINERS) {
        let list_path = STATUS.child(list);
        for (i, container) in status.list(list).iter().enumerate() {
            let item = list_path.index(i);
            let path = item.child(ALLOCATED);
            let mut of_pod = spec.list(containers).iter();
            let own = of_pod.find(|own| own.text("name") == container.text("name"));
            for (j, resource) in container.list(ALLOCATED).iter().enumerate() {
                let path = path.index(j);
                if let Some(own) = own {
                    allocated_name(errors, &path, resource, own, status);
                }
                healths(errors, &path, resource.list("resources"));
            }
        }
    }
    // Ephemeral containers are given nothing.
    let list_path = STATUS.child(EPHEMERAL);
    for (i, container) in status.list(EPHEMERAL).iter().enumerate() {
        if !container.list(ALLOCATED).is_empty() {
            let detail = "must not be specified in container status";
            errors.forbidden(&list_path.index(i).child(ALLOCATED), detail);
        }
    }
}

/// The users that containers run as.
fn users(errors: &mut FieldErrors, list: &str, status: &Value, spec: &Value) {
    let list_path = STATUS.child(list);
    for (i, container) in status.list(list).iter().enumerate() {
        let Some(linux) = container.at("user").maybe("linux") else {
            continue;
        };
        let item = list_path.index(i);
        let user = item.child("user");
        let path = user.child("linux");
        if spec.at("os").text("name") == "windows" {
            errors.forbidden(&path, "cannot be set for a windows pod");
            continue;
        }
        let uid = linux.number("uid");
        let most = i64::from(u32::MAX);
        if !(0..=most).contains(&uid) {
            let detail = format!("must be between 0 and {most}, inclusive");
            errors.invalid(&path.child("uid"), &uid.into(), detail);
        }
        user_or_group(errors, &path.child("gid"), linux.number("gid"));
        let groups = path.child("supplementalGroups");
        for (j, group) in linux.list("supplementalGroups").iter().enumerate() {
            user_or_group(errors, &groups.index(j), group.as_i64().unwrap_or(0));
        }
    }
}

/// A resource that a container was given is one that it asks for.
fn allocated_name(
    errors: &mut FieldErrors,
    path: &FieldPath,
    resource: &Value,
    container: &Value,
    status: &Value,
) {
    let name = resource.text("name");
    let resources = container.at("resources");
    let (is_asked_for, detail) = match name.strip_prefix(CLAIM) {
        Some(claim) => (
            is_claimed(claim, resources, container.text("name"), status),
            "must match one of the container's resource claims as \
             'claim:<claimName>/<requestName>' when container.resources.claims[*].request is set \
             or 'claim:<claimName>' when it is empty",
        ),
        None => (
            resources.at("requests").has(name),
            "must match one of the container's resource requests",
        ),
    };
    if !is_asked_for {
        errors.invalid(&path.child("name"), &name.into(), detail);
    }
}

/// Whether a claim, or a request of it, is the container's own or made for what it requests.
fn is_claimed(claim: &str, resources: &Value, container: &str, status: &Value) -> bool {
    let is_own = resources.list("claims").iter().any(|own| {
        let (name, request) = (own.text("name"), own.text("request"));
        let rest = claim.strip_prefix(name);
        if request.is_empty() {
            rest == Some("")
        } else {
            rest.and_then(|rest| rest.strip_prefix('/')) == Some(request)
        }
    });
    let extended = status.at("extendedResourceClaimStatus");
    let made = claim.split_once('/').filter(|(name, request)| {
        !request.is_empty() && *name == extended.text("resourceClaimName")
    });
    let is_mapped = |request: &str| {
        extended.list("requestMappings").iter().any(|mapping| {
            let amount = resources.at("requests").text(mapping.text("resourceName"));
            mapping.text("containerName") == container
                && mapping.text("requestName") == request
                && Amount::parse(amount).is_some_and(|amount| amount != Amount::ZERO)
        })
    };
    is_own || made.is_some_and(|(_, request)| is_mapped(request))
}

/// Each resource has a health and an id of its own.
fn healths(errors: &mut FieldErrors, path: &FieldPath, resources: &[Value]) {
    let path = path.child("resources");
    let mut seen = BTreeSet::new();
    for (k, resource) in resources.iter().enumerate() {
        let path = path.index(k);
        let health = resource.text("health");
        if !HEALTHS.contains(&health) {
            errors.not_supported(&path.child("health"), &health.into(), &HEALTHS);
        }
        if let Some(message) = resource.maybe_text("message") {
            let path = path.child("message");
            if message.is_empty() {
                errors.required(&path, "must be non-empty if specified");
            } else if message.len() > MESSAGE_MAX {
                errors.too_long(&path, MESSAGE_MAX);
            }
        }
        let id = resource.text("resourceID");
        if !seen.insert(id) {
            errors.duplicate(&path.child("resourceID"), &id.into());
        }
    }
}

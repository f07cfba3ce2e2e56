//! The three lists of containers of a pod.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`validateContainers`,
//! `validateInitContainers`, `validateEphemeralContainers`).

use serde_json::Value;

use super::super::look::Look;
use super::{Pod, container, handler};
use crate::error::FieldErrors;
use crate::object::FieldPath;

pub(super) fn regular(errors: &mut FieldErrors, path: &FieldPath, list: &[Value], pod: &Pod) {
    if list.is_empty() {
        errors.required(path, "");
        return;
    }
    for (i, container) in list.iter().enumerate() {
        let path = path.index(i);
        container::common(errors, &path, container, pod);
        let name = container.text("name");
        if list[..i].iter().any(|other| other.text("name") == name) {
            errors.duplicate(&path.child("name"), &name.into());
        }
        handler::all(errors, &path, container, pod.grace);
        container::restart_policy(errors, &path, container);
    }
    container::host_ports(errors, path, list);
}

pub(super) fn init(
    errors: &mut FieldErrors,
    path: &FieldPath,
    list: &[Value],
    regular: &[Value],
    pod: &Pod,
) {
    for (i, container) in list.iter().enumerate() {
        let item = path.index(i);
        container::common(errors, &item, container, pod);
        if container.has("restartPolicy") || !container.list("restartPolicyRules").is_empty() {
            container::restart_policy(errors, &item, container);
        }
        let name = container.text("name");
        let is_same = |other: &Value| other.text("name") == name;
        let before = list[..i]
            .iter()
            .filter(|other| !other.text("name").is_empty());
        if regular.iter().chain(before).any(is_same) {
            errors.duplicate(&item.child("name"), &name.into());
        }
        // They run one by one, so that only ports of the same one conflict; upstream then always
        // names the first.
        container::host_ports(errors, path, std::slice::from_ref(container));
        if container.text("restartPolicy") == "Always" {
            handler::all(errors, &item, container, pod.grace);
            continue;
        }
        for field in [
            "lifecycle",
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
        ] {
            if container.has(field) {
                errors.forbidden(
                    &item.child(field),
                    "may not be set for init containers without restartPolicy=Always",
                );
            }
        }
        let policies = item.child("resizePolicy");
        for (j, policy) in container.list("resizePolicy").iter().enumerate() {
            if policy.text("restartPolicy") == "RestartContainer" {
                errors.invalid(
                    &policies.index(j).child("restartPolicy"),
                    &"RestartContainer".into(),
                    "must not be set to 'RestartContainer' for non-sidecar initContainers",
                );
            }
        }
    }
}

pub(super) fn ephemeral(
    errors: &mut FieldErrors,
    path: &FieldPath,
    list: &[Value],
    spec: &Value,
    pod: &Pod,
) {
    let others = || {
        let regular = spec.list("containers").iter();
        regular.chain(spec.list("initContainers"))
    };
    for (i, container) in list.iter().enumerate() {
        let path = path.index(i);
        container::common(errors, &path, container, pod);
        container::image_of_pod(errors, &path, container);
        let name = container.text("name");
        if others()
            .chain(&list[..i])
            .any(|other| other.text("name") == name)
        {
            errors.duplicate(&path.child("name"), &name.into());
        }
        let target = container.text("targetContainerName");
        if !target.is_empty() && others().all(|other| other.text("name") != target) {
            errors.not_found(&path.child("targetContainerName"), &target.into());
        }
        ephemeral_only(errors, &path, container);
    }
}

/// What a container that only debugs may not have.
fn ephemeral_only(errors: &mut FieldErrors, path: &FieldPath, container: &Value) {
    const WORDS: &str = "cannot be set for an Ephemeral Container";
    // In the order of Go's struct.
    let refused = [
        "ports",
        "resources",
        "resizePolicy",
        "restartPolicy",
        "restartPolicyRules",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle",
    ];
    for field in refused {
        let is_set = match container.maybe(field) {
            None => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(map)) if field == "resources" => !map.is_empty(),
            Some(_) => true,
        };
        if is_set {
            errors.forbidden(&path.child(field), WORDS);
        }
    }
    let mounts = path.child("volumeMounts");
    for (i, mount) in container.list("volumeMounts").iter().enumerate() {
        for field in ["subPath", "subPathExpr"] {
            if !mount.text(field).is_empty() {
                errors.forbidden(&mounts.index(i).child(field), WORDS);
            }
        }
    }
}

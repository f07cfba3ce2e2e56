//! What all containers have in common: names, images, ports, policies.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`validateContainerCommon`).

use serde_json::Value;

use super::super::look::Look;
use super::super::names::{check_port_name, label, one_of, port_number, report, required_one_of};
use super::{Pod, environment, mount, resources, security};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// When an image is pulled.
pub(super) fn pull_policy(errors: &mut FieldErrors, path: &FieldPath, policy: &str) {
    required_one_of(errors, path, policy, &["Always", "IfNotPresent", "Never"]);
}

/// Everything that is wrong with a container of any kind.
pub(super) fn common(errors: &mut FieldErrors, path: &FieldPath, container: &Value, pod: &Pod) {
    let name = container.text("name");
    if name.is_empty() {
        errors.required(&path.child("name"), "");
    } else {
        label(errors, &path.child("name"), name);
    }
    if container.text("image").is_empty() {
        errors.required(&path.child("image"), "");
    }
    required_one_of(
        errors,
        &path.child("terminationMessagePolicy"),
        container.text("terminationMessagePolicy"),
        &["File", "FallbackToLogsOnError"],
    );
    ports(errors, &path.child("ports"), container.list("ports"));
    environment::variables(errors, &path.child("env"), container.list("env"));
    environment::variables_from(errors, &path.child("envFrom"), container.list("envFrom"));
    mount::mounts(errors, &path.child("volumeMounts"), container, pod);
    mount::devices(errors, &path.child("volumeDevices"), container, pod);
    pull_policy(
        errors,
        &path.child("imagePullPolicy"),
        container.text("imagePullPolicy"),
    );
    if let Some(value) = container.maybe("resources") {
        let kind = resources::Holder::Container;
        resources::requirements(errors, &path.child("resources"), value, kind, &pod.claims);
    }
    resize_policies(errors, &path.child("resizePolicy"), container, pod);
    if let Some(value) = container.maybe("securityContext") {
        security::container(
            errors,
            &path.child("securityContext"),
            value,
            pod.host_users,
        );
    }
}

fn ports(errors: &mut FieldErrors, path: &FieldPath, list: &[Value]) {
    for (i, port) in list.iter().enumerate() {
        let path = path.index(i);
        let name = port.text("name");
        if !name.is_empty() {
            let wrong = check_port_name(name);
            let path = path.child("name");
            if !wrong.is_empty() {
                report(errors, &path, name, wrong);
            } else if list[..i].iter().any(|other| other.text("name") == name) {
                errors.duplicate(&path, &name.into());
            }
        }
        match port.number("containerPort") {
            0 => errors.required(&path.child("containerPort"), ""),
            number => port_number(errors, &path.child("containerPort"), number),
        }
        let host_port = port.number("hostPort");
        if host_port != 0 {
            port_number(errors, &path.child("hostPort"), host_port);
        }
        required_one_of(
            errors,
            &path.child("protocol"),
            port.text("protocol"),
            &["SCTP", "TCP", "UDP"],
        );
    }
}

/// Ports of the host that containers take twice.
pub(super) fn host_ports(errors: &mut FieldErrors, path: &FieldPath, containers: &[Value]) {
    let mut taken: Vec<(&str, &str, i64)> = Vec::new();
    for (i, container) in containers.iter().enumerate() {
        for (j, port) in container.list("ports").iter().enumerate() {
            let number = port.number("hostPort");
            if number == 0 {
                continue;
            }
            let entry = (port.text("protocol"), port.text("hostIP"), number);
            if taken.contains(&entry) {
                let container = path.index(i);
                let ports = container.child("ports");
                let item = ports.index(j);
                let text = format!("{}/{}/{number}", entry.0, entry.1);
                errors.duplicate(&item.child("hostPort"), &text.into());
            } else {
                taken.push(entry);
            }
        }
    }
}

fn resize_policies(errors: &mut FieldErrors, path: &FieldPath, container: &Value, pod: &Pod) {
    let list = container.list("resizePolicy");
    for (i, policy) in list.iter().enumerate() {
        let (resource, restart) = (policy.text("resourceName"), policy.text("restartPolicy"));
        if list[..i]
            .iter()
            .any(|other| other.text("resourceName") == resource)
        {
            errors.duplicate(&path.index(i), &resource.into());
        }
        required_one_of(errors, path, resource, &["cpu", "memory"]);
        required_one_of(errors, path, restart, &["NotRequired", "RestartContainer"]);
        if pod.restart_policy == "Never" && restart != "NotRequired" {
            errors.invalid(
                path,
                &restart.into(),
                "must be 'NotRequired' when pod `restartPolicy` is 'Never'",
            );
        }
    }
}

/// When a container of its own accord is started again.
pub(super) fn restart_policy(errors: &mut FieldErrors, path: &FieldPath, container: &Value) {
    let rules = container.list("restartPolicyRules");
    let policy_path = path.child("restartPolicy");
    match container.maybe_text("restartPolicy") {
        None if rules.is_empty() => return,
        None => errors.required(
            &policy_path,
            "must specify restartPolicy when restart rules are used",
        ),
        Some(policy) => {
            one_of(
                errors,
                &policy_path,
                policy,
                &["Always", "Never", "OnFailure"],
            );
        }
    }
    let rules_path = path.child("restartPolicyRules");
    if rules.len() > 20 {
        errors.too_many(&rules_path, rules.len(), 20);
    }
    for (i, rule) in rules.iter().enumerate() {
        let path = rules_path.index(i);
        let actions = ["Restart", "RestartAllContainers"];
        one_of(errors, &path.child("action"), rule.text("action"), &actions);
        let codes_path = path.child("exitCodes");
        let Some(codes) = rule.maybe("exitCodes") else {
            errors.required(&codes_path, "must be specified");
            continue;
        };
        let operator = codes_path.child("operator");
        one_of(errors, &operator, codes.text("operator"), &["In", "NotIn"]);
        let count = codes.list("values").len();
        if count > 255 {
            errors.too_many(&codes_path.child("values"), count, 255);
        }
    }
}

/// An image of a pod, not of a template, has no space around it.
pub(super) fn image_of_pod(errors: &mut FieldErrors, path: &FieldPath, container: &Value) {
    let image = container.text("image");
    if image.trim() != image {
        errors.invalid(
            &path.child("image"),
            &image.into(),
            "must not have leading or trailing whitespace",
        );
    }
}

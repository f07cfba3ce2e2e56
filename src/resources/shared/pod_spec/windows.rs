//! What is particular to pods for Windows, and what they may not have.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go`
//! (`validateWindowsSecurityContextOptions`, `validateWindowsHostProcessPod`, `validateWindows`).

use serde_json::Value;

use super::super::look::Look;
use super::super::names::{check_subdomain, one_of, report};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Everything that is wrong with the Windows part of a security context.
pub(super) fn options(errors: &mut FieldErrors, path: &FieldPath, context: &Value) {
    let Some(options) = context.maybe("windowsOptions") else {
        return;
    };
    if let Some(name) = options.maybe_text("gmsaCredentialSpecName") {
        let path = path.child("gmsaCredentialSpecName");
        report(errors, &path, name, check_subdomain(name));
    }
    if let Some(spec) = options.maybe_text("gmsaCredentialSpec") {
        let detail = match spec.len() {
            0 => Some("gmsaCredentialSpec cannot be an empty string"),
            65_537.. => Some("gmsaCredentialSpec size must be under 64 KiB"),
            _ => None,
        };
        if let Some(detail) = detail {
            errors.invalid(&path.child("gmsaCredentialSpec"), &spec.into(), detail);
        }
    }
    if let Some(name) = options.maybe_text("runAsUserName") {
        let path = path.child("runAsUserName");
        for wrong in check_user_name(name) {
            errors.invalid(&path, &name.into(), wrong);
        }
    }
}

/// `DOMAIN\user`, or `user`.
fn check_user_name(name: &str) -> Vec<&'static str> {
    if name.is_empty() {
        return vec!["runAsUserName cannot be an empty string"];
    }
    if name.bytes().any(|b| b.is_ascii_control()) {
        return vec!["runAsUserName cannot contain control characters"];
    }
    if name.matches('\\').count() > 1 {
        return vec!["runAsUserName cannot contain more than one backslash"];
    }
    let (domain, user) = match name.split_once('\\') {
        Some((domain, user)) => (Some(domain), user),
        None => (None, name),
    };
    let mut wrong = Vec::new();
    if domain.is_some_and(|domain| domain.len() >= 256) {
        wrong.push("runAsUserName's Domain length must be under 256 characters");
    }
    if domain.is_some_and(|domain| !is_net_bios(domain) && !is_dns(domain)) {
        wrong.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
    }
    if user.is_empty() {
        wrong.push("runAsUserName's User cannot be empty");
    } else if user.len() > 104 {
        wrong.push("runAsUserName's User length must not be longer than 104 characters");
    }
    if !user.is_empty() && user.chars().all(|c| c == '.' || c == ' ') {
        wrong.push("runAsUserName's User cannot contain only periods or spaces");
    }
    if user.contains([
        '"', '/', '\\', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>', '@',
    ]) || user.contains(['[', ']'])
    {
        wrong.push(
            "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]",
        );
    }
    wrong
}

fn is_net_bios(domain: &str) -> bool {
    (1..=15).contains(&domain.chars().count())
        && !domain.starts_with('.')
        && !domain.contains(['\\', '/', ':', '*', '?', '"', '<', '>', '|'])
}

fn is_dns(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

/// Containers that are processes of the host: all of them, or none.
pub(super) fn host_processes(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let host_process = |holder: &Value| {
        let context = holder.at("securityContext");
        context.at("windowsOptions").flag("hostProcess")
    };
    let of_pod = host_process(spec);
    let (mut count, mut count_host) = (0, 0);
    super::visit(spec, path, &mut |container, path| {
        count += 1;
        let own = host_process(container);
        if let (Some(pod), Some(own)) = (of_pod, own)
            && pod != own
        {
            let context = path.child("securityContext");
            let options = context.child("windowsOptions");
            errors.invalid(
                &options.child("hostProcess"),
                &own.into(),
                format!("pod hostProcess value must be identical if both are specified, was {pod}"),
            );
        }
        count_host += usize::from(own.or(of_pod) == Some(true));
    });
    if count_host == 0 {
        return;
    }
    if count_host != count {
        errors.invalid(
            path,
            &"".into(),
            "If pod contains any hostProcess containers then all containers must be HostProcess \
             containers",
        );
    }
    if !spec.is_true("hostNetwork") {
        errors.invalid(
            &path.child("hostNetwork"),
            &false.into(),
            "hostNetwork must be true if pod contains any hostProcess containers",
        );
    }
}

/// What a pod that says its operating system may not have there.
pub(super) fn operating_system(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let Some(system) = spec.maybe("os") else {
        return;
    };
    let os_path = path.child("os");
    match system.text("name") {
        "" => errors.required(&os_path.child("name"), ""),
        "linux" => {
            let refused = "windows options cannot be set for a linux pod";
            contexts(
                errors,
                path,
                spec,
                &["windowsOptions"],
                &["windowsOptions"],
                refused,
            );
        }
        "windows" => not_on_windows(errors, path, spec),
        other => one_of(errors, &os_path, other, &["linux", "windows"]),
    }
}

/// Refuses fields of the security contexts of a pod and of its containers.
fn contexts(
    errors: &mut FieldErrors,
    path: &FieldPath,
    spec: &Value,
    of_pod: &[&str],
    of_containers: &[&str],
    why: &str,
) {
    pod_context(errors, path, spec, of_pod, why);
    super::visit(spec, path, &mut |container, path| {
        pod_context(errors, path, container, of_containers, why);
    });
}

fn pod_context(
    errors: &mut FieldErrors,
    path: &FieldPath,
    holder: &Value,
    fields: &[&str],
    why: &str,
) {
    let path = path.child("securityContext");
    let context = holder.at("securityContext");
    for field in fields {
        let is_set = match context.maybe(field) {
            Some(Value::Array(items)) => *field != "sysctls" || !items.is_empty(),
            other => other.is_some(),
        };
        if is_set {
            errors.forbidden(&path.child(field), why);
        }
    }
}

fn not_on_windows(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    const WHY: &str = "cannot be set for a windows pod";
    let of_pod = [
        "appArmorProfile",
        "seLinuxOptions",
        "seccompProfile",
        "fsGroup",
        "fsGroupChangePolicy",
        "sysctls",
        "runAsUser",
        "runAsGroup",
        "supplementalGroups",
        "supplementalGroupsPolicy",
        "seLinuxChangePolicy",
    ];
    pod_context(errors, path, spec, &of_pod, WHY);
    for field in ["hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"] {
        let is_pointer = matches!(field, "hostUsers" | "shareProcessNamespace");
        if spec.is_true(field) || is_pointer && spec.has(field) {
            errors.forbidden(&path.child(field), WHY);
        }
    }
    let of_containers = [
        "appArmorProfile",
        "seLinuxOptions",
        "seccompProfile",
        "capabilities",
        "readOnlyRootFilesystem",
        "privileged",
        "allowPrivilegeEscalation",
        "procMount",
        "runAsUser",
        "runAsGroup",
    ];
    contexts(errors, path, spec, &[], &of_containers, WHY);
}

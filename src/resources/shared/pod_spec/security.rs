//! Security contexts of pods and of their containers.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidateSecurityContext`,
//! `validatePodSpecSecurityContext`).

use serde_json::{Map, Value};

use super::super::look::Look;
use super::super::names::{local_path, one_of, required_one_of, user_or_group};
use super::windows;
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::schema::go_struct;

/// Everything that is wrong with a container's security context.
pub(super) fn container(
    errors: &mut FieldErrors,
    path: &FieldPath,
    context: &Value,
    host_users: bool,
) {
    for field in ["runAsUser", "runAsGroup"] {
        if let Some(id) = context.integer(field) {
            user_or_group(errors, &path.child(field), id);
        }
    }
    if let Some(mount) = context.maybe_text("procMount") {
        let path = path.child("procMount");
        one_of(errors, &path, mount, &["Default", "Unmasked"]);
        if host_users && mount == "Unmasked" {
            let detail = "`hostUsers` must be false to use `Unmasked`";
            errors.invalid(&path, &mount.into(), detail);
        }
    }
    seccomp(errors, &path.child("seccompProfile"), context);
    escalation(errors, path, context);
    windows::options(errors, &path.child("windowsOptions"), context);
    app_armor(errors, &path.child("appArmorProfile"), context);
}

/// What contradicts `allowPrivilegeEscalation: false`.
fn escalation(errors: &mut FieldErrors, path: &FieldPath, context: &Value) {
    if context.flag("allowPrivilegeEscalation") != Some(false) {
        return;
    }
    if context.is_true("privileged") {
        errors.invalid_text(
            path,
            go_struct::print("core.SecurityContext", context),
            "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        );
    }
    for capability in context.at("capabilities").texts("add") {
        if capability == "CAP_SYS_ADMIN" {
            errors.invalid_text(
                path,
                go_struct::print("core.SecurityContext", context),
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` \
                 CAP_SYS_ADMIN",
            );
        }
    }
}

fn seccomp(errors: &mut FieldErrors, path: &FieldPath, context: &Value) {
    let Some(profile) = context.maybe("seccompProfile") else {
        return;
    };
    let kind = profile.text("type");
    let kinds = ["Localhost", "RuntimeDefault", "Unconfined"];
    if kind.is_empty() {
        errors.required(
            &path.child("type"),
            "type is required when seccompProfile is set",
        );
    } else {
        one_of(errors, &path.child("type"), kind, &kinds);
    }
    let path = path.child("localhostProfile");
    match (kind, profile.maybe_text("localhostProfile")) {
        ("Localhost", None) => {
            errors.required(&path, "must be set when seccomp type is Localhost");
        }
        ("Localhost", Some(file)) => local_path(errors, &path, file),
        (_, Some(_)) => errors.invalid_text(
            &path,
            go_struct::print("core.SeccompProfile", profile),
            "can only be set when seccomp type is Localhost",
        ),
        (_, None) => {}
    }
}

fn app_armor(errors: &mut FieldErrors, path: &FieldPath, context: &Value) {
    if let Some(profile) = context.maybe("appArmorProfile") {
        app_armor_profile(errors, path, profile);
    }
}

/// Everything that is wrong with an `AppArmor` profile.
pub fn app_armor_profile(errors: &mut FieldErrors, path: &FieldPath, profile: &Value) {
    const LENGTH_MAX: usize = 4095;
    const NEEDED: &str = "must be set when AppArmor type is Localhost";
    let local_path = path.child("localhostProfile");
    let local = profile.maybe_text("localhostProfile");
    match profile.text("type") {
        "Localhost" => match local {
            None => errors.required(&local_path, NEEDED),
            Some(name) => {
                if name.trim() != name {
                    let detail = "must not be padded with whitespace";
                    errors.invalid(&local_path, &name.into(), detail);
                } else if name.is_empty() {
                    errors.required(&local_path, NEEDED);
                }
                if name.len() > LENGTH_MAX {
                    errors.too_long(&local_path, LENGTH_MAX);
                }
            }
        },
        "RuntimeDefault" | "Unconfined" => {
            if let Some(name) = local {
                let detail = "can only be set when AppArmor type is Localhost";
                errors.invalid(&local_path, &name.into(), detail);
            }
        }
        "" => errors.required(
            &path.child("type"),
            "type is required when appArmorProfile is set",
        ),
        other => errors.not_supported(
            &path.child("type"),
            &other.into(),
            &["Localhost", "RuntimeDefault", "Unconfined"],
        ),
    }
}

/// Everything that is wrong with a pod's security context.
pub(super) fn pod(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let Some(context) = spec.maybe("securityContext") else {
        return;
    };
    if context.as_object().is_some_and(Map::is_empty) {
        return;
    }
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        if let Some(id) = context.integer(field) {
            user_or_group(errors, &path.child(field), id);
        }
    }
    let groups = path.child("supplementalGroups");
    for (i, group) in context.list("supplementalGroups").iter().enumerate() {
        user_or_group(errors, &groups.index(i), group.as_i64().unwrap_or(0));
    }
    sysctls(errors, &path.child("sysctls"), context, spec);
    if let Some(policy) = context.maybe_text("fsGroupChangePolicy") {
        let path = path.child("fsGroupChangePolicy");
        one_of(errors, &path, policy, &["Always", "OnRootMismatch"]);
    }
    seccomp(errors, &path.child("seccompProfile"), context);
    windows::options(errors, &path.child("windowsOptions"), context);
    app_armor(errors, &path.child("appArmorProfile"), context);
    let policies = [
        ("supplementalGroupsPolicy", ["Merge", "Strict"]),
        ("seLinuxChangePolicy", ["MountOption", "Recursive"]),
    ];
    for (field, all) in policies {
        if let Some(policy) = context.maybe_text(field) {
            one_of(errors, &path.child(field), policy, &all);
        }
    }
}

const SYSCTL_WORDS: &str = "must have at most 253 characters and match regex \
                            ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*\
                            [a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

fn is_sysctl(name: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 253
        && name.split(['.', '/']).all(|part| {
            let part = part.as_bytes();
            let (Some(first), Some(last)) = (part.first(), part.last()) else {
                return false;
            };
            is_word(*first)
                && is_word(*last)
                && part.iter().all(|b| is_word(*b) || *b == b'-' || *b == b'_')
        })
}

/// Settings of the kernel that a namespace of inter-process communication has of its own.
const IPC_SYSCTLS: [&str; 10] = [
    "kernel.sem",
    "kernel.shm",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
    "kernel.msg",
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
];

fn sysctls(errors: &mut FieldErrors, path: &FieldPath, context: &Value, spec: &Value) {
    let list = context.list("sysctls");
    for (i, sysctl) in list.iter().enumerate() {
        let item = path.index(i);
        let path = item.child("name");
        let name = sysctl.text("name");
        if name.is_empty() {
            errors.required(&path, "");
        } else if !is_sysctl(name) {
            errors.invalid(&path, &name.into(), SYSCTL_WORDS);
        } else if list[..i].iter().any(|other| other.text("name") == name) {
            errors.duplicate(&path, &name.into());
        }
        // Slashes and dots may change places in a name.
        let dotted = match name.find(['.', '/']) {
            Some(at) if name.as_bytes()[at] == b'/' => name
                .chars()
                .map(|c| match c {
                    '.' => '/',
                    '/' => '.',
                    other => other,
                })
                .collect(),
            _ => name.to_owned(),
        };
        let is_ipc = IPC_SYSCTLS.contains(&dotted.as_str()) || dotted.starts_with("fs.mqueue.");
        let refused = if spec.is_true("hostNetwork") && dotted.starts_with("net.") {
            "may not be specified when 'hostNetwork' is true"
        } else if spec.is_true("hostIPC") && is_ipc {
            "may not be specified when 'hostIPC' is true"
        } else {
            continue;
        };
        errors.invalid(&path, &name.into(), refused);
    }
}

/// Whether the policy is one of those that must be there.
pub(super) fn restart_policy(errors: &mut FieldErrors, path: &FieldPath, policy: &str) {
    required_one_of(errors, path, policy, &["Always", "OnFailure", "Never"]);
}

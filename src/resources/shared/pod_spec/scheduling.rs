//! What else decides where and when a pod runs: tolerations, spread, gates; and its names in DNS.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidateTolerations`,
//! `validateTopologySpreadConstraints`, `validateSchedulingGates`, `validatePodDNSConfig`).

use serde_json::Value;

use super::super::look::Look;
use super::super::names::{
    check_label_value, check_qualified_name, check_subdomain_with_underscore, one_of, positive,
    qualified_name, report, subdomain,
};
use super::super::{ip, label_selector};
use super::affinity;
use crate::error::FieldErrors;
use crate::object::FieldPath;

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Everything that is wrong with tolerations.
pub fn tolerations(errors: &mut FieldErrors, path: &FieldPath, list: &[Value]) {
    for (i, toleration) in list.iter().enumerate() {
        one_toleration(errors, &path.index(i), toleration);
    }
}

fn one_toleration(errors: &mut FieldErrors, path: &FieldPath, toleration: &Value) {
    let (key, operator) = (toleration.text("key"), toleration.text("operator"));
    let (value, effect) = (toleration.text("value"), toleration.text("effect"));
    let (operator_path, effect_path) = (path.child("operator"), path.child("effect"));
    if !key.is_empty() {
        let wrong = check_qualified_name(key);
        report(errors, &path.child("key"), key, wrong);
    } else if operator != "Exists" {
        errors.invalid(
            &operator_path,
            &operator.into(),
            "operator must be Exists when `key` is empty, which means \"match all values and all \
             keys\"",
        );
    }
    if toleration.has("tolerationSeconds") && effect != "NoExecute" {
        errors.invalid(
            &effect_path,
            &effect.into(),
            "effect must be 'NoExecute' when `tolerationSeconds` is set",
        );
    }
    match operator {
        "Equal" | "" => {
            let wrong = check_label_value(value);
            if !wrong.is_empty() {
                errors.invalid(&operator_path, &value.into(), wrong.join(";"));
            }
        }
        "Exists" => {
            if !value.is_empty() {
                let detail = "value must be empty when `operator` is 'Exists'";
                errors.invalid(&operator_path, &value.into(), detail);
            }
        }
        // Known, but behind a gate that is shut.
        "Lt" | "Gt" => {
            let all = ["Equal", "Exists", "Lt", "Gt"];
            errors.not_supported(&operator_path, &operator.into(), &all);
        }
        other => errors.not_supported(&operator_path, &other.into(), &["Equal", "Exists"]),
    }
    if !effect.is_empty() {
        one_of(errors, &effect_path, effect, &EFFECTS);
    }
}

pub(super) fn spread(errors: &mut FieldErrors, path: &FieldPath, list: &[Value]) {
    for (i, constraint) in list.iter().enumerate() {
        let path = path.index(i);
        positive(errors, &path.child("maxSkew"), constraint.number("maxSkew"));
        let (key, action) = (
            constraint.text("topologyKey"),
            constraint.text("whenUnsatisfiable"),
        );
        if key.is_empty() {
            errors.required(&path.child("topologyKey"), "can not be empty");
        }
        let actions = ["DoNotSchedule", "ScheduleAnyway"];
        one_of(errors, &path.child("whenUnsatisfiable"), action, &actions);
        let is_same = |other: &Value| {
            other.text("topologyKey") == key && other.text("whenUnsatisfiable") == action
        };
        if list[i + 1..].iter().any(is_same) {
            errors.duplicate(
                &path.child("{topologyKey, whenUnsatisfiable}"),
                &format!("{{{key}, {action}}}").into(),
            );
        }
        if let Some(domains) = constraint.integer("minDomains") {
            let path = path.child("minDomains");
            positive(errors, &path, domains);
            if action != "DoNotSchedule" {
                errors.invalid(
                    &path,
                    &domains.into(),
                    format!(
                        "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                    ),
                );
            }
        }
        for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            if let Some(policy) = constraint.maybe_text(field) {
                one_of(errors, &path.child(field), policy, &["Honor", "Ignore"]);
            }
        }
        affinity::label_keys(errors, &path, constraint);
        let selector = path.child("labelSelector");
        label_selector::selector(errors, &selector, constraint.at("labelSelector"));
    }
}

pub(super) fn gates(errors: &mut FieldErrors, path: &FieldPath, list: &[Value]) {
    for (i, gate) in list.iter().enumerate() {
        let path = path.index(i);
        let name = gate.text("name");
        qualified_name(errors, &path, name);
        if list[..i].iter().any(|other| other.text("name") == name) {
            errors.duplicate(&path, &name.into());
        }
    }
}

pub(super) fn readiness_gates(errors: &mut FieldErrors, path: &FieldPath, list: &[Value]) {
    for (i, gate) in list.iter().enumerate() {
        let path = path.index(i);
        qualified_name(
            errors,
            &path.child("conditionType"),
            gate.text("conditionType"),
        );
    }
}

pub(super) fn dns(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let config = spec.at("dnsConfig");
    let servers_path = path.child("nameservers");
    if spec.text("dnsPolicy") == "None" {
        if config.is_null() {
            let detail = "must provide `dnsConfig` when `dnsPolicy` is None";
            errors.required(path, detail);
            return;
        }
        if config.list("nameservers").is_empty() {
            let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            errors.required(&servers_path, detail);
            return;
        }
    }
    if config.is_null() {
        return;
    }
    if config.list("nameservers").len() > 3 {
        errors.invalid(
            &servers_path,
            config.at("nameservers"),
            "must not have more than 3 nameservers",
        );
    }
    for (i, server) in config.texts("nameservers").enumerate() {
        ip::check_legacy(errors, &servers_path.index(i), server);
    }
    let searches_path = path.child("searches");
    let searches = config.list("searches");
    if searches.len() > 32 {
        let detail = "must not have more than 32 search paths";
        errors.invalid(&searches_path, config.at("searches"), detail);
    }
    let length: usize = config
        .texts("searches")
        .map(|search| search.len() + 1)
        .sum();
    if length > 2049 {
        errors.invalid(
            &searches_path,
            config.at("searches"),
            "must not have more than 2048 characters (including spaces) in the search list",
        );
    }
    for (i, search) in config.texts("searches").enumerate() {
        if search != "." {
            let search = search.strip_suffix('.').unwrap_or(search);
            let wrong = check_subdomain_with_underscore(search);
            report(errors, &searches_path.index(i), search, wrong);
        }
    }
    let options = path.child("options");
    for (i, option) in config.list("options").iter().enumerate() {
        if option.text("name").is_empty() {
            errors.required(&options.index(i), "must not be empty");
        }
    }
}

pub(super) fn host_aliases(errors: &mut FieldErrors, path: &FieldPath, list: &[Value]) {
    for (i, alias) in list.iter().enumerate() {
        let path = path.index(i);
        ip::check_legacy(errors, &path.child("ip"), alias.text("ip"));
        let names = path.child("hostnames");
        for (j, name) in alias.texts("hostnames").enumerate() {
            subdomain(errors, &names.index(j), name);
        }
    }
}

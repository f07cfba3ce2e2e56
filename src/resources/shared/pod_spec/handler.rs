//! Probes and lifecycle hooks: one handler each.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`validateProbe`, `validateHandler`,
//! `validateLifecycle`).

use serde_json::Value;

use super::super::look::Look;
use super::super::names::{
    check_header_name, non_negative, one_of, port_number, port_number_or_name, report,
};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// The probes and hooks of a container that runs on.
pub(super) fn all(
    errors: &mut FieldErrors,
    path: &FieldPath,
    container: &Value,
    grace: Option<i64>,
) {
    if let Some(lifecycle) = container.maybe("lifecycle") {
        let path = path.child("lifecycle");
        for hook in ["postStart", "preStop"] {
            if let Some(handler) = lifecycle.maybe(hook) {
                let kinds = &["exec", "httpGet", "tcpSocket", "sleep"];
                one_handler(errors, &path.child(hook), handler, kinds, grace);
            }
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(value) = container.maybe(name) {
            probe(errors, &path.child(name), value, name == "readinessProbe");
        }
    }
}

fn probe(errors: &mut FieldErrors, path: &FieldPath, probe: &Value, is_readiness: bool) {
    let kinds = &["exec", "httpGet", "tcpSocket", "grpc"];
    one_handler(errors, path, probe, kinds, None);
    let numbers = [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ];
    for field in numbers {
        non_negative(errors, &path.child(field), probe.number(field));
    }
    let grace_path = path.child("terminationGracePeriodSeconds");
    let grace = probe.integer("terminationGracePeriodSeconds");
    if let Some(grace) = grace.filter(|grace| *grace <= 0) {
        errors.invalid(&grace_path, &grace.into(), "must be greater than 0");
    }
    if is_readiness {
        if let Some(grace) = grace {
            errors.invalid(
                &grace_path,
                &grace.into(),
                "must not be set for readinessProbes",
            );
        }
        return;
    }
    let successes = probe.number("successThreshold");
    if successes != 1 {
        errors.invalid(
            &path.child("successThreshold"),
            &successes.into(),
            "must be 1",
        );
    }
}

fn one_handler(
    errors: &mut FieldErrors,
    path: &FieldPath,
    handler: &Value,
    kinds: &[&str],
    grace: Option<i64>,
) {
    let mut is_found = false;
    for kind in kinds {
        let Some(action) = handler.maybe(kind) else {
            continue;
        };
        let path = path.child(kind);
        if is_found {
            errors.forbidden(&path, "may not specify more than 1 handler type");
            continue;
        }
        is_found = true;
        match *kind {
            "exec" => {
                if action.list("command").is_empty() {
                    errors.required(&path.child("command"), "");
                }
            }
            "httpGet" => http_get(errors, &path, action),
            "tcpSocket" => {
                port_number_or_name(errors, &path.child("port"), action.at("port"));
            }
            "grpc" => port_number(errors, &path.child("port"), action.number("port")),
            _ => sleep(errors, &path, action.number("seconds"), grace),
        }
    }
    if !is_found {
        errors.required(path, "must specify a handler type");
    }
}

fn http_get(errors: &mut FieldErrors, path: &FieldPath, action: &Value) {
    if action.text("path").is_empty() {
        errors.required(&path.child("path"), "");
    }
    port_number_or_name(errors, &path.child("port"), action.at("port"));
    let scheme = action.text("scheme");
    one_of(errors, &path.child("scheme"), scheme, &["HTTP", "HTTPS"]);
    for header in action.list("httpHeaders") {
        let name = header.text("name");
        let path = path.child("httpHeaders");
        report(errors, &path, name, check_header_name(name));
    }
}

fn sleep(errors: &mut FieldErrors, path: &FieldPath, seconds: i64, grace: Option<i64>) {
    if let Some(grace) = grace
        && !(0..=grace).contains(&seconds)
    {
        errors.invalid(
            path,
            &seconds.into(),
            format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})"),
        );
    }
}

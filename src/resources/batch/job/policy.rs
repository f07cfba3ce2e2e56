//! When the failure or success of pods ends a job.
//!
//! *Upstream:* `pkg/apis/batch/validation/validation.go` (`validatePodFailurePolicy`,
//! `validateSuccessPolicy`, `validatePodReplacementPolicy`).

use serde_json::Value;

use super::indexes;
use crate::error::FieldErrors;
use crate::error::field::{FieldError, FieldErrorKind};
use crate::object::FieldPath;
use crate::resources::shared::look::Look;
use crate::resources::shared::names::{non_negative, one_of, qualified_name};
use crate::schema::go_struct;

/// Everything that is wrong with the policies of a job.
pub(super) fn validate(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    if let Some(policy) = spec.maybe("podFailurePolicy") {
        failure(errors, &path.child("podFailurePolicy"), policy, spec);
    }
    if let Some(policy) = spec.maybe("successPolicy") {
        let path = path.child("successPolicy");
        if spec.text("completionMode") == "Indexed" {
            success(errors, &path, policy, spec.number("completions"));
        } else {
            let printed = go_struct::print("batch.SuccessPolicy", policy);
            errors.invalid_text(&path, printed, "requires indexed completion mode");
        }
    }
    if let Some(policy) = spec.maybe_text("podReplacementPolicy") {
        let path = path.child("podReplacementPolicy");
        if spec.has("podFailurePolicy") {
            one_of(errors, &path, policy, &["Failed"]);
        } else {
            one_of(errors, &path, policy, &["Failed", "TerminatingOrFailed"]);
        }
    }
}

/// An `Invalid` that shows no value.
pub(super) fn invalid_without_value(errors: &mut FieldErrors, path: &FieldPath, detail: &str) {
    errors.push(FieldError {
        kind: FieldErrorKind::Invalid,
        field: path.to_string(),
        value: String::new(),
        detail: detail.to_owned(),
    });
}

fn failure(errors: &mut FieldErrors, path: &FieldPath, policy: &Value, spec: &Value) {
    let path = path.child("rules");
    let rules = policy.list("rules");
    if rules.len() > 20 {
        errors.too_many(&path, rules.len(), 20);
    }
    for (i, rule) in rules.iter().enumerate() {
        let path = path.index(i);
        action(errors, &path.child("action"), rule, spec);
        let conditions = rule.list("onPodConditions");
        let codes = rule.maybe("onExitCodes");
        if let Some(codes) = codes {
            exit_codes(errors, &path.child("onExitCodes"), codes, spec);
        }
        pod_conditions(errors, &path.child("onPodConditions"), conditions);
        match (codes.is_some(), !conditions.is_empty()) {
            (true, true) => invalid_without_value(
                errors,
                &path,
                "specifying both OnExitCodes and OnPodConditions is not supported",
            ),
            (false, false) => invalid_without_value(
                errors,
                &path,
                "specifying one of OnExitCodes and OnPodConditions is required",
            ),
            _ => {}
        }
    }
}

/// A list of texts as Go prints it in an error.
fn quoted(all: &[&str]) -> String {
    let all: Vec<String> = all.iter().map(|text| format!("{text:?}")).collect();
    format!("valid values: [{}]", all.join(" "))
}

fn action(errors: &mut FieldErrors, path: &FieldPath, rule: &Value, spec: &Value) {
    let all = ["Count", "FailIndex", "FailJob", "Ignore"];
    match rule.text("action") {
        "" => errors.required(path, quoted(&all)),
        "FailIndex" => {
            if !spec.has("backoffLimitPerIndex") {
                let detail = "requires the backoffLimitPerIndex to be set";
                errors.invalid(path, &"FailIndex".into(), detail);
            }
        }
        other => one_of(errors, path, other, &all),
    }
}

fn pod_conditions(errors: &mut FieldErrors, path: &FieldPath, list: &[Value]) {
    if list.len() > 20 {
        errors.too_many(path, list.len(), 20);
    }
    for (i, pattern) in list.iter().enumerate() {
        let path = path.index(i);
        qualified_name(errors, &path.child("type"), pattern.text("type"));
        let all = ["False", "True", "Unknown"];
        let path = path.child("status");
        match pattern.text("status") {
            "" => errors.required(&path, quoted(&all)),
            status => one_of(errors, &path, status, &all),
        }
    }
}

fn exit_codes(errors: &mut FieldErrors, path: &FieldPath, codes: &Value, spec: &Value) {
    let all = ["In", "NotIn"];
    let operator = codes.text("operator");
    match operator {
        "" => errors.required(&path.child("operator"), quoted(&all)),
        other => one_of(errors, &path.child("operator"), other, &all),
    }
    if let Some(name) = codes.maybe_text("containerName") {
        let pods = spec.at("template").at("spec");
        let mut all = ["containers", "initContainers"]
            .into_iter()
            .flat_map(|list| pods.list(list));
        if !all.any(|container| container.text("name") == name) {
            errors.invalid(
                &path.child("containerName"),
                &name.into(),
                "must be one of the container or initContainer names in the pod template",
            );
        }
    }
    let path = path.child("values");
    let values: Vec<i64> = codes
        .list("values")
        .iter()
        .map(|value| value.as_i64().unwrap_or(0))
        .collect();
    if values.is_empty() {
        let detail = "at least one value is required";
        errors.invalid(&path, &Value::Null, detail);
    } else if values.len() > 255 {
        errors.too_many(&path, values.len(), 255);
    }
    for (i, value) in values.iter().enumerate() {
        let path = path.index(i);
        if operator == "In" && *value == 0 {
            let detail = "must not be 0 for the In operator";
            errors.invalid(&path, &0.into(), detail);
        }
        if values[..i].contains(value) {
            errors.duplicate(&path, &(*value).into());
        }
    }
    if !values.is_sorted() {
        errors.invalid(&path, codes.at("values"), "must be ordered");
    }
}

fn success(errors: &mut FieldErrors, path: &FieldPath, policy: &Value, completions: i64) {
    let path = path.child("rules");
    let rules = policy.list("rules");
    if rules.is_empty() {
        errors.required(
            &path,
            "at least one rules must be specified when the successPolicy is specified",
        );
    }
    if rules.len() > 20 {
        errors.too_many(&path, rules.len(), 20);
    }
    for (i, rule) in rules.iter().enumerate() {
        success_rule(errors, &path.index(i), rule, completions);
    }
}

fn success_rule(errors: &mut FieldErrors, path: &FieldPath, rule: &Value, completions: i64) {
    const TEXT_LENGTH_MAX: usize = 64 * 1024;
    let text = rule.maybe_text("succeededIndexes");
    let count = rule.integer("succeededCount");
    if text.is_none() && count.is_none() {
        errors.required(
            path,
            "at least one of succeededCount or succeededIndexes must be specified",
        );
    }
    let mut total = 0;
    if let Some(text) = text {
        let path = path.child("succeededIndexes");
        if text.len() > TEXT_LENGTH_MAX {
            errors.too_long(&path, TEXT_LENGTH_MAX);
        }
        match indexes::count(text, completions) {
            Ok(count) => total = count,
            Err(why) => {
                let detail = format!("error parsing succeededIndexes: {why}");
                errors.invalid(&path, &text.into(), detail);
            }
        }
    }
    let Some(count) = count else {
        return;
    };
    let path = path.child("succeededCount");
    non_negative(errors, &path, count);
    if count > completions {
        errors.invalid(
            &path,
            &count.into(),
            format!(
                "must be less than or equal to {completions} (the number of specified completions)"
            ),
        );
    }
    if text.is_some() && count > total {
        errors.invalid(
            &path,
            &count.into(),
            format!(
                "must be less than or equal to {total} (the number of indexes in the specified \
                 succeededIndexes field)"
            ),
        );
    }
}

//! Which nodes a pod may go to, and next to which pods.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`validateAffinity`,
//! `ValidateNodeSelectorTerm`, `validatePodAffinityTerm`).

use serde_json::Value;

use super::super::label_selector;
use super::super::look::Look;
use super::super::names::{check_label, check_subdomain, qualified_name, report};
use crate::error::FieldErrors;
use crate::object::FieldPath;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Everything that is wrong with an affinity.
pub(super) fn affinity(errors: &mut FieldErrors, path: &FieldPath, affinity: &Value) {
    if let Some(nodes) = affinity.maybe("nodeAffinity") {
        let path = path.child("nodeAffinity");
        if let Some(selector) = nodes.maybe(REQUIRED) {
            node_selector(errors, &path.child(REQUIRED), selector);
        }
        let list = path.child(PREFERRED);
        for (i, term) in nodes.list(PREFERRED).iter().enumerate() {
            let path = list.index(i);
            weight(errors, &path, term);
            // Values that are no label values are let pass where they are only preferred.
            let preference = path.child("preference");
            node_selector_term(errors, &preference, term.at("preference"), false);
        }
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(pods) = affinity.maybe(kind) else {
            continue;
        };
        let path = path.child(kind);
        let list = path.child(REQUIRED);
        for (i, term) in pods.list(REQUIRED).iter().enumerate() {
            pod_term(errors, &list.index(i), term);
        }
        let list = path.child(PREFERRED);
        for (i, term) in pods.list(PREFERRED).iter().enumerate() {
            let path = list.index(i);
            weight(errors, &path, term);
            let term_path = path.child("podAffinityTerm");
            pod_term(errors, &term_path, term.at("podAffinityTerm"));
        }
    }
}

fn weight(errors: &mut FieldErrors, path: &FieldPath, term: &Value) {
    let weight = term.number("weight");
    if !(1..=100).contains(&weight) {
        let detail = "must be in the range 1-100";
        errors.invalid(&path.child("weight"), &weight.into(), detail);
    }
}

/// Everything that is wrong with a selector of nodes.
pub fn node_selector(errors: &mut FieldErrors, path: &FieldPath, selector: &Value) {
    let path = path.child("nodeSelectorTerms");
    let terms = selector.list("nodeSelectorTerms");
    if terms.is_empty() {
        errors.required(&path, "must have at least one node selector term");
    }
    for (i, term) in terms.iter().enumerate() {
        node_selector_term(errors, &path.index(i), term, true);
    }
}

fn node_selector_term(
    errors: &mut FieldErrors,
    path: &FieldPath,
    term: &Value,
    checks_values: bool,
) {
    let expressions = path.child("matchExpressions");
    for (i, requirement) in term.list("matchExpressions").iter().enumerate() {
        expression(errors, &expressions.index(i), requirement, checks_values);
    }
    let fields = path.child("matchFields");
    for (i, requirement) in term.list("matchFields").iter().enumerate() {
        field(errors, &fields.index(i), requirement);
    }
}

fn expression(errors: &mut FieldErrors, path: &FieldPath, requirement: &Value, checks: bool) {
    match requirement.text("operator") {
        "Gt" | "Lt" => {
            if requirement.list("values").len() != 1 {
                errors.required(
                    &path.child("values"),
                    "must be specified single value when `operator` is 'Lt' or 'Gt'",
                );
            }
        }
        _ if label_selector::operator(errors, path, requirement) => {}
        _ => label_selector::bad_operator(errors, path, requirement),
    }
    if checks {
        label_selector::key_and_values(errors, path, requirement);
    } else {
        qualified_name(errors, &path.child("key"), requirement.text("key"));
    }
}

fn field(errors: &mut FieldErrors, path: &FieldPath, requirement: &Value) {
    let values = path.child("values");
    match requirement.text("operator") {
        "In" | "NotIn" => {
            if requirement.list("values").len() != 1 {
                errors.required(
                    &values,
                    "must be only one value when `operator` is 'In' or 'NotIn' for node field \
                     selector",
                );
            }
        }
        _ => label_selector::bad_operator(errors, path, requirement),
    }
    let key = requirement.text("key");
    if key != "metadata.name" {
        let detail = "not a valid field selector key";
        errors.invalid(&path.child("key"), &key.into(), detail);
        return;
    }
    for (i, value) in requirement.texts("values").enumerate() {
        report(errors, &values.index(i), value, check_subdomain(value));
    }
}

fn pod_term(errors: &mut FieldErrors, path: &FieldPath, term: &Value) {
    for field in ["labelSelector", "namespaceSelector"] {
        label_selector::selector(errors, &path.child(field), term.at(field));
    }
    for name in term.texts("namespaces") {
        report(errors, &path.child("namespace"), name, check_label(name));
    }
    label_keys(errors, path, term);
    let key = term.text("topologyKey");
    if key.is_empty() {
        errors.required(&path.child("topologyKey"), "can not be empty");
    }
    qualified_name(errors, &path.child("topologyKey"), key);
}

/// Keys of labels whose values the pod itself has (`matchLabelKeys`, `mismatchLabelKeys`).
pub(super) fn label_keys(errors: &mut FieldErrors, path: &FieldPath, term: &Value) {
    let selector = term.at("labelSelector");
    for field in ["matchLabelKeys", "mismatchLabelKeys"] {
        if term.list(field).is_empty() {
            continue;
        }
        let path = path.child(field);
        if selector.is_null() {
            errors.forbidden(&path, "must not be specified when labelSelector is not set");
            continue;
        }
        for (i, key) in term.texts(field).enumerate() {
            qualified_name(errors, &path.index(i), key);
        }
    }
    let keys = term.list("matchLabelKeys");
    if keys.is_empty() {
        return;
    }
    let expressions = selector.list("matchExpressions");
    for (i, expression) in expressions.iter().enumerate() {
        // The server itself has added an expression for each key: a second one is the client's.
        let key = expression.text("key");
        let Some(at) = keys.iter().rposition(|k| k.as_str() == Some(key)) else {
            continue;
        };
        let is_selected = selector.at("matchLabels").has(key)
            || expressions[..i]
                .iter()
                .any(|other| other.text("key") == key);
        if is_selected {
            let detail = "exists in both matchLabelKeys and labelSelector";
            errors.invalid(&path.index(at), &key.into(), detail);
        }
    }
    let list = path.child("matchLabelKeys");
    for (i, key) in term.texts("matchLabelKeys").enumerate() {
        if term.texts("mismatchLabelKeys").any(|other| other == key) {
            let detail = "exists in both matchLabelKeys and mismatchLabelKeys";
            errors.invalid(&list.index(i), &key.into(), detail);
        }
    }
}

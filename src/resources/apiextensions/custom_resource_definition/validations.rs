//! `x-kubernetes-validations`: what a rule must say, before and after it is compiled.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`.

use serde_json::{Map, Value};

use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::schema::structural::field_path;
use crate::schema::structural::json::{list, text};

/// The reasons a rule may give.
const REASONS: &[&str] = &[
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];

/// What is wrong with the rules of one place, as texts.
pub(super) fn validate(source: &Map<String, Value>, path: &FieldPath, errors: &mut FieldErrors) {
    let path = path.child("x-kubernetes-validations");
    for (index, rule) in list(source, "x-kubernetes-validations").iter().enumerate() {
        if let Some(rule) = rule.as_object() {
            one(source, rule, &path.index(index), errors);
        }
    }
}

fn one(
    source: &Map<String, Value>,
    rule: &Map<String, Value>,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    let message = text(rule, "message");
    let of_message = path.child("message");
    let expression = text(rule, "rule").trim();
    if expression.is_empty() {
        errors.required(&path.child("rule"), "rule is not specified");
    } else if !message.is_empty() && message.trim().is_empty() {
        let detail = "must be non-empty if specified";
        errors.invalid(&of_message, &message.into(), detail);
    } else if has_line_break(message.trim()) {
        errors.invalid(&of_message, &message.into(), "must not contain line breaks");
    } else if has_line_break(expression) && message.is_empty() {
        let detail = "message must be specified if rule contains line breaks";
        errors.required(&of_message, detail);
    }
    let message_expression = text(rule, "messageExpression");
    if !message_expression.is_empty() && message_expression.trim().is_empty() {
        let detail = "messageExpression must be non-empty if specified";
        errors.required(&path.child("messageExpression"), detail);
    }
    if let Some(reason) = rule.get("reason").and_then(Value::as_str)
        && !REASONS.contains(&reason)
    {
        errors.not_supported(&path.child("reason"), &reason.into(), REASONS);
    }
    let field = text(rule, "fieldPath");
    let path = path.child("fieldPath");
    if field.is_empty() {
        return;
    }
    let value: Value = field.into();
    if field.trim().is_empty() {
        errors.invalid(&path, &value, "must be non-empty if specified");
    }
    if has_line_break(field) {
        errors.invalid(&path, &value, "must not contain line breaks");
    }
    if field_path::resolve(field, source, true).is_err() {
        errors.invalid(&path, &value, "must be a valid path");
    }
}

fn has_line_break(text: &str) -> bool {
    text.contains(['\n', '\r'])
}

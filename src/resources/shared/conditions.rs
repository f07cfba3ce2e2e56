//! Conditions of a status (`metav1.Condition`).
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/v1/validation/validation.go` (`ValidateConditions`).

use serde_json::Value;

use super::look::Look;
use super::names;
use crate::error::FieldErrors;
use crate::object::FieldPath;

const REASON_LENGTH_MAX: usize = 1024;
const MESSAGE_LENGTH_MAX: usize = 32 * 1024;

/// Checks a list of conditions.
pub fn validate(errors: &mut FieldErrors, path: &FieldPath, conditions: &[Value]) {
    for (index, condition) in conditions.iter().enumerate() {
        let path = path.index(index);
        let kind = condition.text("type");
        if conditions[..index]
            .iter()
            .any(|other| other.text("type") == kind)
        {
            errors.duplicate(&path, &kind.into());
        }
        self::condition(errors, &path, condition);
    }
}

fn condition(errors: &mut FieldErrors, path: &FieldPath, condition: &Value) {
    let kind = condition.text("type");
    if kind.is_empty() {
        errors.required(&path.child("type"), "is required");
    } else {
        names::qualified_name(errors, &path.child("type"), kind);
    }
    let status = condition.text("status");
    let supported = ["False", "True", "Unknown"];
    if status.is_empty() {
        errors.required(&path.child("status"), "");
    } else {
        names::one_of(errors, &path.child("status"), status, &supported);
    }
    let generation = condition.number("observedGeneration");
    if generation < 0 {
        let path = path.child("observedGeneration");
        errors.invalid(
            &path,
            &generation.into(),
            "must be greater than or equal to zero",
        );
    }
    if condition.text("lastTransitionTime").is_empty() {
        errors.required(&path.child("lastTransitionTime"), "");
    }
    let reason = condition.text("reason");
    if reason.is_empty() {
        errors.required(&path.child("reason"), "");
    } else {
        names::report(errors, &path.child("reason"), reason, check_reason(reason));
        if reason.len() > REASON_LENGTH_MAX {
            errors.too_long(&path.child("reason"), REASON_LENGTH_MAX);
        }
    }
    if condition.text("message").len() > MESSAGE_LENGTH_MAX {
        errors.too_long(&path.child("message"), MESSAGE_LENGTH_MAX);
    }
}

/// What is wrong with the reason of a condition.
pub fn check_reason(text: &str) -> Vec<String> {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_,:".contains(&byte);
    let is_last = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    let has_form = bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last().copied().is_some_and(is_last)
        && bytes.iter().copied().all(is_inner);
    if has_form {
        return Vec::new();
    }
    vec![
        "a condition reason must start with alphabetic character, optionally followed by a string \
         of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' \
         (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or \
         'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')"
            .to_owned(),
    ]
}

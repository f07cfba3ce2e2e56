//! Numbers that may be percentages.
//!
//! *Upstream:* `pkg/apis/apps/validation/validation.go` (`ValidatePositiveIntOrPercent`,
//! `IsNotMoreThan100Percent`).

use serde_json::Value;

use super::names;
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// The number of percent that a value says; `None` where it is no percentage.
pub fn parse(value: &Value) -> Option<i64> {
    let digits = value.as_str()?.strip_suffix('%')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(i64::MAX))
}

/// A number that is not negative, or a percentage.
pub fn not_negative(errors: &mut FieldErrors, path: &FieldPath, value: &Value) {
    if value.is_string() {
        if parse(value).is_none() {
            let detail = "a valid percent string must be a numeric string followed by an ending \
                          '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
            errors.invalid(path, value, detail);
        }
    } else {
        names::non_negative(errors, path, value.as_i64().unwrap_or(0));
    }
}

/// A percentage is at most all.
pub fn at_most_100(errors: &mut FieldErrors, path: &FieldPath, value: &Value) {
    if parse(value).is_some_and(|percent| percent > 100) {
        errors.invalid(path, value, "must not be greater than 100%");
    }
}

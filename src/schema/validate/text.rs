//! Lengths, patterns and formats of text.
//!
//! *Upstream:* `stringValidator` in `kube-openapi/pkg/validation/validate/validator.go`,
//! `validate/formats.go`.

use super::outcome::Outcome;
use crate::error::field::FieldErrorKind;
use crate::object::FieldPath;
use crate::object::quote::quoted;
use crate::schema::{Checks, formats};

/// What is wrong with a text, and one match for each check that applies.
pub(super) fn check(checks: Option<&Checks>, value: &str, path: &FieldPath) -> Outcome {
    let mut outcome = Outcome::passed(1);
    let Some(checks) = checks else {
        return outcome;
    };
    shape(checks, value, path, &mut outcome);
    if let Some(is_valid) = formats::check(&checks.format, value) {
        outcome.matches += 1;
        if !is_valid {
            let message = format!(
                "{path} in body must be of type {}: {}",
                checks.format,
                quoted(value)
            );
            outcome.fail(FieldErrorKind::TypeInvalid, path, &value.into(), message);
        }
    }
    outcome
}

/// The first of length and pattern that does not hold.
fn shape(checks: &Checks, value: &str, path: &FieldPath, outcome: &mut Outcome) {
    let (min, max) = checks.length;
    let length = if min.is_some() || max.is_some() {
        value.chars().count() as u64
    } else {
        0
    };
    if let Some(max) = max.filter(|max| length > *max) {
        let what = format!("should be at most {max} chars long");
        outcome.with(path, &what, |errors| errors.too_long(path, max as usize));
    } else if let Some(min) = min.filter(|min| length < *min) {
        let message = format!("{path} in body should be at least {min} chars long");
        outcome.fail(FieldErrorKind::Invalid, path, &value.into(), message);
    } else if let Some(pattern) = &checks.pattern
        && !pattern.is_match(value)
    {
        let message = format!("{path} in body should match '{}'", pattern.source);
        outcome.fail(FieldErrorKind::Invalid, path, &value.into(), message);
    }
}

//! Ranges and multiples of numbers, and numbers as Go prints and compares them.
//!
//! *Upstream:* `numberValidator` in `kube-openapi/pkg/validation/validate/validator.go`,
//! `validate/values.go`.

use serde_json::{Number, Value};

use super::outcome::Outcome;
use crate::error::field::FieldErrorKind;
use crate::object::FieldPath;
use crate::schema::{Checks, Node, Shape};

/// What is wrong with a number, and the matches upstream counts for it.
pub(super) fn check(
    node: &Node,
    checks: Option<&Checks>,
    number: &Number,
    path: &FieldPath,
) -> Outcome {
    let mut outcome = Outcome::passed(2);
    let range = Range::of(node, checks);
    if let Some(value) = number.as_f64() {
        range.check(value, number.as_i64(), "Checked", path, &mut outcome);
    }
    let Some(checks) = checks else {
        return outcome;
    };
    if let Some(factor) = checks.multiple_of {
        range.check(factor, None, "MultipleOf", path, &mut outcome);
        multiple(number, factor, path, &mut outcome);
    }
    if let Some((min, is_exclusive)) = checks.minimum {
        range.check(min, None, "Minimum boundary", path, &mut outcome);
        let is_low = compare(number, min, is_exclusive, |value, min| value < min);
        let words = if is_exclusive {
            "greater than"
        } else {
            "greater than or equal to"
        };
        bound(is_low, number, min, words, path, &mut outcome);
    }
    if let Some((max, is_exclusive)) = checks.maximum {
        range.check(max, None, "Maximum boundary", path, &mut outcome);
        let is_high = compare(number, max, is_exclusive, |value, max| value > max);
        let words = if is_exclusive {
            "less than"
        } else {
            "less than or equal to"
        };
        bound(is_high, number, max, words, path, &mut outcome);
    }
    outcome
}

fn bound(
    is_broken: bool,
    number: &Number,
    limit: f64,
    words: &str,
    path: &FieldPath,
    outcome: &mut Outcome,
) {
    if !is_broken {
        return;
    }
    let limit = limit_text(number, limit);
    let message = format!("{path} in body should be {words} {limit}");
    outcome.fail(
        FieldErrorKind::Invalid,
        path,
        &Value::Number(number.clone()),
        message,
    );
}

/// Compares integers as integers: the limit loses its fraction then, as upstream has it.
fn compare(number: &Number, limit: f64, is_exclusive: bool, beyond: fn(f64, f64) -> bool) -> bool {
    if let Some(value) = number.as_i64() {
        let limit = limit as i64;
        if value == limit {
            return is_exclusive;
        }
        // Unequal integers keep their order as doubles, or become equal and break nothing.
        return if value < limit {
            beyond(0.0, 1.0)
        } else {
            beyond(1.0, 0.0)
        };
    }
    let value = number.as_f64().unwrap_or_default();
    let is_equal = value.total_cmp(&limit).is_eq();
    beyond(value, limit) || (is_exclusive && is_equal)
}

fn limit_text(number: &Number, limit: f64) -> String {
    if number.is_f64() {
        print(limit)
    } else {
        (limit as i64).to_string()
    }
}

/// A float as Go prints it in JSON: without a fraction where it has none.
fn go_number(number: f64) -> Value {
    if number.fract() == 0.0 {
        return Value::from(number as i64);
    }
    Value::from(number)
}

fn multiple(number: &Number, factor: f64, path: &FieldPath, outcome: &mut Outcome) {
    if factor <= 0.0 {
        outcome.fail(
            FieldErrorKind::Invalid,
            path,
            &go_number(factor),
            format!(
                "factor MultipleOf declared for {path} must be positive: {}",
                print(factor)
            ),
        );
        return;
    }
    let is_multiple = match number.as_i64() {
        Some(value) if factor.fract() == 0.0 => value % (factor as i64) == 0,
        _ => {
            let value = number.as_f64().unwrap_or_default();
            is_whole(if factor < 1.0 {
                1.0 / factor * value
            } else {
                value / factor
            })
        }
    };
    if !is_multiple {
        let factor = limit_text(number, factor);
        let message = format!("{path} in body should be a multiple of {factor}");
        outcome.fail(
            FieldErrorKind::Invalid,
            path,
            &Value::Number(number.clone()),
            message,
        );
    }
}

/// What the type and format of a place can hold.
#[derive(Clone, Copy)]
enum Range {
    Integer(Option<u8>),
    Float,
    Anything,
}

impl Range {
    fn of(node: &Node, checks: Option<&Checks>) -> Self {
        let format = checks.map_or("", |checks| checks.format.as_ref());
        match node.shape {
            _ if node.is_untyped => Self::Anything,
            Shape::Integer(_) => Self::Integer(match format {
                "int32" => Some(32),
                "int64" => Some(64),
                _ => None,
            }),
            Shape::Number if format == "float" => Self::Float,
            _ => Self::Anything,
        }
    }

    fn check(
        self,
        value: f64,
        exact: Option<i64>,
        what: &str,
        path: &FieldPath,
        outcome: &mut Outcome,
    ) {
        let (holds, name) = match self {
            Self::Anything => return,
            Self::Float => (
                value.abs() <= f64::from(f32::MAX),
                "number with format float".to_owned(),
            ),
            Self::Integer(bits) => {
                let whole = exact.or_else(|| {
                    (value.fract() == 0.0 && value.abs() < 9.2e18).then_some(value as i64)
                });
                let holds = match (whole, bits) {
                    (None, _) => false,
                    (Some(whole), Some(32)) => i32::try_from(whole).is_ok(),
                    (Some(_), _) => true,
                };
                let name = match bits {
                    Some(bits) => format!("integer with format int{bits}"),
                    None => "integer (default format)".to_owned(),
                };
                (holds, name)
            }
        };
        if !holds {
            outcome.fail_somewhere(format!("{what} value must be of type {name} in {path}"));
        }
    }
}

/// Whether a double is an integer that JSON carries exactly.
pub(super) fn is_whole(value: f64) -> bool {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    value.is_finite() && value.abs() <= LARGEST && (value - value.round()).abs() < 1e-9
}

/// Whether a value equals an allowed one, numbers being converted to the allowed one's type.
pub(super) fn is_same(value: &Value, allowed: &Value) -> bool {
    match (value, allowed) {
        (Value::Number(value), Value::Number(allowed)) => match allowed.as_i64() {
            Some(allowed) => match value.as_i64() {
                Some(value) => value == allowed,
                None => value.as_f64().is_some_and(|value| value as i64 == allowed),
            },
            None => value.as_f64() == allowed.as_f64(),
        },
        _ => value == allowed,
    }
}

/// A double as Go's `%v` prints it.
pub(super) fn print(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

//! Ranges and multiples of numbers, and numbers as Go prints and compares them.
//!
//! *Upstream:* `numberValidator` in `kube-openapi/pkg/validation/validate/validator.go`,
//! `validate/values.go`.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::outcome::Outcome;
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
        let fits = range.check(factor, None, "MultipleOf", path, &mut outcome);
        let measured = Measured::of(number, fits);
        multiple(measured, factor, path, &mut outcome);
    }
    if let Some((min, is_exclusive)) = checks.minimum {
        let fits = range.check(min, None, "Minimum boundary", path, &mut outcome);
        let words = if is_exclusive {
            "greater than"
        } else {
            "greater than or equal to"
        };
        let measured = Measured::of(number, fits);
        if measured.is_beyond(min, is_exclusive, Ordering::Less) {
            bound(measured, min, words, path, &mut outcome);
        }
    }
    if let Some((max, is_exclusive)) = checks.maximum {
        let fits = range.check(max, None, "Maximum boundary", path, &mut outcome);
        let words = if is_exclusive {
            "less than"
        } else {
            "less than or equal to"
        };
        let measured = Measured::of(number, fits);
        if measured.is_beyond(max, is_exclusive, Ordering::Greater) {
            bound(measured, max, words, path, &mut outcome);
        }
    }
    outcome
}

/// A number as it is held against a limit: integers as integers, which makes one of the limit too,
/// unless the limit is none its type could hold.
#[derive(Clone, Copy)]
enum Measured {
    Integer(i64),
    Float(f64),
}

impl Measured {
    fn of(number: &Number, limit_fits: bool) -> Self {
        match number.as_i64().filter(|_| limit_fits) {
            Some(value) => Self::Integer(value),
            None => Self::Float(number.as_f64().unwrap_or_default()),
        }
    }

    fn is_beyond(self, limit: f64, is_exclusive: bool, way: Ordering) -> bool {
        let order = match self {
            Self::Integer(value) => value.cmp(&(limit as i64)),
            Self::Float(value) => value.partial_cmp(&limit).unwrap_or(way),
        };
        order == way || (is_exclusive && order.is_eq())
    }

    /// The number as an error shows it.
    fn printed(self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => print(value),
        }
    }

    /// The limit as it was looked at.
    fn print(self, limit: f64) -> String {
        match self {
            Self::Integer(_) => (limit as i64).to_string(),
            Self::Float(_) => print(limit),
        }
    }
}

fn bound(number: Measured, limit: f64, words: &str, path: &FieldPath, outcome: &mut Outcome) {
    let limit = number.print(limit);
    let message = format!("{path} in body should be {words} {limit}");
    fail(number.printed(), message, path, outcome);
}

fn fail(shown: String, message: String, path: &FieldPath, outcome: &mut Outcome) {
    let what = message.clone();
    outcome.with(path, &what, |errors| {
        errors.invalid_text(path, shown, message);
    });
}

fn multiple(number: Measured, factor: f64, path: &FieldPath, outcome: &mut Outcome) {
    let positive = match number {
        Measured::Integer(_) => factor as i64 > 0,
        Measured::Float(_) => factor > 0.0,
    };
    let printed = number.print(factor);
    if !positive {
        let message = format!("factor MultipleOf declared for {path} must be positive: {printed}");
        fail(printed, message, path, outcome);
        return;
    }
    let is_multiple = match number {
        Measured::Integer(value) => value % (factor as i64) == 0,
        Measured::Float(value) if factor < 1.0 => is_whole(1.0 / factor * value),
        Measured::Float(value) => is_whole(value / factor),
    };
    if !is_multiple {
        let message = format!("{path} in body should be a multiple of {printed}");
        fail(number.printed(), message, path, outcome);
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

    /// Says what it cannot hold; true where it can.
    fn check(
        self,
        value: f64,
        exact: Option<i64>,
        what: &str,
        path: &FieldPath,
        outcome: &mut Outcome,
    ) -> bool {
        let (holds, name) = match self {
            Self::Anything => return true,
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
        holds
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

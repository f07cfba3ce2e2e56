//! Numbers, and what is decided.
//!
//! *Upstream:* sprig's `numeric.go`, `defaults.go`, `reflect.go`.

use serde_json::{Number, Value};

use super::run::kind_of;
use super::value::{is_true, to_float};
use super::{Refusal, Result, at, text_at, to_integer};

/// What is reckoned.
pub(super) fn number(name: &str, arguments: &[Value]) -> Option<Result<Value>> {
    let mut all = arguments.iter().map(to_integer);
    let (left, right) = (to_integer(at(arguments, 0)), to_integer(at(arguments, 1)));
    let float = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
    let first = to_float(at(arguments, 0));
    let value: Value = match name {
        "int" | "int64" | "toInt" | "atoi" => left.into(),
        "float64" => float(first),
        "add" => all.fold(0, i64::wrapping_add).into(),
        "add1" => left.wrapping_add(1).into(),
        "sub" => left.wrapping_sub(right).into(),
        "mul" => all.fold(1, i64::wrapping_mul).into(),
        "div" | "mod" if right == 0 => {
            return Some(Err(Refusal::new("integer divide by zero")));
        }
        "div" => left.wrapping_div(right).into(),
        "mod" => left.wrapping_rem(right).into(),
        "max" => all.max().unwrap_or(0).into(),
        "min" => all.min().unwrap_or(0).into(),
        "addf" => float(arguments.iter().map(to_float).sum()),
        "mulf" => float(arguments.iter().map(to_float).product()),
        "subf" => float(first - to_float(at(arguments, 1))),
        "divf" => float(first / to_float(at(arguments, 1))),
        "ceil" => float(first.ceil()),
        "floor" => float(first.floor()),
        "round" => {
            let shift = 10_f64.powi(i32::try_from(right).unwrap_or(0));
            float((first * shift).round() / shift)
        }
        _ => {
            let _ = all.next();
            return None;
        }
    };
    Some(Ok(value))
}

/// What is decided.
pub(super) fn logic(name: &str, arguments: &[Value]) -> Option<Result<Value>> {
    let value = match name {
        "default" => {
            let given = at(arguments, 1);
            if is_true(given) {
                given.clone()
            } else {
                at(arguments, 0).clone()
            }
        }
        "empty" => (!is_true(at(arguments, 0))).into(),
        "coalesce" => arguments
            .iter()
            .find(|one| is_true(one))
            .cloned()
            .unwrap_or_default(),
        "ternary" => {
            let place = usize::from(!is_true(at(arguments, 2)));
            at(arguments, place).clone()
        }
        "all" => arguments.iter().all(is_true).into(),
        "any" => arguments.iter().any(is_true).into(),
        "fail" => return Some(Err(Refusal::new(text_at(arguments, 0)))),
        "kindOf" | "typeOf" => kind_of(at(arguments, 0)).into(),
        "kindIs" | "typeIs" => (at(arguments, 0) == kind_of(at(arguments, 1))).into(),
        _ => return None,
    };
    Some(Ok(value))
}

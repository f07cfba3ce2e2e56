//! Quantities.
//!
//! *Upstream:* `apiserver/pkg/cel/library/quantity.go`.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::Value;
use crate::object::quantity::{Format, Quantity};

/// The result of a function over quantities; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let outcome = match (name, values) {
        ("quantity", [Value::String(text)]) => Quantity::parse(text)
            .map(|quantity| Value::Quantity(Arc::new(quantity)))
            .map_err(|error| Failure::new(error.to_string())),
        ("isQuantity", [Value::String(text)]) => Ok(Value::Bool(Quantity::parse(text).is_ok())),
        ("sign", [Value::Quantity(quantity)]) => Ok(Value::Int(if quantity.is_zero() {
            0
        } else if quantity.is_negative() {
            -1
        } else {
            1
        })),
        ("isInteger", [Value::Quantity(quantity)]) => Ok(Value::Bool(quantity.as_i64().is_some())),
        ("asInteger", [Value::Quantity(quantity)]) => quantity
            .as_i64()
            .map(Value::Int)
            .ok_or_else(|| Failure::new("cannot convert value to integer")),
        ("asApproximateFloat", [Value::Quantity(quantity)]) => {
            Ok(Value::Double(quantity.approximate()))
        }
        ("add" | "sub", [Value::Quantity(a), Value::Quantity(b)]) => Ok(sum(name, a, b)),
        ("add" | "sub", [Value::Quantity(a), Value::Int(b)]) => {
            Ok(sum(name, a, &Quantity::new(*b, Format::DecimalSi)))
        }
        ("isGreaterThan", [Value::Quantity(a), Value::Quantity(b)]) => Ok(Value::Bool(a > b)),
        ("isLessThan", [Value::Quantity(a), Value::Quantity(b)]) => Ok(Value::Bool(a < b)),
        ("compareTo", [Value::Quantity(a), Value::Quantity(b)]) => Ok(Value::Int(match a.cmp(b) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        })),
        _ => return None,
    };
    Some(outcome)
}

fn sum<'a>(name: &str, a: &Quantity, b: &Quantity) -> Value<'a> {
    let mut total = a.clone();
    if name == "add" {
        total.add(b);
    } else {
        total.sub(b);
    }
    Value::Quantity(Arc::new(total))
}

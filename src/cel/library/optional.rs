//! Optionals.
//!
//! *Upstream:* `cel-go/cel/library.go` (`OptionalTypes`).

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::Value;

/// The result of a function over optionals; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let outcome = match (name, values) {
        ("optional.of", [value]) => Ok(Value::some(value.clone())),
        ("optional.none", []) => Ok(Value::Optional(None)),
        ("optional.ofNonZeroValue", [value]) => Ok(if is_zero(value) {
            Value::Optional(None)
        } else {
            Value::some(value.clone())
        }),
        ("hasValue", [Value::Optional(inner)]) => Ok(Value::Bool(inner.is_some())),
        ("value", [Value::Optional(inner)]) => match inner {
            Some(inner) => Ok(inner.as_ref().clone()),
            None => Err(Failure::new("optional.none() dereference")),
        },
        ("first", [Value::List(list)]) => {
            Ok(list.get(0).map_or(Value::Optional(None), Value::some))
        }
        ("last", [Value::List(list)]) => {
            let last = list.len().checked_sub(1).and_then(|index| list.get(index));
            Ok(last.map_or(Value::Optional(None), Value::some))
        }
        ("optional.unwrap" | "unwrapOpt", [Value::List(list)]) => {
            let mut out = Vec::new();
            for item in list.iter() {
                match item {
                    Value::Optional(inner) => out.extend(inner.map(|inner| inner.as_ref().clone())),
                    other => {
                        let shown = super::display(&other);
                        let why = format!("value {shown} is not optional");
                        return Some(Err(Failure::new(why)));
                    }
                }
            }
            Ok(Value::list(out))
        }
        _ => return None,
    };
    Some(outcome)
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Int(value) => *value == 0,
        Value::Uint(value) => *value == 0,
        Value::Double(value) => value.abs() <= 0.0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Duration(nanos) => *nanos == 0,
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => false,
    }
}

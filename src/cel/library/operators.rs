//! Operators.

use std::cmp::Ordering;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::moment::Moment;
use crate::cel::value::{List, Map, Value};

/// The result of an operator; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let outcome = match (name, values) {
        ("!_", [Value::Bool(value)]) => Ok(Value::Bool(!value)),
        ("-_", [Value::Int(value)]) => integer(value.checked_neg()),
        ("-_", [Value::Double(value)]) => Ok(Value::Double(-value)),
        ("-_", [Value::Duration(value)]) => duration(value.checked_neg()),
        ("_<_", [a, b]) => return ordered(a, b, Ordering::is_lt),
        ("_<=_", [a, b]) => return ordered(a, b, Ordering::is_le),
        ("_>_", [a, b]) => return ordered(a, b, Ordering::is_gt),
        ("_>=_", [a, b]) => return ordered(a, b, Ordering::is_ge),
        ("_+_", [a, b]) => return add(a, b),
        ("_-_", [a, b]) => return subtract(a, b),
        ("_*_", [a, b]) => match (a, b) {
            (Value::Int(a), Value::Int(b)) => integer(a.checked_mul(*b)),
            (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_mul(*b)),
            (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
            _ => return None,
        },
        ("_/_", [a, b]) => return divide(a, b),
        ("_%_", [a, b]) => match (a, b) {
            (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
                Err(Failure::new("modulus by zero"))
            }
            (Value::Int(a), Value::Int(b)) => integer(a.checked_rem(*b)),
            (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_rem(*b)),
            _ => return None,
        },
        ("@in", [item, Value::List(list)]) => {
            Ok(Value::Bool(list.iter().any(|other| other.equals(item))))
        }
        ("@in", [key, Value::Map(map)]) => {
            if matches!(map, Map::Json(..)) && !matches!(key, Value::String(_)) {
                Err(Failure::no_overload())
            } else {
                Ok(Value::Bool(map.get(key).is_some()))
            }
        }
        ("size", [Value::String(text)]) => Ok(Value::Int(text.chars().count() as i64)),
        ("size", [Value::Bytes(bytes)]) => Ok(Value::Int(bytes.len() as i64)),
        ("size", [Value::List(list)]) => Ok(Value::Int(list.len() as i64)),
        ("size", [Value::Map(map)]) => Ok(Value::Int(map.len() as i64)),
        _ => return None,
    };
    Some(outcome)
}

fn integer<'a>(value: Option<i64>) -> Outcome<'a> {
    value
        .map(Value::Int)
        .ok_or_else(|| Failure::new("integer overflow"))
}

fn unsigned<'a>(value: Option<u64>) -> Outcome<'a> {
    value
        .map(Value::Uint)
        .ok_or_else(|| Failure::new("unsigned integer overflow"))
}

fn duration<'a>(value: Option<i64>) -> Outcome<'a> {
    value
        .map(Value::Duration)
        .ok_or_else(|| Failure::new("integer overflow"))
}

fn timestamp<'a>(at: Option<Moment>) -> Outcome<'a> {
    at.map(Value::Timestamp)
        .ok_or_else(|| Failure::new("timestamp overflow"))
}

fn ordered<'a>(a: &Value, b: &Value, holds: fn(Ordering) -> bool) -> Option<Outcome<'a>> {
    if let (Value::Double(a), _) | (_, Value::Double(a)) = (a, b)
        && a.is_nan()
    {
        return Some(Err(Failure::new("NaN values cannot be ordered")));
    }
    // Quantities are compared by their own functions.
    if matches!(a, Value::Quantity(_)) {
        return None;
    }
    a.compare(b).map(|order| Ok(Value::Bool(holds(order))))
}

fn add<'a>(a: &Value<'a>, b: &Value<'a>) -> Option<Outcome<'a>> {
    Some(match (a, b) {
        (Value::Int(a), Value::Int(b)) => integer(a.checked_add(*b)),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_add(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::String(a), Value::String(b)) => Ok(Value::text(format!("{a}{b}"))),
        (Value::Bytes(a), Value::Bytes(b)) => {
            let all: Vec<u8> = a.iter().chain(b.iter()).copied().collect();
            Ok(Value::Bytes(all.into()))
        }
        (Value::List(a), Value::List(b)) => Ok(joined(a, b)),
        (Value::Duration(a), Value::Duration(b)) => duration(a.checked_add(*b)),
        (Value::Timestamp(at), Value::Duration(nanos))
        | (Value::Duration(nanos), Value::Timestamp(at)) => timestamp(at.plus(*nanos)),
        _ => return None,
    })
}

fn subtract<'a>(a: &Value<'a>, b: &Value<'a>) -> Option<Outcome<'a>> {
    Some(match (a, b) {
        (Value::Int(a), Value::Int(b)) => integer(a.checked_sub(*b)),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_sub(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Duration(a), Value::Duration(b)) => duration(a.checked_sub(*b)),
        (Value::Timestamp(a), Value::Timestamp(b)) => duration(a.since(*b)),
        (Value::Timestamp(at), Value::Duration(nanos)) => {
            timestamp(nanos.checked_neg().and_then(|nanos| at.plus(nanos)))
        }
        _ => return None,
    })
}

fn divide<'a>(a: &Value<'a>, b: &Value<'a>) -> Option<Outcome<'a>> {
    Some(match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            Err(Failure::new("division by zero"))
        }
        (Value::Int(a), Value::Int(b)) => integer(a.checked_div(*b)),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_div(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        _ => return None,
    })
}

/// Two lists as one: of a set, what it does not have yet is added; of items with keys, those with
/// known keys take the place of the old ones.
fn joined<'a>(a: &List<'a>, b: &List<'a>) -> Value<'a> {
    let mut items: Vec<Value> = a.iter().collect();
    let Some(keys) = a.keys() else {
        items.extend(b.iter());
        return Value::list(items);
    };
    let is_same = |a: &Value, b: &Value| {
        if keys.is_empty() {
            return a.equals(b);
        }
        keys.iter().all(|key| {
            let key = Value::text(key.as_ref());
            let (a, b) = (a.index(&key, true), b.index(&key, true));
            matches!((a, b), (Ok(Some(a)), Ok(Some(b))) if a.equals(&b))
        })
    };
    for item in b.iter() {
        match items.iter_mut().find(|known| is_same(known, &item)) {
            Some(known) => *known = item,
            None => items.push(item),
        }
    }
    Value::list(items)
}

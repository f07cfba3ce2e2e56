//! Operators.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::{List, Value};

/// The result of an operator; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let outcome = match (name, values) {
        ("!_", [Value::Bool(value)]) => Ok(Value::Bool(!value)),
        ("-_", [Value::Int(value)]) => integer(value.checked_neg()),
        ("-_", [Value::Double(value)]) => Ok(Value::Double(-value)),
        ("_==_", [a, b]) => Ok(Value::Bool(a.equals(b))),
        ("_!=_", [a, b]) => Ok(Value::Bool(!a.equals(b))),
        ("_<_", [a, b]) => ordered(a, b, Ordering::is_lt),
        ("_<=_", [a, b]) => ordered(a, b, Ordering::is_le),
        ("_>_", [a, b]) => ordered(a, b, Ordering::is_gt),
        ("_>=_", [a, b]) => ordered(a, b, Ordering::is_ge),
        ("_+_", [a, b]) => add(a, b),
        ("_-_", [a, b]) => subtract(a, b),
        ("_*_", [a, b]) => match (a, b) {
            (Value::Int(a), Value::Int(b)) => integer(a.checked_mul(*b)),
            (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_mul(*b)),
            (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
            _ => Err(Failure::no_overload()),
        },
        ("_/_", [a, b]) => divide(a, b),
        ("_%_", [a, b]) => match (a, b) {
            (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
                Err(Failure::new("modulus by zero"))
            }
            (Value::Int(a), Value::Int(b)) => integer(a.checked_rem(*b)),
            (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_rem(*b)),
            _ => Err(Failure::no_overload()),
        },
        ("@in", [item, Value::List(list)]) => {
            Ok(Value::Bool(list.iter().any(|other| other.equals(item))))
        }
        ("@in", [key, Value::Map(map)]) => Ok(Value::Bool(map.get(key).is_some())),
        ("_[_]", [from, key]) => index(from, key),
        ("_[?_]", [from, key]) => optional_index(from, key),
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
        .ok_or_else(|| Failure::new("duration overflow"))
}

fn timestamp<'a>(at: Timestamp, nanos: i64) -> Outcome<'a> {
    at.checked_add(SignedDuration::from_nanos(nanos))
        .map(Value::Timestamp)
        .map_err(|_| Failure::new("timestamp overflow"))
}

fn ordered<'a>(a: &Value, b: &Value, holds: fn(Ordering) -> bool) -> Outcome<'a> {
    if let (Value::Double(a), _) | (_, Value::Double(a)) = (a, b)
        && a.is_nan()
    {
        return Ok(Value::Bool(false));
    }
    // Quantities are compared by their own functions.
    if matches!(a, Value::Quantity(_)) {
        return Err(Failure::no_overload());
    }
    a.compare(b)
        .map(|order| Value::Bool(holds(order)))
        .ok_or_else(Failure::no_overload)
}

fn add<'a>(a: &Value<'a>, b: &Value<'a>) -> Outcome<'a> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => integer(a.checked_add(*b)),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_add(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::String(a), Value::String(b)) => Ok(Value::text(format!("{a}{b}"))),
        (Value::Bytes(a), Value::Bytes(b)) => {
            let all: Vec<u8> = a.iter().chain(b.iter()).copied().collect();
            Ok(Value::Bytes(all.into()))
        }
        (Value::List(a), Value::List(b)) => Ok(Value::list(a.iter().chain(b.iter()).collect())),
        (Value::Duration(a), Value::Duration(b)) => duration(a.checked_add(*b)),
        (Value::Timestamp(at), Value::Duration(nanos))
        | (Value::Duration(nanos), Value::Timestamp(at)) => timestamp(*at, *nanos),
        _ => Err(Failure::no_overload()),
    }
}

fn subtract<'a>(a: &Value<'a>, b: &Value<'a>) -> Outcome<'a> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => integer(a.checked_sub(*b)),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_sub(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Duration(a), Value::Duration(b)) => duration(a.checked_sub(*b)),
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            let nanos = a.duration_since(*b).as_nanos();
            duration(i64::try_from(nanos).ok())
        }
        (Value::Timestamp(at), Value::Duration(nanos)) => match nanos.checked_neg() {
            Some(nanos) => timestamp(*at, nanos),
            None => Err(Failure::new("timestamp overflow")),
        },
        _ => Err(Failure::no_overload()),
    }
}

fn divide<'a>(a: &Value<'a>, b: &Value<'a>) -> Outcome<'a> {
    match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            Err(Failure::new("division by zero"))
        }
        (Value::Int(a), Value::Int(b)) => integer(a.checked_div(*b)),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_div(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        _ => Err(Failure::no_overload()),
    }
}

/// The place a value names in a list; numbers without fraction do. The outer `None`: the value is
/// no number; the inner: there is no such place.
#[allow(
    clippy::option_option,
    reason = "two ways to be none, told apart by the caller"
)]
fn place(list: &List, key: &Value) -> Option<Option<usize>> {
    let index = match key {
        Value::Int(index) => *index,
        Value::Uint(index) => i64::try_from(*index).unwrap_or(-1),
        Value::Double(index) if index.fract() == 0.0 => *index as i64,
        _ => return None,
    };
    let index = usize::try_from(index).ok();
    Some(index.filter(|index| *index < list.len()))
}

fn index<'a>(from: &Value<'a>, key: &Value<'a>) -> Outcome<'a> {
    match from {
        Value::List(list) => match place(list, key) {
            None => Err(Failure::no_overload()),
            Some(found) => found.and_then(|index| list.get(index)).ok_or_else(|| {
                let key = super::strings::printed(key);
                Failure::new(format!("index out of bounds: {key}"))
            }),
        },
        Value::Map(map) => map.get(key).ok_or_else(|| {
            let key = super::strings::printed(key);
            Failure::new(format!("no such key: {key}"))
        }),
        Value::Optional(_) => optional_index(from, key),
        _ => Err(Failure::no_overload()),
    }
}

fn optional_index<'a>(from: &Value<'a>, key: &Value<'a>) -> Outcome<'a> {
    let found = match from {
        Value::List(list) => match place(list, key) {
            None => return Err(Failure::no_overload()),
            Some(found) => found.and_then(|index| list.get(index)),
        },
        Value::Map(map) => map.get(key),
        Value::Optional(None) => None,
        Value::Optional(Some(inner)) => return optional_index(inner, key),
        _ => return Err(Failure::no_overload()),
    };
    Ok(found.map_or(Value::Optional(None), Value::some))
}

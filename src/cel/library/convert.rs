//! Conversions between types.

use super::display::printed;
use super::time;
use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::Value;

/// The result of a conversion; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let [value] = values else {
        return None;
    };
    let outcome = match (name, value) {
        ("dyn", value) => Ok(value.clone()),
        ("type", value) => Ok(Value::Type(value.type_name())),
        ("bool", Value::Bool(_))
        | ("int", Value::Int(_))
        | ("uint", Value::Uint(_))
        | ("double", Value::Double(_))
        | ("string", Value::String(_))
        | ("bytes", Value::Bytes(_))
        | ("duration", Value::Duration(_))
        | ("timestamp", Value::Timestamp(_)) => Ok(value.clone()),
        ("bool", Value::String(text)) => truth(text),
        ("int", Value::Uint(value)) => i64::try_from(*value)
            .map(Value::Int)
            .map_err(|_| Failure::new("integer overflow")),
        ("int", Value::Double(value)) => whole(*value).map(Value::Int),
        ("int", Value::String(text)) => parsed(text.parse().map(Value::Int).ok(), "int"),
        ("int", Value::Timestamp(at)) => Ok(Value::Int(at.seconds)),
        ("int", Value::Duration(nanos)) => Ok(Value::Int(*nanos)),
        ("uint", Value::Int(value)) => u64::try_from(*value)
            .map(Value::Uint)
            .map_err(|_| Failure::new("unsigned integer overflow")),
        ("uint", Value::Double(value)) => {
            // The largest double below 2^64.
            let is_whole = *value >= 0.0 && *value <= 18_446_744_073_709_549_568.0;
            if is_whole {
                Ok(Value::Uint(*value as u64))
            } else {
                Err(Failure::new("unsigned integer overflow"))
            }
        }
        ("uint", Value::String(text)) => parsed(unsigned(text).map(Value::Uint), "uint"),
        ("double", Value::Int(value)) => Ok(Value::Double(*value as f64)),
        ("double", Value::Uint(value)) => Ok(Value::Double(*value as f64)),
        ("double", Value::String(text)) => parsed(float(text).map(Value::Double), "double"),
        ("string", Value::Bytes(bytes)) => std::str::from_utf8(bytes)
            .map(Value::text)
            .map_err(|_| Failure::new("invalid UTF-8 in bytes, cannot convert to string")),
        (
            "string",
            Value::Bool(_)
            | Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::Duration(_)
            | Value::Timestamp(_)
            | Value::Ip(_)
            | Value::Cidr(..),
        ) => Ok(Value::text(printed(value).unwrap_or_default())),
        ("bytes", Value::String(text)) => Ok(Value::Bytes(text.as_bytes().into())),
        ("duration", Value::String(text)) => time::read_duration(text).map(Value::Duration),
        ("timestamp", Value::String(text)) => time::read_timestamp(text).map(Value::Timestamp),
        ("timestamp", Value::Int(seconds)) => time::from_seconds(*seconds).map(Value::Timestamp),
        _ => return None,
    };
    Some(outcome)
}

/// A truth value in any of the spellings that Go reads.
fn truth(text: &str) -> Outcome<'static> {
    match text {
        "true" | "TRUE" | "True" | "t" | "1" => Ok(Value::Bool(true)),
        "false" | "FALSE" | "False" | "f" | "0" => Ok(Value::Bool(false)),
        _ => Err(Failure::new(
            "type conversion error from 'string' to 'bool'",
        )),
    }
}

fn parsed<'a>(value: Option<Value<'a>>, kind: &str) -> Outcome<'a> {
    value.ok_or_else(|| Failure::new(format!("type conversion error from 'string' to '{kind}'")))
}

/// An unsigned number; Go reads no sign.
fn unsigned(text: &str) -> Option<u64> {
    text.starts_with(|c: char| c.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// A floating point number as Go reads it: not beyond what one holds; underscores may part digits.
fn float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let is_digit = |index: Option<usize>| {
        index
            .and_then(|index| bytes.get(index))
            .is_some_and(u8::is_ascii_digit)
    };
    let parts_digits =
        |(index, _): (usize, &str)| is_digit(index.checked_sub(1)) && is_digit(Some(index + 1));
    if !text.match_indices('_').all(parts_digits) {
        return None;
    }
    let value: f64 = text.replace('_', "").parse().ok()?;
    let is_word = text
        .bytes()
        .any(|byte| byte.is_ascii_alphabetic() && !b"eE".contains(&byte));
    (value.is_finite() || is_word).then_some(value)
}

fn whole(value: f64) -> Result<i64, Failure> {
    // The largest double below 2^63.
    const LIMIT: f64 = 9_223_372_036_854_774_784.0;
    if value.is_finite() && value.abs() <= LIMIT {
        Ok(value as i64)
    } else {
        Err(Failure::new("integer overflow"))
    }
}

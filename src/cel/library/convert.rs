//! Conversions between types.

use super::strings::printed;
use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::Value;
use crate::object::{duration, time};

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
        ("int", Value::String(text)) => parsed(text.parse().map(Value::Int).ok(), text, "int"),
        ("int", Value::Timestamp(at)) => Ok(Value::Int(at.as_second())),
        ("uint", Value::Int(value)) => u64::try_from(*value)
            .map(Value::Uint)
            .map_err(|_| Failure::new("unsigned integer overflow")),
        ("uint", Value::Double(value)) => whole(*value)
            .and_then(|value| {
                u64::try_from(value).map_err(|_| Failure::new("unsigned integer overflow"))
            })
            .map(Value::Uint),
        ("uint", Value::String(text)) => parsed(text.parse().map(Value::Uint).ok(), text, "uint"),
        ("double", Value::Int(value)) => Ok(Value::Double(*value as f64)),
        ("double", Value::Uint(value)) => Ok(Value::Double(*value as f64)),
        ("double", Value::String(text)) => {
            parsed(text.parse().map(Value::Double).ok(), text, "double")
        }
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
        ) => Ok(Value::text(printed(value))),
        ("bytes", Value::String(text)) => Ok(Value::Bytes(text.as_bytes().into())),
        ("duration", Value::String(text)) => parsed(
            duration::parse(text).ok().map(Value::Duration),
            text,
            "google.protobuf.Duration",
        ),
        ("timestamp", Value::String(text)) => parsed(
            time::parse(text).map(Value::Timestamp),
            text,
            "google.protobuf.Timestamp",
        ),
        ("timestamp", Value::Int(seconds)) => jiff::Timestamp::from_second(*seconds)
            .map(Value::Timestamp)
            .map_err(|_| Failure::new("timestamp overflow")),
        _ => return None,
    };
    Some(outcome)
}

/// A truth value in any of the spellings that Go reads.
fn truth(text: &str) -> Outcome<'static> {
    match text {
        "true" | "TRUE" | "True" | "t" | "1" => Ok(Value::Bool(true)),
        "false" | "FALSE" | "False" | "f" | "0" => Ok(Value::Bool(false)),
        _ => Err(Failure::new(format!(
            "type conversion error from 'string' to 'bool': {text}"
        ))),
    }
}

fn parsed<'a>(value: Option<Value<'a>>, text: &str, kind: &str) -> Outcome<'a> {
    value.ok_or_else(|| {
        let _ = text;
        Failure::new(format!("type conversion error from 'string' to '{kind}'"))
    })
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

//! Values as templates see them: whether they are anything, how they print, how they compare.
//!
//! *Upstream:* `text/template/{exec.go (IsTrue),funcs.go}`, `fmt`.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::Value;

/// Whether a value counts as true: whatever is not nothing, zero or empty.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// A value as `fmt.Print` prints it.
pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        other => inner(other),
    }
}

fn inner(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inner).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|left, right| left.0.cmp(right.0));
            let mut out = "map[".to_owned();
            for (index, (name, value)) in fields.iter().enumerate() {
                let space = if index == 0 { "" } else { " " };
                let _ = write!(out, "{space}{name}:{}", inner(value));
            }
            out.push(']');
            out
        }
    }
}

/// Which of two values comes first; `None` where they cannot be compared.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
                return Some(left.cmp(&right));
            }
            left.as_f64()?.partial_cmp(&right.as_f64()?)
        }
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// An integer as Go writes it.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let of = |prefix: &str, radix: u32| {
        let digits = lower.strip_prefix(prefix)?;
        Some(i64::from_str_radix(digits, radix).ok())
    };
    let number = of("0x", 16)
        .or_else(|| of("0b", 2))
        .or_else(|| of("0o", 8))
        .unwrap_or_else(|| digits.parse().ok())?;
    Some(sign * number)
}

/// A value as an integer, as sprig casts it: 0 where it is none.
pub(super) fn to_integer(value: &Value) -> i64 {
    match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|float| float as i64))
            .unwrap_or(0),
        Value::String(text) => integer(text)
            .or_else(|| text.parse::<f64>().ok().map(|float| float as i64))
            .unwrap_or(0),
        Value::Bool(value) => i64::from(*value),
        _ => 0,
    }
}

/// A value as a number with a point: 0 where it is none.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Number(number) => number.as_f64().unwrap_or(0.0),
        Value::String(text) => text.parse().unwrap_or(0.0),
        other => to_integer(other) as f64,
    }
}

/// A value as text, as sprig makes text of it.
pub(super) fn to_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        other => inner(other),
    }
}

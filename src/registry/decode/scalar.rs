//! What Go stores of a value that is no struct, map or list where one should be, and its complaint
//! where it stores nothing.
//!
//! *Upstream:* `literalStore` of `encoding/json/decode.go`, `UnmarshalJSON` of `metav1.Time`,
//! `metav1.MicroTime`, `metav1.Duration`, `resource.Quantity` and `intstr.IntOrString`.

use serde_json::Value;

use super::place::Place;
use super::typed::Findings;
use crate::object::json::Token;
use crate::object::quantity::Quantity;
use crate::object::{duration, time};
use crate::schema::{Format, Node, Shape};

/// The value of a token at a place where `node` should stand; of a list or object, only the
/// complaint.
pub(super) fn decode(
    node: &Node,
    go_type: &str,
    token: &Token<'_>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Value {
    let mut wrong = |found: &str| {
        findings.save(|| place.of_type(found, go_type));
        Value::Null
    };
    match (&node.shape, token) {
        (_, Token::Null) => Value::Null,
        (Shape::Boolean, Token::Bool(value)) => Value::Bool(*value),
        (Shape::Integer(bits), Token::Number(text)) => match integer(text, *bits) {
            Some(value) => value.into(),
            None => wrong(&format!("number {text}")),
        },
        (Shape::Number, Token::Number(text)) => match text.parse::<f64>() {
            Ok(value) if value.is_finite() => crate::object::json::number(text),
            _ => wrong(&format!("number {text}")),
        },
        (Shape::String(format), token) => string(format, go_type, token, place, findings),
        (Shape::IntOrString, Token::Text(text)) => text.as_ref().into(),
        (Shape::IntOrString, token) => {
            let number = match token {
                Token::Number(text) => integer(text, 32),
                _ => None,
            };
            number.map_or_else(
                || {
                    findings.refuse(|| place.of_type(&numbered(token), "int32"));
                    Value::Null
                },
                Value::from,
            )
        }
        (_, token) => wrong(name(token)),
    }
}

fn string(
    format: &Format,
    go_type: &str,
    token: &Token<'_>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Value {
    let Token::Text(text) = token else {
        match format {
            Format::Plain | Format::Byte | Format::Named(_) => {
                findings.save(|| place.of_type(name(token), go_type));
            }
            Format::Quantity => return quantity(token, findings),
            Format::DateTime | Format::MicroTime | Format::Duration => {
                findings.refuse(|| place.of_type(name(token), "string"));
            }
        }
        return Value::Null;
    };
    let refused = match format {
        Format::Plain | Format::Named(_) => None,
        Format::Byte => {
            if let Some(at) = base64_error(text.as_bytes()) {
                findings.save(|| format!("illegal base64 data at input byte {at}"));
            }
            None
        }
        Format::Quantity => return quantity(token, findings),
        Format::DateTime => time::read_seconds(text).err(),
        Format::MicroTime => time::read_micros(text).err(),
        Format::Duration => duration::parse(text).err(),
    };
    if let Some(error) = refused {
        findings.refuse(|| error.to_string());
    }
    let is_time = matches!(format, Format::DateTime | Format::MicroTime);
    if is_time && time::is_zero(text) {
        return Value::Null;
    }
    text.as_ref().into()
}

/// A quantity is a text, or a number as it was written.
fn quantity(token: &Token<'_>, findings: &mut Findings) -> Value {
    let text = match token {
        Token::Text(text) => text.trim(),
        Token::Number(text) => text,
        Token::Bool(true) => "true",
        Token::Bool(false) => "false",
        _ => "{",
    };
    match Quantity::parse(text) {
        Ok(quantity) => quantity.to_string().into(),
        Err(error) => {
            findings.refuse(|| error.to_string());
            Value::Null
        }
    }
}

fn integer(text: &str, bits: u8) -> Option<i64> {
    let value: i64 = text.parse().ok()?;
    (bits == 64 || i32::try_from(value).is_ok()).then_some(value)
}

/// What a token is, in Go's words.
fn name(token: &Token<'_>) -> &'static str {
    match token {
        Token::Null => "null",
        Token::Bool(_) => "bool",
        Token::Number(_) => "number",
        Token::Text(_) => "string",
        Token::List => "array",
        Token::Object => "object",
    }
}

/// As [`name`], with the number itself where a number was wanted.
fn numbered(token: &Token<'_>) -> String {
    match token {
        Token::Number(text) => format!("number {text}"),
        other => name(other).to_owned(),
    }
}

/// Where base64 goes wrong, as Go's strict decoder counts it.
///
/// *Upstream:* `decodeQuantum` of `encoding/base64`.
fn base64_error(text: &[u8]) -> Option<usize> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let skip = |at: usize| {
        at + text[at..]
            .iter()
            .take_while(|byte| is_line_end(byte))
            .count()
    };
    // How many letters of a group of four are read.
    let mut read = 0;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match *byte {
            byte if is_letter(byte) => read = (read + 1) % 4,
            b'\r' | b'\n' => {}
            b'=' if read == 2 || read == 3 => {
                if read == 2 {
                    at = skip(at);
                    if text.get(at) != Some(&b'=') {
                        return Some(at);
                    }
                    at += 1;
                }
                at = skip(at);
                return (at < text.len()).then_some(at);
            }
            _ => return Some(at - 1),
        }
    }
    (read > 0).then(|| at - read)
}

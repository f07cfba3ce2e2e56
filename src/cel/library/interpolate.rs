//! `'%s is %d'.format([a, b])`.
//!
//! *Upstream:* `cel-go/ext/formatting.go`.

use super::display::printed;
use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::{List, Value};
use crate::object::quote::quoted;

/// What stands in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cel) enum Clause<'p> {
    /// Text as is.
    Text(&'p str),
    /// A value: how it is printed, and with how many decimals.
    Value(char, Option<usize>),
}

/// Reads a pattern clause by clause, up to what is wrong with it; each value is asked for first, by
/// whether the pattern ends there.
pub(in crate::cel) fn clauses<'p>(
    pattern: &'p str,
    mut each: impl FnMut(Clause<'p>) -> Result<(), String>,
    mut has_value: impl FnMut(bool) -> Result<(), String>,
) -> Result<(), String> {
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        each(Clause::Text(&rest[..at]))?;
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            each(Clause::Text("%"))?;
            rest = after;
            continue;
        }
        has_value(rest.is_empty())?;
        if rest.is_empty() {
            return Err("unexpected end of string".to_owned());
        }
        let parse = |why: String| format!("could not parse formatting clause: {why}");
        let precision = match rest.strip_prefix('.') {
            None => None,
            Some(after) => {
                let digits = after.bytes().take_while(u8::is_ascii_digit).count();
                let in_precision =
                    |why: String| parse(format!("error while parsing precision: {why}"));
                if digits == after.len() {
                    let why = "could not find end of precision specifier";
                    return Err(in_precision(why.to_owned()));
                }
                let text = &after[..digits];
                rest = &after[digits..];
                let value = text.parse::<usize>().map_err(|_| {
                    let kind = if text.is_empty() {
                        "invalid syntax"
                    } else {
                        "value out of range"
                    };
                    in_precision(format!(
                        "error while converting precision to integer: strconv.Atoi: parsing \
                         {text:?}: {kind}"
                    ))
                })?;
                Some(value)
            }
        };
        let verb = rest.chars().next().unwrap_or(' ');
        if !"sdfebxXo".contains(verb) {
            let shown = char::from(rest.as_bytes()[0]);
            return Err(parse(format!("unrecognized formatting clause \"{shown}\"")));
        }
        rest = &rest[1..];
        each(Clause::Value(verb, precision))?;
    }
    each(Clause::Text(rest))
}

/// Fills values into a pattern.
pub(super) fn format<'a>(pattern: &str, args: &List<'a>) -> Outcome<'a> {
    let mut out = String::new();
    let next = std::cell::Cell::new(0);
    let each = |clause: Clause| {
        match clause {
            Clause::Text(text) => out.push_str(text),
            Clause::Value(verb, precision) => {
                let arg = args.get(next.get() - 1).unwrap_or(Value::Null);
                let text = formatted(verb, precision, &arg)
                    .map_err(|why| format!("error during formatting: {why}"))?;
                out.push_str(&text);
            }
        }
        Ok(())
    };
    let has_value = |_is_end: bool| {
        let index = next.get();
        next.set(index + 1);
        if index < args.len() {
            Ok(())
        } else {
            Err(format!("index {index} out of range"))
        }
    };
    clauses(pattern, each, has_value).map_err(Failure::new)?;
    Ok(Value::text(out))
}

/// What is said of a value that a clause cannot print.
pub(in crate::cel) fn refusal(verb: char, given: &str) -> String {
    match verb {
        's' => format!(
            "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, \
             types, durations, and timestamps, was given {given}"
        ),
        'd' => format!("decimal clause can only be used on integers, was given {given}"),
        'f' => format!("fixed-point clause can only be used on doubles, was given {given}"),
        'e' => format!("scientific clause can only be used on doubles, was given {given}"),
        'b' => {
            format!("only integers and bools can be formatted as binary, was given {given}")
        }
        'o' => format!("octal clause can only be used on integers, was given {given}"),
        _ => format!(
            "only integers, byte buffers, and strings can be formatted as hex, was given {given}"
        ),
    }
}

fn formatted(verb: char, precision: Option<usize>, arg: &Value) -> Result<String, String> {
    let decimals = precision.unwrap_or(6);
    Ok(match (verb, arg) {
        ('s', arg) => text(arg)?,
        ('d', Value::Int(value)) => value.to_string(),
        ('d', Value::Uint(value)) => value.to_string(),
        ('f' | 'e', arg) => {
            let value = match arg {
                Value::Double(value) => *value,
                Value::String(text) if text == "NaN" => f64::NAN,
                Value::String(text) if text == "Infinity" => f64::INFINITY,
                Value::String(text) if text == "-Infinity" => f64::NEG_INFINITY,
                other => return Err(refusal(verb, &other.type_name())),
            };
            match verb {
                'e' => scientific(value),
                _ => localised(value, decimals),
            }
        }
        ('b', Value::Int(value)) => signed(*value, |value| format!("{value:b}")),
        ('b', Value::Uint(value)) => format!("{value:b}"),
        ('b', Value::Bool(value)) => u8::from(*value).to_string(),
        ('x', Value::Int(value)) => signed(*value, |value| format!("{value:x}")),
        ('x', Value::Uint(value)) => format!("{value:x}"),
        ('X', Value::Int(value)) => signed(*value, |value| format!("{value:X}")),
        ('X', Value::Uint(value)) => format!("{value:X}"),
        ('x', Value::String(text)) => hexadecimal(text.as_bytes()),
        ('x', Value::Bytes(bytes)) => hexadecimal(bytes),
        ('X', Value::String(text)) => hexadecimal(text.as_bytes()).to_uppercase(),
        ('X', Value::Bytes(bytes)) => hexadecimal(bytes).to_uppercase(),
        ('o', Value::Int(value)) => signed(*value, |value| format!("{value:o}")),
        ('o', Value::Uint(value)) => format!("{value:o}"),
        (verb, arg) => return Err(refusal(verb, &arg.type_name())),
    })
}

/// What stands for a number that has no digits.
fn wordless(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("∞"),
        f64::NEG_INFINITY => Some("-∞"),
        _ => None,
    }
}

/// A number with its power of ten written out. Upstream takes the precision for a width, which
/// no number is short enough to show.
fn scientific(value: f64) -> String {
    if let Some(word) = wordless(value) {
        return word.to_owned();
    }
    let text = format!("{:.6e}", value + 0.0);
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { "⁻" } else { "" };
    format!("{digits}×10{sign}{}", superscript(power.abs()))
}

/// A number with groups of three.
fn localised(value: f64, decimals: usize) -> String {
    if let Some(word) = wordless(value) {
        return word.to_owned();
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{grouped}{rest}")
}

fn superscript(power: i32) -> String {
    format!("{power:02}")
        .chars()
        .map(|digit| match digit {
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '0' => '⁰',
            digit => char::from_u32(0x2070 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
        })
        .collect()
}

fn signed(value: i64, print: impl Fn(u64) -> String) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", print(value.unsigned_abs()))
}

/// A value as `%s` prints it.
fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::List(list) => {
            let items: Result<Vec<String>, String> =
                list.iter().map(|item| literal(&item)).collect();
            Ok(format!("[{}]", items?.join(", ")))
        }
        Value::Map(map) => {
            let mut entries = Vec::new();
            for (key, value) in map.entries() {
                if !matches!(
                    key,
                    Value::String(_) | Value::Bool(_) | Value::Int(_) | Value::Uint(_)
                ) {
                    return Err(format!(
                        "no formatting function for map key of type {}",
                        key.type_name()
                    ));
                }
                entries.push(format!("{}:{}", literal(&key)?, literal(&value)?));
            }
            entries.sort();
            Ok(format!("{{{}}}", entries.join(", ")))
        }
        Value::Null => Ok("null".to_owned()),
        Value::Ip(_) | Value::Cidr(..) => Err(refusal('s', &value.type_name())),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(
                "could not convert argument \"invalid UTF-8 in bytes, cannot convert to string\" to \
                 string"
                    .to_owned(),
            ),
        },
        other => printed(other).ok_or_else(|| refusal('s', &other.type_name())),
    }
}

/// A value inside a list or map: as an expression writes it.
fn literal(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::String(text) => quoted(text),
        Value::Bytes(_) => format!("b{}", quoted(&text(value)?)),
        Value::Double(number) if number.is_finite() => format!("{number:.6}"),
        Value::Double(_) => quoted(&text(value)?),
        Value::Timestamp(_) => format!("timestamp({:?})", printed(value).unwrap_or_default()),
        Value::Duration(_) => format!("duration({:?})", printed(value).unwrap_or_default()),
        Value::List(_)
        | Value::Map(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Type(_) => text(value)?,
        other => return Err(format!("no formatting function for {}", other.type_name())),
    })
}

/// Bytes in lower-case hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

//! The functions of the language itself; then the caller's, then sprig's.
//!
//! *Upstream:* `text/template/funcs.go`.

use std::cmp::Ordering;

use serde_json::Value;

use super::run::kind_of;
use super::value::{compare, is_true, print, to_integer};
use super::{Functions, Refusal, Result, library};

/// So large is a text or list that a function makes at most; what it takes is as large at most,
/// but for the data itself.
pub(super) const MADE_MAX: usize = 256 << 10;

/// Calls a function, and refuses what it makes where that is larger than anything it was given and
/// than [`MADE_MAX`].
pub(super) fn call(
    name: &str,
    arguments: &[Value],
    functions: &mut dyn Functions,
) -> Result<Value> {
    let value = called(name, arguments, functions)?;
    let size = size(&value, usize::MAX);
    let given = || arguments.iter().map(|one| self::size(one, size)).max();
    if size > MADE_MAX && given().is_none_or(|given| given < size) {
        return Err(too_large(name));
    }
    Ok(value)
}

/// The refusal of what a function would make.
pub(super) fn too_large(name: &str) -> Refusal {
    Refusal::new(format!("{name} makes more than {MADE_MAX} bytes"))
}

/// About how large a value is: its bytes of text, and one for whatever else is in it. Counts no
/// further than needed.
pub(super) fn size(value: &Value, enough: usize) -> usize {
    let mut size = 0_usize;
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        size = size.saturating_add(match value {
            Value::String(text) => text.len() + 1,
            Value::Array(items) => {
                left.extend(items);
                1
            }
            Value::Object(fields) => {
                left.extend(fields.values());
                1 + fields.keys().map(String::len).sum::<usize>()
            }
            _ => 1,
        });
        if size >= enough {
            break;
        }
    }
    size
}

fn called(name: &str, arguments: &[Value], functions: &mut dyn Functions) -> Result<Value> {
    if let Some(value) = functions.call(name, arguments) {
        return Ok(value);
    }
    if let Some(found) = own(name, arguments) {
        return found;
    }
    match library::call(name, arguments, functions) {
        Some(found) => found,
        None => Err(Refusal::new(format!("function {name:?} not defined"))),
    }
}

fn own(name: &str, arguments: &[Value]) -> Option<Result<Value>> {
    let first = arguments.first().unwrap_or(&Value::Null);
    let ordered = |wanted: &[Ordering]| -> Result<Value> {
        let second = arguments.get(1).unwrap_or(&Value::Null);
        let order = compare(first, second).ok_or_else(|| incomparable(first, second))?;
        Ok(wanted.contains(&order).into())
    };
    Some(match name {
        "not" => Ok((!is_true(first)).into()),
        "eq" => equal(first, arguments.get(1..).unwrap_or(&[])),
        "ne" => equal(first, arguments.get(1..2).unwrap_or(&[]))
            .map(|is_equal| (is_equal == Value::Bool(false)).into()),
        "lt" => ordered(&[Ordering::Less]),
        "le" => ordered(&[Ordering::Less, Ordering::Equal]),
        "gt" => ordered(&[Ordering::Greater]),
        "ge" => ordered(&[Ordering::Greater, Ordering::Equal]),
        "index" => index(first, arguments.get(1..).unwrap_or(&[])),
        "slice" => slice(first, arguments.get(1..).unwrap_or(&[])),
        "len" => match first {
            Value::String(text) => Ok(text.len().into()),
            Value::Array(items) => Ok(items.len().into()),
            Value::Object(fields) => Ok(fields.len().into()),
            other => Err(Refusal::new(format!("len of type {}", kind_of(other)))),
        },
        "print" => Ok(print_all(arguments).into()),
        "println" => {
            let words: Vec<String> = arguments.iter().map(print).collect();
            Ok(format!("{}\n", words.join(" ")).into())
        }
        "printf" => match first {
            Value::String(format) => printf(format, &arguments[1..]).map(Value::from),
            _ => Err(Refusal::new("printf needs a format")),
        },
        "urlquery" => Ok(library::escape(&print(first)).into()),
        _ => return None,
    })
}

fn incomparable(left: &Value, right: &Value) -> Refusal {
    Refusal::new(format!(
        "incompatible types for comparison: {} and {}",
        kind_of(left),
        kind_of(right)
    ))
}

/// Whether a value equals one of others. What is not there equals nothing but itself.
fn equal(first: &Value, others: &[Value]) -> Result<Value> {
    if others.is_empty() {
        return Err(Refusal::new("missing argument for comparison"));
    }
    for other in others {
        let is_equal = match (first, other) {
            (Value::Null, Value::Null) => true,
            (Value::Null, _) | (_, Value::Null) => false,
            _ => {
                compare(first, other).ok_or_else(|| incomparable(first, other))? == Ordering::Equal
            }
        };
        if is_equal {
            return Ok(true.into());
        }
    }
    Ok(false.into())
}

fn index(value: &Value, keys: &[Value]) -> Result<Value> {
    let mut value = value;
    for key in keys {
        value = match (value, key) {
            (Value::Object(fields), Value::String(name)) => {
                fields.get(name).unwrap_or(&Value::Null)
            }
            (Value::Array(items), Value::Number(_)) => {
                let place = usize::try_from(to_integer(key)).ok();
                place
                    .and_then(|place| items.get(place))
                    .ok_or_else(|| Refusal::new(format!("index out of range: {key}")))?
            }
            (Value::Null, _) => return Err(Refusal::new("index of untyped nil")),
            (other, _) => {
                let why = format!("can't index item of type {}", kind_of(other));
                return Err(Refusal::new(why));
            }
        };
    }
    Ok(value.clone())
}

fn slice(value: &Value, bounds: &[Value]) -> Result<Value> {
    let length = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.len(),
        other => return Err(Refusal::new(format!("can't slice {}", kind_of(other)))),
    };
    let bound = |at: usize, usual: usize| {
        let said = bounds.get(at).map(to_integer);
        usize::try_from(said.unwrap_or(usual as i64)).unwrap_or(usize::MAX)
    };
    let range = bound(0, 0)..bound(1, length);
    let found = match value {
        Value::Array(items) => items.get(range).map(|items| items.to_vec().into()),
        _ => value
            .as_str()
            .and_then(|text| text.get(range))
            .map(Value::from),
    };
    found.ok_or_else(|| Refusal::new("slice: index out of range"))
}

/// Go's `Sprint`: spaces stand between operands of which neither is a string.
fn print_all(arguments: &[Value]) -> String {
    let mut out = String::new();
    for (at, argument) in arguments.iter().enumerate() {
        if at > 0 && !argument.is_string() && !arguments[at - 1].is_string() {
            out.push(' ');
        }
        out.push_str(&print(argument));
    }
    out
}

/// Go's `Sprintf`, as far as values of templates can be printed.
fn printf(format: &str, arguments: &[Value]) -> Result<String> {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut rest = format.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = rest.next_if(|one| "+-# 0123456789.".contains(*one)) {
            flags.push(flag);
        }
        let is_wide = |number: &str| number.parse().is_ok_and(|wide: u128| wide > 0x7fff);
        let mut numbers = flags.split(|one: char| !one.is_ascii_digit());
        if flags.len() > 64 || numbers.any(is_wide) || out.len() > MADE_MAX {
            return Err(too_large("printf"));
        }
        let Some(verb) = rest.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some(argument) = arguments.next() else {
            out.extend(["%!", &verb.to_string(), "(MISSING)"]);
            continue;
        };
        out.push_str(&padded(&flags, verb, &verbatim(&flags, verb, argument)));
    }
    Ok(out)
}

fn verbatim(flags: &str, verb: char, argument: &Value) -> String {
    let integer = || to_integer(argument);
    match verb {
        'd' if !argument.is_number() => format!("%!d({}={})", kind_of(argument), print(argument)),
        'd' => integer().to_string(),
        'x' if argument.is_number() => format!("{:x}", integer()),
        'X' if argument.is_number() => format!("{:X}", integer()),
        'o' => format!("{:o}", integer()),
        'b' => format!("{:b}", integer()),
        'c' => u32::try_from(integer())
            .ok()
            .and_then(char::from_u32)
            .map_or_else(String::new, String::from),
        'x' => library::hex(print(argument).as_bytes()),
        'f' | 'g' | 'e' => {
            let precision = flags
                .split_once('.')
                .and_then(|(_, text)| text.parse().ok());
            let float = super::value::to_float(argument);
            format!("{float:.*}", precision.unwrap_or(6))
        }
        'q' => Value::String(print(argument)).to_string(),
        'T' => kind_of(argument).to_owned(),
        _ if argument.is_null() => "<nil>".to_owned(),
        _ => print(argument),
    }
}

/// Brings a text to the width that stands between the percent sign and the verb.
fn padded(flags: &str, verb: char, text: &str) -> String {
    let width = flags.trim_start_matches(['+', '-', '#', ' ', '0']);
    let width = width.split('.').next().unwrap_or("");
    let width: usize = width.parse().unwrap_or(0);
    if flags.starts_with('-') {
        return format!("{text:<width$}");
    }
    if flags.starts_with('0') && verb != 's' {
        return format!("{text:0>width$}");
    }
    format!("{text:>width$}")
}

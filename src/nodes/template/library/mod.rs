//! What of sprig's functions Stages use: texts, lists, maps, numbers, times.
//!
//! Those that look at the machine (`env`, files, networks) or make keys are left out; a template
//! that calls one is refused.
//!
//! *Upstream:* `github.com/Masterminds/sprig/v3` (`functions.go`).

mod lists;
mod maps;
mod numbers;
mod texts;

use serde_json::Value;

use super::value::{to_integer, to_text};
use super::{Functions, Refusal, Result, functions, run, value};
use crate::object::duration;

/// Calls a function; `None` where sprig has none of this name, or not here.
pub(super) fn call(
    name: &str,
    arguments: &[Value],
    functions: &mut dyn Functions,
) -> Option<Result<Value>> {
    texts::letters(name, arguments)
        .or_else(|| texts::forms(name, arguments))
        .or_else(|| texts::patterns(name, arguments))
        .or_else(|| lists::list(name, arguments))
        .or_else(|| maps::map(name, arguments))
        .or_else(|| maps::several(name, arguments))
        .or_else(|| numbers::number(name, arguments))
        .or_else(|| numbers::logic(name, arguments))
        .or_else(|| chance(name, arguments, functions))
        .or_else(|| moment(name, arguments, functions))
}

/// The argument at a place; null where there is none.
fn at(arguments: &[Value], place: usize) -> &Value {
    arguments.get(place).unwrap_or(&Value::Null)
}

fn text_at(arguments: &[Value], place: usize) -> String {
    to_text(at(arguments, place))
}

fn count_at(arguments: &[Value], place: usize) -> usize {
    usize::try_from(to_integer(at(arguments, place))).unwrap_or(0)
}

fn items_at(arguments: &[Value], place: usize) -> Vec<Value> {
    at(arguments, place).as_array().cloned().unwrap_or_default()
}

/// A text as it stands in a query.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => out.push(byte.into()),
            _ => out.extend(["%", &hex(&[byte]).to_uppercase()]),
        }
    }
    out
}

/// Bytes as two digits each.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or('0');
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

fn chance(name: &str, arguments: &[Value], functions: &dyn Functions) -> Option<Result<Value>> {
    const DIGITS: &str = "0123456789";
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let entropy = functions.entropy();
    let drawn = |from: &str| -> Value {
        let letters: Vec<char> = from.chars().collect();
        let count = count_at(arguments, 0).min(1 << 16);
        let text: String = (0..count)
            .map(|_| letters[entropy.below(letters.len() as u64) as usize])
            .collect();
        text.into()
    };
    let value = match name {
        "randNumeric" => drawn(DIGITS),
        "randAlpha" => drawn(LETTERS),
        "randAlphaNum" | "randAscii" => drawn(&format!("{DIGITS}{LETTERS}")),
        "randInt" => {
            let (from, to) = (to_integer(at(arguments, 0)), to_integer(at(arguments, 1)));
            let width = u64::try_from(to.saturating_sub(from)).unwrap_or(0);
            from.saturating_add_unsigned(entropy.below(width)).into()
        }
        "uuidv4" => entropy.uid().into(),
        _ => return None,
    };
    Some(Ok(value))
}

fn moment(name: &str, arguments: &[Value], functions: &dyn Functions) -> Option<Result<Value>> {
    let now = functions.now();
    let read = |place: usize| match at(arguments, place) {
        Value::Number(seconds) => jiff::Timestamp::from_second(seconds.as_i64().unwrap_or(0)).ok(),
        other => to_text(other).parse::<jiff::Timestamp>().ok(),
    };
    let value = match name {
        "now" => now.to_string().into(),
        "unixEpoch" => read(0).unwrap_or(now).as_second().to_string().into(),
        "dateModify" | "date_modify" | "mustDateModify" => {
            let by = duration::parse(text_at(arguments, 0).trim_start_matches('+'));
            let by = jiff::SignedDuration::from_nanos(by.unwrap_or(0));
            let moved = read(1).unwrap_or(now).checked_add(by);
            moved.unwrap_or(now).to_string().into()
        }
        "ago" => {
            let ago = now.duration_since(read(0).unwrap_or(now));
            format!("{}s", ago.as_secs()).into()
        }
        "date" => {
            let layout = text_at(arguments, 0);
            let time = read(1).unwrap_or(now);
            time.strftime(&strftime(&layout)).to_string().into()
        }
        "toDate" => value::print(at(arguments, 1)).into(),
        _ => return None,
    };
    Some(Ok(value))
}

/// Go's layout of a time as `strftime` reads it.
fn strftime(layout: &str) -> String {
    let mut out = layout.replace('%', "%%");
    for (go, here) in [
        ("2006", "%Y"),
        ("January", "%B"),
        ("Monday", "%A"),
        ("Z07:00", "Z"),
        ("-07:00", "+00:00"),
        ("Jan", "%b"),
        ("Mon", "%a"),
        ("MST", "UTC"),
        ("01", "%m"),
        ("02", "%d"),
        ("15", "%H"),
        ("04", "%M"),
        ("05", "%S"),
    ] {
        out = out.replace(go, here);
    }
    out
}

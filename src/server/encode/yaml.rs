//! JSON written as YAML, as kube-apiserver writes it: keys sorted, lists not indented, long lines
//! folded.
//!
//! *Upstream:* `sigs.k8s.io/yaml` (go-yaml v2's emitter).

use serde_json::Value;

/// Where a line is folded.
const WIDTH: usize = 80;

/// Writes a value as a YAML document.
pub(super) fn write(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(&mut out, map, 0, false),
        Value::Array(items) if !items.is_empty() => sequence(&mut out, items, 0),
        other => {
            scalar(&mut out, other, 0, 0);
            out.push('\n');
        }
    }
    out
}

fn pad(out: &mut String, indent: usize) {
    for _ in 0..indent {
        out.push(' ');
    }
}

/// Writes a mapping; where `is_inline`, its first line continues one that is begun.
fn mapping(out: &mut String, map: &serde_json::Map<String, Value>, indent: usize, is_inline: bool) {
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort_by(|a, b| natural(a, b));
    for (index, key) in keys.into_iter().enumerate() {
        if index > 0 || !is_inline {
            pad(out, indent);
        }
        let start = out.len();
        text(out, key, indent, indent);
        out.push(':');
        let column = indent + out.len() - start;
        entry(out, &map[key], indent, column);
    }
}

/// Writes the value of a key, from the colon on.
fn entry(out: &mut String, value: &Value, indent: usize, column: usize) {
    match value {
        Value::Object(inner) if !inner.is_empty() => {
            out.push('\n');
            mapping(out, inner, indent + 2, false);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            sequence(out, items, indent);
        }
        other => {
            out.push(' ');
            scalar(out, other, indent + 2, column + 1);
            out.push('\n');
        }
    }
}

fn sequence(out: &mut String, items: &[Value], indent: usize) {
    for item in items {
        pad(out, indent);
        out.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                out.push(' ');
                mapping(out, map, indent + 2, true);
            }
            Value::Array(inner) if !inner.is_empty() => {
                out.push(' ');
                let mut nested = String::new();
                sequence(&mut nested, inner, indent + 2);
                out.push_str(nested.trim_start());
            }
            other => {
                out.push(' ');
                scalar(out, other, indent + 2, indent + 2);
                out.push('\n');
            }
        }
    }
}

/// Writes a scalar that begins at a column; continued lines are indented.
fn scalar(out: &mut String, value: &Value, indent: usize, column: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(value) => text(out, value, indent, column),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

/// Writes a string in the plainest style that reads back as the same string.
fn text(out: &mut String, value: &str, indent: usize, column: usize) {
    if !is_printable(value) {
        return double_quoted(out, value);
    }
    if value.contains('\n') {
        return literal(out, value, indent);
    }
    if is_plain(value) {
        fold(out, value, indent, column);
    } else if reads_as_other_type(value) {
        double_quoted(out, value);
    } else {
        let quoted = format!("'{}'", value.replace('\'', "''"));
        fold(out, &quoted, indent, column);
    }
}

/// Breaks a line at a single space once it has passed the width.
fn fold(out: &mut String, value: &str, indent: usize, column: usize) {
    let mut column = column;
    let mut rest = value.char_indices().peekable();
    let mut previous = ' ';
    while let Some((_, character)) = rest.next() {
        let next = rest.peek().map_or(' ', |(_, next)| *next);
        if character == ' ' && column > WIDTH && previous != ' ' && next != ' ' {
            out.push('\n');
            pad(out, indent);
            column = indent;
        } else {
            out.push(character);
            column += 1;
        }
        previous = character;
    }
}

/// Writes a block of lines as they are.
fn literal(out: &mut String, value: &str, indent: usize) {
    out.push('|');
    if value.starts_with([' ', '\n']) {
        out.push('2');
    }
    let body = match value.strip_suffix('\n') {
        None => {
            out.push('-');
            value
        }
        Some(body) if body.ends_with('\n') || body.is_empty() => {
            out.push('+');
            body
        }
        Some(body) => body,
    };
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
    }
}

fn double_quoted(out: &mut String, value: &str) {
    use std::fmt::Write;
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\e"),
            other if !is_printable_char(other) => {
                let code = u32::from(other);
                let written = if code <= 0xff {
                    write!(out, "\\x{code:02X}")
                } else if code <= 0xffff {
                    write!(out, "\\u{code:04X}")
                } else {
                    write!(out, "\\U{code:08X}")
                };
                debug_assert!(written.is_ok(), "writing to a String cannot fail");
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

fn is_printable(value: &str) -> bool {
    value
        .chars()
        .all(|character| character == '\n' || is_printable_char(character))
}

fn is_printable_char(character: char) -> bool {
    !character.is_control() && character != '\u{feff}'
}

/// Whether a string may stand without quotes.
fn is_plain(value: &str) -> bool {
    let mut characters = value.chars();
    let Some(first) = characters.next() else {
        return false;
    };
    let second = characters.next();
    let opens = match first {
        '-' | '?' | ':' => second.is_some_and(|next| next != ' '),
        ' ' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"'
        | '%' | '@' | '`' => false,
        _ => true,
    };
    opens
        && !value.ends_with([' ', ':'])
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.starts_with("---")
        && !value.starts_with("...")
        && !reads_as_other_type(value)
}

/// Whether a bare word would be read as a number, a boolean, null or a time.
fn reads_as_other_type(value: &str) -> bool {
    const WORDS: [&str; 12] = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".nan", ".inf", "-.inf",
    ];
    if matches!(value, "" | "~" | "<<" | "=") {
        return true;
    }
    let lower = value.to_ascii_lowercase();
    if WORDS.contains(&lower.as_str()) {
        return value == lower || value == value.to_ascii_uppercase() || is_capitalised(value);
    }
    let first = value.as_bytes()[0];
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return false;
    }
    let digits = value.replace('_', "");
    digits.parse::<f64>().is_ok() || is_radix(&digits) || is_sexagesimal(value) || is_time(value)
}

fn is_capitalised(value: &str) -> bool {
    value.chars().next().is_some_and(char::is_uppercase)
        && value.chars().skip(1).all(char::is_lowercase)
}

/// `0x1f`, `0b101`, `0o17`.
fn is_radix(value: &str) -> bool {
    let value = value.trim_start_matches(['+', '-']);
    [("0x", 16), ("0b", 2), ("0o", 8)]
        .iter()
        .any(|(prefix, radix)| {
            value.strip_prefix(prefix).is_some_and(|digits| {
                !digits.is_empty() && digits.chars().all(|c| c.is_digit(*radix))
            })
        })
}

/// `1:30`, which YAML 1.1 reads in base sixty.
fn is_sexagesimal(value: &str) -> bool {
    let value = value.trim_start_matches(['+', '-']);
    let mut parts = value.split(':');
    let first = parts.next().unwrap_or("");
    let mut count = 0;
    first.bytes().all(|b| b.is_ascii_digit())
        && !first.is_empty()
        && parts.all(|part| {
            count += 1;
            (1..=2).contains(&part.len()) && part.parse::<u8>().is_ok_and(|number| number < 60)
        })
        && count > 0
}

/// A date or a time stamp.
fn is_time(value: &str) -> bool {
    let bytes = value.as_bytes();
    let is_date = bytes.len() >= 10
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && bytes[5..7].iter().all(u8::is_ascii_digit)
        && bytes[7] == b'-'
        && bytes[8..10].iter().all(u8::is_ascii_digit);
    is_date && (bytes.len() == 10 || matches!(bytes[10], b'T' | b't' | b' '))
}

/// go-yaml's order of keys: runs of digits by value, letters before other characters.
fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut has_digits = false;
    let shared = left.len().min(right.len());
    for index in 0..shared {
        let (x, y) = (left[index], right[index]);
        if x == y {
            has_digits = x.is_ascii_digit();
            continue;
        }
        let (letter_x, letter_y) = (x.is_alphabetic(), y.is_alphabetic());
        if letter_x && letter_y {
            return x.cmp(&y);
        }
        if letter_x || letter_y {
            // After shared digits a letter comes later; else it comes later than punctuation too.
            return if has_digits == letter_x {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Greater
            };
        }
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let number = |text: &[char]| {
                let digits: String = text.iter().take_while(|c| c.is_ascii_digit()).collect();
                digits.parse::<u64>().unwrap_or(u64::MAX)
            };
            return number(&left[index..])
                .cmp(&number(&right[index..]))
                .then_with(|| x.cmp(&y));
        }
        return x.cmp(&y);
    }
    left.len().cmp(&right.len())
}

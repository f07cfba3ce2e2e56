//! Text: the standard functions and the string extensions.
//!
//! *Upstream:* `cel-go/ext/strings.go`.

use super::interpolate;
use crate::cel::eval::{Failure, Outcome};
use crate::cel::library::display;
use crate::cel::value::Value;

/// The result of a function over text; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    use Value::{Int, String as Text};
    let outcome = match (name, values) {
        ("contains", [Text(text), Text(part)]) => Ok(Value::Bool(text.contains(part.as_ref()))),
        ("startsWith", [Text(text), Text(part)]) => {
            Ok(Value::Bool(text.starts_with(part.as_ref())))
        }
        ("endsWith", [Text(text), Text(part)]) => Ok(Value::Bool(text.ends_with(part.as_ref()))),
        ("charAt", [Text(text), Int(index)]) => char_at(text, *index),
        ("indexOf", [Text(text), Text(part)]) => index_of(text, part, 0),
        ("indexOf", [Text(text), Text(part), Int(from)]) => index_of(text, part, *from),
        ("lastIndexOf", [Text(text), Text(part)]) => last_index_of(text, part, None),
        ("lastIndexOf", [Text(text), Text(part), Int(until)]) => {
            last_index_of(text, part, Some(*until))
        }
        ("lowerAscii", [Text(text)]) => Ok(Value::text(text.to_ascii_lowercase())),
        ("upperAscii", [Text(text)]) => Ok(Value::text(text.to_ascii_uppercase())),
        ("jsonpatch.escapeKey", [Text(text)]) => {
            Ok(Value::text(text.replace('~', "~0").replace('/', "~1")))
        }
        ("replace", [Text(text), Text(old), Text(new)]) => {
            Ok(Value::text(text.replace(old.as_ref(), new)))
        }
        ("replace", [Text(text), Text(old), Text(new), Int(limit)]) => {
            let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
            Ok(Value::text(text.replacen(old.as_ref(), new, limit)))
        }
        ("split", [Text(text), Text(separator)]) => Ok(split(text, separator, -1)),
        ("split", [Text(text), Text(separator), Int(limit)]) => Ok(split(text, separator, *limit)),
        ("substring", [Text(text), Int(from)]) => {
            let length = text.chars().count() as i64;
            substring(text, *from, length.max(*from))
        }
        ("substring", [Text(text), Int(from), Int(to)]) => substring(text, *from, *to),
        ("trim", [Text(text)]) => Ok(Value::text(text.trim())),
        // The first item tells what a list is of.
        ("join", [Value::List(list), ..]) if !matches!(list.get(0), None | Some(Text(_))) => {
            return None;
        }
        ("join", [Value::List(list)]) => join(list.iter(), ""),
        ("join", [Value::List(list), Text(separator)]) => join(list.iter(), separator),
        ("format", [Text(text), Value::List(args)]) => interpolate::format(text, args),
        ("strings.quote", [Text(text)]) => Ok(Value::text(quoted(text))),
        _ => return None,
    };
    Some(outcome)
}

fn out_of_range(index: i64) -> Failure {
    Failure::new(format!("index out of range: {index}"))
}

fn in_range(text: &str, index: i64) -> Result<usize, Failure> {
    let length = text.chars().count();
    usize::try_from(index)
        .ok()
        .filter(|index| *index <= length)
        .ok_or_else(|| out_of_range(index))
}

fn char_at<'a>(text: &str, index: i64) -> Outcome<'a> {
    let at = in_range(text, index)?;
    let found = text.chars().nth(at);
    Ok(Value::text(found.map_or(String::new(), String::from)))
}

/// The byte at which a character stands.
fn byte_of(text: &str, index: usize) -> usize {
    text.char_indices()
        .nth(index)
        .map_or(text.len(), |(byte, _)| byte)
}

fn index_of<'a>(text: &str, part: &str, from: i64) -> Outcome<'a> {
    let start = usize::try_from(from).map_err(|_| out_of_range(from))?;
    let length = text.chars().count();
    if part.is_empty() {
        return Ok(Value::Int(start.min(length) as i64));
    }
    if start >= length {
        return Ok(Value::Int(-1));
    }
    let byte = byte_of(text, start);
    let found = text[byte..].find(part);
    Ok(Value::Int(found.map_or(-1, |found| {
        text[..byte + found].chars().count() as i64
    })))
}

fn last_index_of<'a>(text: &str, part: &str, until: Option<i64>) -> Outcome<'a> {
    let length = text.chars().count();
    let last = match until {
        None => length,
        Some(until) => usize::try_from(until).map_err(|_| out_of_range(until))?,
    };
    if part.is_empty() {
        return Ok(Value::Int(last.min(length) as i64));
    }
    if until.is_some() && last >= length {
        return Ok(Value::Int(-1));
    }
    let found = text
        .char_indices()
        .enumerate()
        .take(last.saturating_add(1))
        .filter(|(_, (byte, _))| text[*byte..].starts_with(part))
        .last();
    Ok(Value::Int(found.map_or(-1, |(index, _)| index as i64)))
}

fn substring<'a>(text: &str, from: i64, to: i64) -> Outcome<'a> {
    if from > to {
        return Err(Failure::new(format!(
            "invalid substring range. start: {from}, end: {to}"
        )));
    }
    let (start, end) = (in_range(text, from)?, in_range(text, to)?);
    Ok(Value::text(&text[byte_of(text, start)..byte_of(text, end)]))
}

fn split<'a>(text: &str, separator: &str, limit: i64) -> Value<'a> {
    let parts: Vec<Value> = match (limit, separator.is_empty()) {
        (0, _) => Vec::new(),
        (1.., true) => {
            let limit = limit as usize;
            let count = text.chars().count().min(limit);
            let last = byte_of(text, count.saturating_sub(1));
            let firsts = text[..last].chars().map(|c| Value::text(c.to_string()));
            firsts
                .chain((!text.is_empty()).then(|| Value::text(&text[last..])))
                .collect()
        }
        (_, true) => text.chars().map(|c| Value::text(c.to_string())).collect(),
        (1.., false) => text
            .splitn(limit as usize, separator)
            .map(Value::text)
            .collect(),
        (_, false) => text.split(separator).map(Value::text).collect(),
    };
    Value::list(parts)
}

fn join<'a>(items: impl Iterator<Item = Value<'a>>, separator: &str) -> Outcome<'a> {
    let mut out = String::new();
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        match item {
            Value::String(text) => out.push_str(&text),
            other => {
                let shown = display(&other);
                return Err(Failure::new(format!("join: invalid input: {shown}")));
            }
        }
    }
    Ok(Value::text(out))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

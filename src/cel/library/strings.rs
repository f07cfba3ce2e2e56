//! Text: the standard functions, the string extensions, and regular expressions.
//!
//! *Upstream:* `cel-go/ext/strings.go`, `apiserver/pkg/cel/library/regex.go`.

use std::borrow::Cow;

use regex::Regex;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::syntax::{Call, Kind, Literal};
use crate::cel::value::Value;
use crate::object::quote::quoted;
use crate::object::{duration, time};
use crate::schema::structural::regular_expression;

/// The result of a function over text; `None` where it is none.
pub(super) fn call<'a>(call: &Call, name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    use Value::{Int, String as Text};
    let outcome = match (name, values) {
        ("contains", [Text(text), Text(part)]) => Ok(Value::Bool(text.contains(part.as_ref()))),
        ("startsWith", [Text(text), Text(part)]) => {
            Ok(Value::Bool(text.starts_with(part.as_ref())))
        }
        ("endsWith", [Text(text), Text(part)]) => Ok(Value::Bool(text.ends_with(part.as_ref()))),
        ("matches", [Text(text), Text(pattern)]) => {
            with_regex(call, pattern, |regex| Value::Bool(regex.is_match(text)))
        }
        ("find", [Text(text), Text(pattern)]) => with_regex(call, pattern, |regex| {
            Value::text(regex.find(text).map_or("", |found| found.as_str()))
        }),
        ("findAll", [Text(text), Text(pattern), rest @ ..]) => {
            let limit = match rest {
                [] => -1,
                [Int(limit)] => *limit,
                _ => return None,
            };
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            with_regex(call, pattern, |regex| {
                let found = regex.find_iter(text).take(limit);
                Value::list(found.map(|found| Value::text(found.as_str())).collect())
            })
        }
        ("charAt", [Text(text), Int(index)]) => char_at(text, *index),
        ("indexOf", [Text(text), Text(part)]) => Ok(Int(index_of(text, part, 0))),
        ("indexOf", [Text(text), Text(part), Int(from)]) => {
            in_range(text, *from).map(|from| Int(index_of(text, part, from)))
        }
        ("lastIndexOf", [Text(text), Text(part)]) => Ok(Int(last_index_of(text, part, usize::MAX))),
        ("lastIndexOf", [Text(text), Text(part), Int(until)]) => {
            in_range(text, *until).map(|until| Int(last_index_of(text, part, until)))
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
            substring(text, *from, length)
        }
        ("substring", [Text(text), Int(from), Int(to)]) => substring(text, *from, *to),
        ("trim", [Text(text)]) => Ok(Value::text(text.trim())),
        ("join", [Value::List(list)]) => join(list.iter(), ""),
        ("join", [Value::List(list), Text(separator)]) => join(list.iter(), separator),
        ("format", [Text(text), Value::List(args)]) => {
            let args: Vec<Value> = args.iter().collect();
            format(text, &args)
        }
        ("strings.quote", [Text(text)]) => Ok(Value::text(quoted(text))),
        _ => return None,
    };
    Some(outcome)
}

/// Runs a pattern; one that stands in the expression is compiled once.
fn with_regex<'a>(
    call: &Call,
    pattern: &str,
    run: impl FnOnce(&Regex) -> Value<'a>,
) -> Outcome<'a> {
    let is_constant = call.args.last().is_some_and(
        |arg| matches!(&arg.kind, Kind::Literal(Literal::String(text)) if text == pattern),
    );
    let invalid = || {
        Failure::new(format!(
            "error parsing regexp: invalid pattern: `{pattern}`"
        ))
    };
    if is_constant {
        let regex = call
            .regex
            .get_or_init(|| regular_expression::compile(pattern).ok());
        return regex.as_ref().map(run).ok_or_else(invalid);
    }
    let regex = regular_expression::compile(pattern).map_err(|_| invalid())?;
    Ok(run(&regex))
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

fn index_of(text: &str, part: &str, from: usize) -> i64 {
    let start = byte_of(text, from);
    text[start..]
        .find(part)
        .map_or(-1, |found| text[..start + found].chars().count() as i64)
}

fn last_index_of(text: &str, part: &str, until: usize) -> i64 {
    let places = text.char_indices().map(|(byte, _)| byte);
    let all: Vec<usize> = places.chain([text.len()]).collect();
    let last = all
        .iter()
        .enumerate()
        .take(until.saturating_add(1))
        .rev()
        .find(|(_, byte)| text[**byte..].starts_with(part));
    last.map_or(-1, |(index, _)| index as i64)
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
    let parts: Vec<Value> = match limit {
        0 => Vec::new(),
        _ if separator.is_empty() => text.chars().map(|c| Value::text(c.to_string())).collect(),
        1.. => text
            .splitn(limit as usize, separator)
            .map(Value::text)
            .collect(),
        _ => text.split(separator).map(Value::text).collect(),
    };
    Value::list(parts)
}

fn join<'a>(items: impl Iterator<Item = Value<'a>>, separator: &str) -> Outcome<'a> {
    let mut texts: Vec<Cow<str>> = Vec::new();
    for item in items {
        match item {
            Value::String(text) => texts.push(text),
            _ => return Err(Failure::no_overload()),
        }
    }
    Ok(Value::text(texts.join(separator)))
}

/// `'%s is %d'.format([a, b])`.
fn format<'a>(pattern: &str, args: &[Value]) -> Outcome<'a> {
    let mut out = String::new();
    let mut args = args.iter();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            out.push('%');
            continue;
        }
        let mut precision = None;
        if chars.peek() == Some(&'.') {
            chars.next();
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            precision = digits.parse::<usize>().ok();
        }
        let verb = chars
            .next()
            .ok_or_else(|| Failure::new("unexpected end of format string"))?;
        let arg = args
            .next()
            .ok_or_else(|| Failure::new("index 0 out of range"))?;
        out.push_str(&formatted(verb, precision, arg)?);
    }
    Ok(Value::text(out))
}

fn formatted(verb: char, precision: Option<usize>, arg: &Value) -> Result<String, Failure> {
    let decimals = precision.unwrap_or(6);
    Ok(match (verb, arg) {
        ('s', arg) => printed(arg),
        ('d', Value::Int(value)) => value.to_string(),
        ('d', Value::Uint(value)) => value.to_string(),
        ('f', Value::Double(value)) => format!("{value:.decimals$}"),
        ('f', Value::Int(value)) => format!("{:.decimals$}", *value as f64),
        ('e', Value::Double(value)) => format!("{value:.decimals$e}"),
        ('b', Value::Int(value)) => format!("{value:b}"),
        ('b', Value::Bool(value)) => u8::from(*value).to_string(),
        ('x', Value::Int(value)) => format!("{value:x}"),
        ('X', Value::Int(value)) => format!("{value:X}"),
        ('x', Value::String(text)) => hexadecimal(text.as_bytes()),
        ('X', Value::String(text)) => hexadecimal(text.as_bytes()).to_uppercase(),
        ('o', Value::Int(value)) => format!("{value:o}"),
        _ => {
            return Err(Failure::new(format!(
                "error during formatting: unrecognized formatting clause: {verb}"
            )));
        }
    })
}

/// A value as text, as `string` and `%s` print it.
pub(in crate::cel) fn printed(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::String(text) => text.clone().into_owned(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Duration(nanos) => seconds(*nanos),
        Value::Timestamp(at) if at.subsec_nanosecond() == 0 => time::seconds(*at),
        Value::Timestamp(at) => at.to_string(),
        Value::List(list) => {
            let items: Vec<String> = list.iter().map(|item| printed(&item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let mut entries: Vec<String> = map
                .entries()
                .iter()
                .map(|(key, value)| format!("{}: {}", printed(key), printed(value)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Optional(_) => "optional".to_owned(),
        Value::Type(name) => name.clone().into_owned(),
        Value::Quantity(quantity) => quantity.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::Cidr(address, bits) => format!("{address}/{bits}"),
        Value::Url(url) => url.text.clone(),
        Value::Semver(version) => version.to_string(),
        Value::Format(name) => (*name).to_owned(),
        Value::Struct(object) => object.name.clone(),
        Value::Question(question) => question.type_name().to_owned(),
    }
}

/// A duration as `string` prints it: in seconds.
fn seconds(nanos: i64) -> String {
    if nanos % 1_000_000_000 == 0 {
        return format!("{}s", nanos / 1_000_000_000);
    }
    let text = format!("{:.9}", nanos as f64 / 1e9);
    let text = text.trim_end_matches('0');
    if text.is_empty() {
        return duration::print(nanos);
    }
    format!("{text}s")
}

/// Bytes in lower-case hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

//! Texts.
//!
//! *Upstream:* sprig's `strings.go`, `regex.go`, `crypto.go`, `defaults.go`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::functions::{MADE_MAX, too_large};
use super::value::to_text;
use super::{Refusal, Result, at, count_at, hex, text_at, to_integer};

/// An expression that Go would read.
fn pattern(text: &str) -> Result<Regex> {
    Regex::new(text).map_err(|error| Refusal::new(error.to_string()))
}

/// What is done to letters.
pub(super) fn letters(name: &str, arguments: &[Value]) -> Option<Result<Value>> {
    let text = |place: usize| text_at(arguments, place);
    let value: Value = match name {
        "upper" => text(0).to_uppercase().into(),
        "lower" => text(0).to_lowercase().into(),
        "title" => titled(&text(0)).into(),
        "trim" => text(0).trim().into(),
        "trimAll" => {
            let letters = text(0);
            text(1).trim_matches(|one| letters.contains(one)).into()
        }
        "trimSuffix" => text(1)
            .strip_suffix(&text(0))
            .map_or_else(|| text(1), str::to_owned)
            .into(),
        "trimPrefix" => text(1)
            .strip_prefix(&text(0))
            .map_or_else(|| text(1), str::to_owned)
            .into(),
        "contains" => text(1).contains(&text(0)).into(),
        "hasPrefix" => text(1).starts_with(&text(0)).into(),
        "hasSuffix" => text(1).ends_with(&text(0)).into(),
        "repeat" => {
            let (text, count) = (text(1), count_at(arguments, 0));
            if text.len().saturating_mul(count) > MADE_MAX {
                return Some(Err(too_large(name)));
            }
            text.repeat(count).into()
        }
        "replace" => {
            let (from, to, whole) = (text(0), text(1), text(2));
            if whole.matches(&from).count().saturating_mul(to.len()) > MADE_MAX + whole.len() {
                return Some(Err(too_large(name)));
            }
            whole.replace(&from, &to).into()
        }
        "nospace" => text(0).split_whitespace().collect::<String>().into(),
        "trunc" => trunc(to_integer(at(arguments, 0)), &text(1)).into(),
        "substr" => {
            let (from, to) = (count_at(arguments, 0), to_integer(at(arguments, 1)));
            let to = usize::try_from(to).unwrap_or(usize::MAX);
            let letters = text(2).chars().take(to).skip(from).collect::<String>();
            letters.into()
        }
        _ => return None,
    };
    Some(Ok(value))
}

/// Other forms of a value.
pub(super) fn forms(name: &str, arguments: &[Value]) -> Option<Result<Value>> {
    let text = |place: usize| text_at(arguments, place);
    if matches!(name, "indent" | "nindent") {
        return Some(indented(name, arguments).map(Value::from));
    }
    let value: Value = match name {
        "quote" | "squote" => {
            let quoted = arguments.iter().filter(|one| !one.is_null()).map(|one| {
                let text = to_text(one);
                if name == "quote" {
                    Value::String(text).to_string()
                } else {
                    format!("'{text}'")
                }
            });
            quoted.collect::<Vec<_>>().join(" ").into()
        }
        "cat" => {
            let words = arguments.iter().filter(|one| !one.is_null()).map(to_text);
            words.collect::<Vec<_>>().join(" ").into()
        }
        "toString" => text(0).into(),
        "toJson" | "mustToJson" | "toRawJson" => at(arguments, 0).to_string().into(),
        "toPrettyJson" => format!("{:#}", at(arguments, 0)).into(),
        "fromJson" | "mustFromJson" => serde_json::from_str(&text(0)).unwrap_or_default(),
        "b64enc" => STANDARD.encode(text(0)).into(),
        "b64dec" => {
            let decoded = STANDARD.decode(text(0)).unwrap_or_default();
            String::from_utf8_lossy(&decoded).into_owned().into()
        }
        "sha256sum" => hex(&Sha256::digest(text(0).as_bytes())).into(),
        "split" => {
            let (separator, whole) = (text(0), text(1));
            let parts = whole.split(separator.as_str()).enumerate();
            let parts = parts.map(|(index, part)| (format!("_{index}"), part.into()));
            Value::Object(parts.collect())
        }
        "splitList" => {
            let (separator, whole) = (text(0), text(1));
            whole.split(separator.as_str()).map(Value::from).collect()
        }
        _ => return None,
    };
    Some(Ok(value))
}

/// What regular expressions find.
pub(super) fn patterns(name: &str, arguments: &[Value]) -> Option<Result<Value>> {
    let text = |place: usize| text_at(arguments, place);
    let pattern = match pattern(&text(0)) {
        Ok(pattern) => pattern,
        Err(refusal) if name.contains("egex") => return Some(Err(refusal)),
        Err(_) => return None,
    };
    let value: Value = match name {
        "regexMatch" | "mustRegexMatch" => pattern.is_match(&text(1)).into(),
        "regexFind" => pattern
            .find(&text(1))
            .map_or("", |found| found.as_str())
            .into(),
        "regexReplaceAll" | "regexReplaceAllLiteral" => {
            let (whole, to) = (text(1), text(2));
            let found = pattern.find_iter(&whole).count();
            // A name of what was found may stand for the whole of it, once for every few letters.
            let all = found.saturating_mul(to.len()) + (to.len() / 2).saturating_mul(whole.len());
            if all > MADE_MAX.saturating_mul(64) {
                return Some(Err(too_large(name)));
            }
            pattern.replace_all(&whole, to.as_str()).into_owned().into()
        }
        _ => return None,
    };
    Some(Ok(value))
}

/// A text whose lines begin with so many spaces.
fn indented(name: &str, arguments: &[Value]) -> Result<String> {
    let (count, text) = (count_at(arguments, 0), text_at(arguments, 1));
    let lines = text.matches('\n').count() + 1;
    if count.saturating_mul(lines) > MADE_MAX {
        return Err(too_large(name));
    }
    let pad = " ".repeat(count);
    let padded = format!("{pad}{}", text.replace('\n', &format!("\n{pad}")));
    let first = if name == "nindent" { "\n" } else { "" };
    Ok(format!("{first}{padded}"))
}

fn titled(text: &str) -> String {
    let mut out = String::new();
    let mut is_first = true;
    for letter in text.chars() {
        if is_first {
            out.extend(letter.to_uppercase());
        } else {
            out.push(letter);
        }
        is_first = letter.is_whitespace();
    }
    out
}

/// The first letters of a text; the last ones where the count is negative.
fn trunc(count: i64, text: &str) -> String {
    let letters = text.chars().count();
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        text.chars().skip(letters.saturating_sub(wanted)).collect()
    } else {
        text.chars().take(wanted).collect()
    }
}

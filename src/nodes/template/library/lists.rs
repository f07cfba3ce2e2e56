//! Lists.
//!
//! *Upstream:* sprig's `list.go`, `numeric.go`.

use serde_json::Value;

use super::value::{is_true, to_text};
use super::{Result, at, count_at, items_at, text_at, to_integer};

/// What is done to lists.
pub(super) fn list(name: &str, arguments: &[Value]) -> Option<Result<Value>> {
    let items = |place: usize| items_at(arguments, place);
    let second = || at(arguments, 1).clone();
    let value: Value = match name {
        "list" | "tuple" => arguments.to_vec().into(),
        "join" => {
            let joined = match at(arguments, 1) {
                Value::Array(items) => items
                    .iter()
                    .filter(|one| !one.is_null())
                    .map(to_text)
                    .collect(),
                other => vec![to_text(other)],
            };
            joined.join(&text_at(arguments, 0)).into()
        }
        "first" => items(0).first().cloned().unwrap_or_default(),
        "last" => items(0).last().cloned().unwrap_or_default(),
        "rest" => items(0).get(1..).unwrap_or(&[]).to_vec().into(),
        "initial" => {
            let items = items(0);
            items[..items.len().saturating_sub(1)].to_vec().into()
        }
        "append" | "push" => items(0).into_iter().chain([second()]).collect(),
        "prepend" => [second()].into_iter().chain(items(0)).collect(),
        "concat" => (0..arguments.len()).flat_map(items).collect(),
        "reverse" => items(0).into_iter().rev().collect(),
        "has" => items(1).contains(at(arguments, 0)).into(),
        "without" => items(0)
            .into_iter()
            .filter(|one| !arguments[1..].contains(one))
            .collect(),
        "compact" => items(0).into_iter().filter(is_true).collect(),
        "uniq" => {
            let mut seen: Vec<Value> = Vec::new();
            for item in items(0) {
                if !seen.contains(&item) {
                    seen.push(item);
                }
            }
            seen.into()
        }
        "sortAlpha" => {
            let mut texts: Vec<String> = items(0).iter().map(to_text).collect();
            texts.sort();
            texts.into()
        }
        "until" => (0..count_at(arguments, 0).min(1 << 16))
            .map(Value::from)
            .collect(),
        "untilStep" | "seq" => steps(name, arguments),
        _ => return None,
    };
    Some(Ok(value))
}

/// Numbers from one to another, in steps.
fn steps(name: &str, arguments: &[Value]) -> Value {
    let number = |place: usize| to_integer(at(arguments, place));
    let (from, to, step) = match (name, arguments.len()) {
        ("untilStep", _) => (number(0), number(1), number(2)),
        (_, 1) => (1, number(0).saturating_add(1), 1),
        (_, 2) => (number(0), number(1).saturating_add(1), 1),
        _ => (number(0), number(2).saturating_add(1), number(1)),
    };
    let mut all = Vec::new();
    let mut now = from;
    while step != 0 && (if step > 0 { now < to } else { now > to }) && all.len() < (1 << 16) {
        all.push(Value::from(now));
        let Some(next) = now.checked_add(step) else {
            break;
        };
        now = next;
    }
    if name == "seq" {
        let texts: Vec<String> = all.iter().map(to_text).collect();
        return texts.join(" ").into();
    }
    all.into()
}

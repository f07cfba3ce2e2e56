//! What the cells of several kinds are made of: ages, labels, selectors, containers, conditions.
//!
//! *Upstream:* the helpers of `pkg/printers/internalversion/printers.go`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::object::{Object, time};

/// What stands where nothing is.
pub(super) const NONE: &str = "<none>";
/// What stands where nothing was set.
pub(super) const UNSET: &str = "<unset>";

/// The object's name.
pub(super) fn name(object: &Object) -> Value {
    object.name().into()
}

/// The text at a path, or empty.
pub(super) fn text(object: &Object, path: &[&str]) -> Value {
    object.text(path).into()
}

/// The text at a path; where it is not set, another.
pub(super) fn text_or(object: &Object, path: &[&str], otherwise: &str) -> Value {
    object
        .get(path)
        .and_then(Value::as_str)
        .unwrap_or(otherwise)
        .into()
}

/// The text at a path; where it is empty, another.
pub(super) fn filled_or(object: &Object, path: &[&str], otherwise: &str) -> Value {
    non_empty(object.text(path), otherwise).into()
}

/// A text; where it is empty, another.
pub(super) fn non_empty<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

/// The integer at a path, or 0.
pub(super) fn integer(object: &Object, path: &[&str]) -> Value {
    object.integer(path).unwrap_or(0).into()
}

/// The truth at a path, or a default.
pub(super) fn boolean(object: &Object, path: &[&str], otherwise: bool) -> Value {
    object
        .get(path)
        .and_then(Value::as_bool)
        .unwrap_or(otherwise)
        .into()
}

/// How many items or entries stand at a path.
pub(super) fn count(object: &Object, path: &[&str]) -> usize {
    match object.get(path) {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Object(entries)) => entries.len(),
        _ => 0,
    }
}

/// How long ago the object was created.
pub(super) fn age(object: &Object, now: Timestamp) -> Value {
    since(object.text(&["metadata", "creationTimestamp"]), now).into()
}

/// How long ago a time was; no time is unknown.
pub(super) fn since(text: &str, now: Timestamp) -> String {
    time::parse(text).map_or_else(|| "<unknown>".to_owned(), |then| between(then, now))
}

/// How long it is from one time to another.
pub(super) fn between(start: Timestamp, end: Timestamp) -> String {
    time::human_duration(end.duration_since(start).as_secs())
}

/// Labels in key order: `a=b,c=d`.
pub(super) fn labels(object: &Object, path: &[&str]) -> Value {
    let entries = object.get(path).and_then(Value::as_object);
    let texts: Vec<String> = entries
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    non_empty(&texts.join(","), NONE).into()
}

/// A label selector in its printed form, or `<none>` where it selects by nothing.
pub(super) fn selector(object: &Object, path: &[&str]) -> Value {
    non_empty(&selector_text(object.get(path)), NONE).into()
}

/// A label selector in its printed form: requirements by key.
pub(super) fn selector_text(selector: Option<&Value>) -> String {
    let labels = selector.and_then(|selector| selector.get("matchLabels"));
    let mut terms: Vec<(&str, String)> = labels
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| {
            (
                key.as_str(),
                format!("{key}={}", value.as_str().unwrap_or("")),
            )
        })
        .collect();
    let expressions = selector.and_then(|selector| selector.get("matchExpressions"));
    for expression in expressions.and_then(Value::as_array).into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or("");
        let mut values: Vec<&str> = strings(&expression["values"]).collect();
        values.sort_unstable();
        let values = values.join(",");
        let term = match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_owned(),
        };
        terms.push((key, term));
    }
    terms.sort_by_key(|(key, _)| *key);
    let terms: Vec<String> = terms.into_iter().map(|(_, term)| term).collect();
    terms.join(",")
}

/// The names and the images of containers, each in one cell.
pub(super) fn containers(object: &Object, path: &[&str]) -> [Value; 2] {
    let containers = object.items(path);
    ["name", "image"].map(|field| {
        let texts: Vec<&str> = containers
            .iter()
            .map(|container| container[field].as_str().unwrap_or(""))
            .collect();
        texts.join(",").into()
    })
}

/// The texts of a list.
pub(super) fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The texts of a list at a path with commas between.
pub(super) fn joined(object: &Object, path: &[&str]) -> String {
    let texts: Vec<&str> = object
        .items(path)
        .iter()
        .filter_map(Value::as_str)
        .collect();
    texts.join(",")
}

/// The last condition of a type.
pub(super) fn condition<'a>(object: &'a Object, kind: &str) -> Option<&'a Value> {
    object
        .items(&["status", "conditions"])
        .iter()
        .rfind(|condition| condition["type"] == kind)
}

/// The first few texts, and how many more there are.
pub(super) fn with_more(shown: &[String], total: usize, empty: &str) -> String {
    let text = shown.join(",");
    if total > shown.len() {
        return format!("{text} + {} more...", total - shown.len());
    }
    non_empty(&text, empty).to_owned()
}

/// A map field of a JSON object.
pub(super) fn entries<'a>(object: &'a Object, path: &[&str]) -> Option<&'a Map<String, Value>> {
    object.get(path).and_then(Value::as_object)
}

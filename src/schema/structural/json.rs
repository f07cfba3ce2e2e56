//! Reading a schema document that decoding has already brought in shape.

use serde_json::{Map, Value};

use crate::object::json::get;
use crate::schema::Text;

/// The text of a keyword, or empty.
pub fn text<'a>(source: &'a Map<String, Value>, name: &str) -> &'a str {
    get(source, name).and_then(Value::as_str).unwrap_or("")
}

/// Whether a keyword is true.
pub fn is_true(source: &Map<String, Value>, name: &str) -> bool {
    get(source, name).and_then(Value::as_bool).unwrap_or(false)
}

/// The list of a keyword; empty where there is none.
pub fn list<'a>(source: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    get(source, name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The object of a keyword.
pub fn object<'a>(source: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    get(source, name).and_then(Value::as_object)
}

/// The texts of a keyword's list.
pub fn texts(source: &Map<String, Value>, name: &str) -> Vec<Text> {
    list(source, name)
        .iter()
        .filter_map(Value::as_str)
        .map(|text| text.to_owned().into())
        .collect()
}

/// The schemas of a keyword's list, with their places in it.
pub fn schemas<'a>(
    source: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = (usize, &'a Map<String, Value>)> {
    list(source, name)
        .iter()
        .enumerate()
        .filter_map(|(index, value)| Some((index, value.as_object()?)))
}

/// The schemas of `properties`, in name order.
pub fn properties(
    source: &Map<String, Value>,
) -> impl Iterator<Item = (&str, &Map<String, Value>)> {
    object(source, "properties")
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_object()?)))
}

/// Calls `visit` for a schema and every schema inside it.
pub fn walk<'a>(source: &'a Map<String, Value>, visit: &mut dyn FnMut(&'a Map<String, Value>)) {
    visit(source);
    for name in ["items", "not", "additionalProperties", "additionalItems"] {
        if let Some(inner) = object(source, name) {
            walk(inner, visit);
        }
    }
    for name in ["items", "allOf", "anyOf", "oneOf"] {
        for (_, inner) in schemas(source, name) {
            walk(inner, visit);
        }
    }
    for name in [
        "properties",
        "patternProperties",
        "definitions",
        "dependencies",
    ] {
        for inner in object(source, name).into_iter().flat_map(Map::values) {
            if let Some(inner) = inner.as_object() {
                walk(inner, visit);
            }
        }
    }
}

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

/// The keywords that schemas stand under, in the order they are walked: one, or a list of them;
/// from [`NAMED_FROM`] on, under names of their own.
const INNER: [&str; 11] = [
    "items",
    "not",
    "additionalProperties",
    "additionalItems",
    "allOf",
    "anyOf",
    "oneOf",
    "properties",
    "patternProperties",
    "definitions",
    "dependencies",
];
/// See [`INNER`].
const NAMED_FROM: usize = 7;

/// Calls `visit` for a schema and every schema inside it.
pub fn walk<'a>(source: &'a Map<String, Value>, visit: &mut dyn FnMut(&'a Map<String, Value>)) {
    visit(source);
    // Schemas say little: one look at what is there is less than one for each keyword there is.
    let mut inner = [None; INNER.len()];
    for (name, value) in source {
        if (value.is_object() || value.is_array())
            && let Some(place) = INNER.iter().position(|known| known == name)
        {
            inner[place] = Some(value);
        }
    }
    for (place, value) in inner.into_iter().enumerate() {
        match value {
            Some(Value::Object(named)) if place >= NAMED_FROM => {
                let schemas = named.values().filter_map(Value::as_object);
                schemas.for_each(|inner| walk(inner, visit));
            }
            Some(Value::Object(inner)) => walk(inner, visit),
            Some(Value::Array(list)) => {
                let schemas = list.iter().filter_map(Value::as_object);
                schemas.for_each(|inner| walk(inner, visit));
            }
            _ => {}
        }
    }
}

/// Whether a schema says nothing but what most say: what kind of value stands there, what of it is
/// there, and its bounds. Nothing else need be looked for in it then, of which there is a lot.
pub fn is_plain(source: &Map<String, Value>) -> bool {
    source.keys().all(|name| {
        matches!(
            name.as_str(),
            "description"
                | "type"
                | "properties"
                | "items"
                | "format"
                | "required"
                | "enum"
                | "default"
                | "pattern"
                | "title"
                | "minimum"
                | "maximum"
                | "minLength"
                | "maxLength"
                | "minItems"
                | "maxItems"
        )
    })
}

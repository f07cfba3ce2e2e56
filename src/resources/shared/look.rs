//! Reading and completing JSON with few words: what is missing reads as empty.

use serde_json::{Map, Value};

use crate::object::{Object, json};

static NULL: Value = Value::Null;

/// Reading a JSON value by field names; whatever is missing or of another type reads as empty.
pub trait Look {
    /// The value of a field, or null.
    fn at(&self, name: &str) -> &Value;

    /// Whether a field is there and not null.
    fn has(&self, name: &str) -> bool {
        !self.at(name).is_null()
    }

    /// The value of a field, where it is there and not null: a pointer that is set.
    fn maybe(&self, name: &str) -> Option<&Value> {
        Some(self.at(name)).filter(|value| !value.is_null())
    }

    /// The text of a field, or empty.
    fn text(&self, name: &str) -> &str {
        self.at(name).as_str().unwrap_or("")
    }

    /// The text of a field, where it is there.
    fn maybe_text(&self, name: &str) -> Option<&str> {
        self.at(name).as_str()
    }

    /// The integer of a field, or 0.
    fn number(&self, name: &str) -> i64 {
        self.at(name).as_i64().unwrap_or(0)
    }

    /// The boolean of a field, where it is there.
    fn flag(&self, name: &str) -> Option<bool> {
        self.at(name).as_bool()
    }

    /// The map of a field, where it is there.
    fn map(&self, name: &str) -> Option<&Map<String, Value>> {
        self.at(name).as_object()
    }

    /// The integer of a field.
    fn integer(&self, name: &str) -> Option<i64> {
        self.at(name).as_i64()
    }

    /// Whether a field is true.
    fn is_true(&self, name: &str) -> bool {
        self.at(name).as_bool().unwrap_or(false)
    }

    /// The items of a list.
    fn list(&self, name: &str) -> &[Value] {
        self.at(name).as_array().map_or(&[], Vec::as_slice)
    }

    /// The texts of a list of texts.
    fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.list(name).iter().filter_map(Value::as_str)
    }

    /// The entries of an object, in key order.
    fn entries(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        let map = self.at(name).as_object();
        map.into_iter()
            .flatten()
            .map(|(key, value)| (key.as_str(), value))
    }
}

impl Look for Value {
    fn at(&self, name: &str) -> &Value {
        self.as_object().map_or(&NULL, |map| map.at(name))
    }
}

impl Look for Map<String, Value> {
    fn at(&self, name: &str) -> &Value {
        json::get(self, name).unwrap_or(&NULL)
    }
}

impl Look for Object {
    fn at(&self, name: &str) -> &Value {
        self.as_map().at(name)
    }
}

/// Whether a value is nothing in Go's eyes: absent, empty text, list or map, zero or false.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// Gives a field a value where it has none: a pointer in Go, of which an empty text is a value.
pub fn fill(map: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    let field = map.entry(name.to_owned()).or_insert(Value::Null);
    if field.is_null() {
        *field = value.into();
    }
}

/// Gives a field a value where it has none: a text in Go, of which the empty one is none.
pub fn fill_text(map: &mut Map<String, Value>, name: &str, value: &str) {
    if map.text(name).is_empty() {
        map.insert(name.to_owned(), value.into());
    }
}

/// Gives a number field a value where it has none (absent, null or zero).
pub fn fill_number(map: &mut Map<String, Value>, name: &str, value: i64) {
    if map.number(name) == 0 {
        map.insert(name.to_owned(), value.into());
    }
}

/// The object at a field of an object, made where missing.
pub fn child<'a>(
    map: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    let field = map.entry(name.to_owned()).or_insert(Value::Null);
    if field.is_null() {
        *field = Value::Object(Map::new());
    }
    field.as_object_mut()
}

/// The objects in the list at a field, to change.
pub fn each<'a>(
    map: &'a mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    map.get_mut(name)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

/// How an error prints a struct of texts that no table knows: all fields in this order, by their
/// Go names, empty where not set.
pub fn printed_texts(value: &Value, fields: &[(&str, &str)]) -> String {
    let printed = fields.iter().map(|(go, field)| {
        let value = match value.at(field) {
            Value::Null => "\"\"".to_owned(),
            value => value.to_string(),
        };
        format!("\"{go}\":{value}")
    });
    format!("{{{}}}", printed.collect::<Vec<_>>().join(","))
}

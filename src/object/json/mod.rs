//! JSON as Go reads it: its syntax errors word for word, its numbers, its tolerance of bad UTF-8.
//!
//! *Upstream:* `sigs.k8s.io/json`, a fork of Go's `encoding/json`.

mod check;
mod reader;

pub use check::{SyntaxError, syntax_error};
pub use reader::{Malformed, Reader, Token, number, number_as_written, whole};
use serde_json::{Map, Value};

/// Objects and lists inside each other, at most. Upstream allows 10,000; what is that deep is an
/// attack, and would cost every later walk over the object its stack.
pub const DEPTH_MAX: usize = 300;

/// A JSON text as a value. Of a key that stands there twice, the last counts.
pub fn parse(bytes: &[u8]) -> Result<Value, SyntaxError> {
    let mut reader = Reader::new(bytes);
    value(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|Malformed| syntax_error(bytes))
}

/// A text that was written here as a value; null where it is none.
pub fn read(bytes: &[u8]) -> Value {
    // serde_json is faster, and takes less that is inside each other.
    serde_json::from_slice(bytes)
        .or_else(|_| parse(bytes))
        .unwrap_or_default()
}

/// The longest map that is looked through from its beginning: one leaf of its tree, mostly.
const FEW_ENTRIES: usize = 16;

/// The value of a field, as [`Map::get`] finds it.
///
/// The kinds' rules ask objects for hundreds of fields, most of which are not there. In a small map
/// it is faster to see by their lengths that all names are others than to put them in order.
pub fn get<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    if map.len() > FEW_ENTRIES {
        return map.get(name);
    }
    let last = name.as_bytes().last();
    let is_meant =
        |own: &str| own.len() == name.len() && own.as_bytes().last() == last && own == name;
    map.iter()
        .find(|(own, _)| is_meant(own))
        .map(|(_, value)| value)
}

/// The text at a path of field names of a JSON text, without reading on from there.
pub fn text_at<const N: usize>(text: &[u8], path: [&str; N]) -> Option<String> {
    let mut reader = Reader::new(text);
    for name in path {
        let Token::Object = reader.token().ok()? else {
            return None;
        };
        let mut is_first = true;
        while reader.next_key(is_first).ok()?? != name {
            is_first = false;
            let other = reader.token().ok()?;
            reader.skip(&other).ok()?;
        }
    }
    match reader.token().ok()? {
        Token::Text(text) => Some(text.into_owned()),
        _ => None,
    }
}

/// Writes a value as JSON text.
pub fn write(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "JSON values are written to memory");
}

/// The next value, whatever it is.
fn value(reader: &mut Reader<'_>) -> Result<Value, Malformed> {
    Ok(match reader.token()? {
        Token::Null => Value::Null,
        Token::Bool(value) => Value::Bool(value),
        Token::Number(text) => number(text),
        Token::Text(text) => Value::String(text.into_owned()),
        Token::List => {
            let mut list = Vec::new();
            while reader.next_item(list.is_empty())? {
                list.push(value(reader)?);
            }
            Value::Array(list)
        }
        Token::Object => {
            let mut map = Map::new();
            let mut is_first = true;
            while let Some(key) = reader.next_key(is_first)? {
                is_first = false;
                map.insert(key.into_owned(), value(reader)?);
            }
            Value::Object(map)
        }
    })
}

/// What Go's decoder calls a JSON value.
pub const fn go_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

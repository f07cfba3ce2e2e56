//! Values as Go's `%v` and `%#v` print them: some messages carry a part of the patch so.

use std::fmt::Write;

use serde_json::Value;

use crate::object::json::whole;
use crate::object::quote::quoted;

/// `map[a:1 b:[x y]]`, with `<nil>` for null.
pub fn print(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push_str("map[");
            for (index, (key, item)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                write(item, out);
            }
            out.push(']');
        }
        Value::Number(number) if number.is_f64() => {
            // Go's `%v` prints no point in a float that is whole.
            out.push_str(&whole(number.as_f64().unwrap_or(0.0)).to_string());
        }
        other => {
            let written = write!(out, "{other}");
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
    }
}

/// A value as Go's `%#v` prints it: `[]interface {}{1, "a"}`.
pub fn syntax(value: &Value) -> String {
    let joined = |items: Vec<String>| items.join(", ");
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items = items.iter().map(syntax).collect();
            format!("[]interface {{}}{{{}}}", joined(items))
        }
        Value::Object(map) => {
            let item = |(key, item): (&String, &Value)| format!("{}:{}", quoted(key), syntax(item));
            let items = map.iter().map(item).collect();
            format!("map[string]interface {{}}{{{}}}", joined(items))
        }
        other => print(other),
    }
}

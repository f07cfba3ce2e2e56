//! Values as Go's `%v` prints them: some messages carry a part of the patch so.

use std::fmt::Write;

use serde_json::Value;

use crate::object::json::whole;

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

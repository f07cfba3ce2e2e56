//! Values as Go's `%v` prints them: some messages carry a part of the patch so.

use std::fmt::Write;

use serde_json::Value;

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
        other => {
            let written = write!(out, "{other}");
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
    }
}

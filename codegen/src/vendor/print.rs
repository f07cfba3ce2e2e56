//! JSON printed so that a diff between two releases reads well: one entry per line where it helps.
//!
//! *Invariant:* the same value always prints the same bytes, whatever map the JSON
//! library was built with.

use serde_json::Value;

/// Opens the first `depth` levels over several lines and prints what lies below on one line each.
pub(super) fn open(value: &Value, depth: usize) -> String {
    let mut out = String::new();
    opened(value, depth, &mut out);
    out.push('\n');
    out
}

fn opened(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if depth > 0 && !map.is_empty() => {
            out.push_str("{\n");
            for (index, (key, entry)) in sorted(map).into_iter().enumerate() {
                out.push_str(if index > 0 { ",\n" } else { "" });
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                opened(entry, depth - 1, out);
            }
            out.push_str("\n}");
        }
        Value::Array(entries) if depth > 0 && !entries.is_empty() => {
            out.push_str("[\n");
            for (index, entry) in entries.iter().enumerate() {
                out.push_str(if index > 0 { ",\n" } else { "" });
                opened(entry, depth - 1, out);
            }
            out.push_str("\n]");
        }
        other => compact(other, out),
    }
}

fn compact(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            out.push('{');
            for (index, (key, entry)) in sorted(map).into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                compact(entry, out);
            }
            out.push('}');
        }
        Value::Array(entries) => {
            out.push('[');
            for (index, entry) in entries.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                compact(entry, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn sorted(map: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

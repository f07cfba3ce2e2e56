//! JSON merge patch (RFC 7386).
//!
//! *Upstream:* `evanphx/json-patch` (`MergePatch`).

use serde_json::{Map, Value};

/// Merges `patch` into a document; null removes.
pub(super) fn apply(document: &mut Value, patch: &Map<String, Value>) {
    let Value::Object(map) = document else {
        *document = Value::Object(without_nulls_in_map(patch));
        return;
    };
    for (key, value) in patch {
        match (value, map.get_mut(key)) {
            (Value::Null, _) => {
                map.remove(key);
            }
            (Value::Object(inner), Some(old @ Value::Object(_))) => apply(old, inner),
            // Upstream looks for nulls in what is new, and in what replaces a list or scalar.
            (_, Some(old @ Value::Object(_))) => *old = value.clone(),
            _ => {
                map.insert(key.clone(), without_nulls(value));
            }
        }
    }
}

/// A value without the nulls of its maps; the nulls of its lists stay.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(without_nulls_in_map(map)),
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

fn without_nulls_in_map(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), without_nulls(value)))
        .collect()
}

//! JSON merge patch (RFC 7386).
//!
//! *Upstream:* `evanphx/json-patch` (`MergePatch`).

use serde_json::{Map, Value};

/// Merges `patch` into a document; null removes.
pub(super) fn apply(document: &mut Value, patch: &Map<String, Value>) {
    let Value::Object(map) = document else {
        *document = Value::Object(without_nulls(patch));
        return;
    };
    for (key, value) in patch {
        match value {
            Value::Null => {
                map.remove(key);
            }
            Value::Object(inner) => {
                let target = map.entry(key.clone()).or_insert(Value::Null);
                apply(target, inner);
            }
            other => {
                map.insert(key.clone(), other.clone());
            }
        }
    }
}

/// What is new comes without its nulls. Nulls within lists stay.
fn without_nulls(patch: &Map<String, Value>) -> Map<String, Value> {
    patch
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| {
            let value = match value {
                Value::Object(inner) => Value::Object(without_nulls(inner)),
                other => other.clone(),
            };
            (key.clone(), value)
        })
        .collect()
}

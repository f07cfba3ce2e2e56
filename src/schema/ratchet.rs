//! What did not change may stay wrong: how new and old values are matched.
//!
//! *Upstream:* `apiserver/pkg/cel/common/equality.go`.

use serde_json::Value;

use super::{ListKind, Node, Schema, Text};

/// The old item with the keys of a new one.
pub fn item<'a>(keys: &[Text], value: &Value, old: Option<&'a Value>) -> Option<&'a Value> {
    let old = old?.as_array()?;
    old.iter().find(|old| {
        keys.iter()
            .all(|key| old.get(key.as_ref()) == value.get(key.as_ref()))
    })
}

/// Whether a value is what it was, lists of keyed items in any order. A field that the schema does
/// not describe makes an object a new one.
pub fn is_unchanged(schema: &Schema, node: &Node, value: &Value, old: &Value) -> bool {
    match (value, old) {
        (Value::Array(list), Value::Array(olds)) => {
            if list.len() != olds.len() {
                return false;
            }
            let (ListKind::Map(keys), Some(items)) = (&node.list, schema.items(node)) else {
                return list == olds;
            };
            let items = schema.node(items);
            list.iter().all(|value| {
                item(keys, value, Some(old))
                    .is_some_and(|old| is_unchanged(schema, items, value, old))
            })
        }
        (Value::Object(map), Value::Object(olds)) => {
            map.len() == olds.len()
                && map.iter().all(|(name, value)| {
                    let child = schema.child(node, name);
                    match (child, olds.get(name)) {
                        (Some(id), Some(old)) => is_unchanged(schema, schema.node(id), value, old),
                        _ => false,
                    }
                })
        }
        _ => value == old,
    }
}

//! Lists that say their items are unique: sets, and lists of items told apart by keys.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/listtype/validation.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{ListKind, Node, Origin, Schema, Text};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Every item that is in its list twice.
pub fn validate(object: &Map<String, Value>, schema: &Schema) -> FieldErrors {
    let mut errors = FieldErrors::new();
    map(schema, schema.root(), object, &FieldPath::ROOT, &mut errors);
    errors
}

/// As [`validate`], for a value that stands anywhere.
pub fn validate_value(value: &Value, schema: &Schema, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    any(schema, schema.root(), value, path, &mut errors);
    errors
}

fn map(
    schema: &Schema,
    node: &Node,
    object: &Map<String, Value>,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    let is_resource = node.is_embedded_resource || std::ptr::eq(node, schema.root());
    for (name, value) in object {
        if !matches!(value, Value::Array(_) | Value::Object(_)) {
            continue;
        }
        // The lists of metadata are known to those who write them only.
        if is_resource && name == "metadata" && schema.origin() == Origin::Custom {
            continue;
        }
        if let Some(field) = schema.field(node, name) {
            let node = schema.node(field.node);
            any(schema, node, value, &path.child(name), errors);
        } else if let Some(id) = schema.child(node, name) {
            any(schema, schema.node(id), value, &path.key(name), errors);
        }
    }
}

fn any(schema: &Schema, node: &Node, value: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    match value {
        Value::Object(object) => map(schema, node, object, path, errors),
        Value::Array(list) => {
            match &node.list {
                ListKind::Atomic => {}
                ListKind::Set => set(list, path, errors),
                ListKind::Map(keys) => keyed(keys, list, path, errors),
            }
            if let Some(id) = schema.items(node) {
                let node = schema.node(id);
                for (index, value) in list.iter().enumerate() {
                    any(schema, node, value, &path.index(index), errors);
                }
            }
        }
        _ => {}
    }
}

fn set(list: &[Value], path: &FieldPath, errors: &mut FieldErrors) {
    for index in second_of_each(list) {
        errors.duplicate(&path.index(index), &list[index]);
    }
}

fn keyed(keys: &[Text], list: &[Value], path: &FieldPath, errors: &mut FieldErrors) {
    for (index, value) in list.iter().enumerate() {
        if !value.is_object() && !value.is_null() {
            errors.invalid(
                &path.index(index),
                value,
                "must be an object for an array of list-type map",
            );
            return;
        }
    }
    let tuples: Vec<Value> = list
        .iter()
        .map(|value| {
            let said = keys.iter().filter_map(|key| {
                let value = value.get(key.as_ref())?;
                Some((key.to_string(), value.clone()))
            });
            Value::Object(said.collect())
        })
        .collect();
    for index in second_of_each(&tuples) {
        errors.duplicate(&path.index(index), &tuples[index]);
    }
}

/// The index of the second of every group of equal values.
fn second_of_each(list: &[Value]) -> Vec<usize> {
    let mut out = Vec::new();
    if list.len() <= 1 {
        return out;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, value) in list.iter().enumerate() {
        let times = seen.entry(value.to_string()).or_default();
        *times += 1;
        if *times == 2 {
            out.push(index);
        }
    }
    out
}

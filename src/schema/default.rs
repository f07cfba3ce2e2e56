//! Constant defaults: what a field is when it was not said.
//!
//! Built-in kinds carry them on the field, as Go's generated defaulting applies them: a nil
//! pointer or a zero value takes the default. Custom resources carry them on the property's node,
//! and null takes the default too unless the schema is nullable.
//!
//! *Invariant:* never replaces a value that was said.
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/defaulting/algorithm.go`,
//! `zz_generated.defaults.go` of every built-in group.

use serde_json::{Map, Value};

use super::{Cursor, Field, Node, Origin, Schema, Shape, zero};

/// Fills in the defaults of an object.
pub fn apply(object: &mut Map<String, Value>, schema: &Schema) {
    match schema.origin() {
        Origin::BuiltIn => built_in(schema, schema.root(), object),
        Origin::Custom => custom(schema, schema.root(), object),
    }
}

fn built_in(schema: &Schema, node: &Node, map: &mut Map<String, Value>) {
    let Shape::Struct(fields) = &node.shape else {
        return;
    };
    for place in &node.lookup.defaulted {
        let field = &fields[*place as usize];
        if let Some(default) = &field.default {
            fill(schema, field, default, map);
        }
    }
    let mut cursor = Cursor::new(node);
    for (name, value) in map.iter_mut() {
        if (value.is_object() || value.is_array())
            && let Some((_, field)) = cursor.find(name)
        {
            built_in_value(schema, schema.node(field.node), value);
        }
    }
}

fn built_in_value(schema: &Schema, node: &Node, value: &mut Value) {
    if !node.lookup.has_defaults {
        return;
    }
    match (&node.shape, value) {
        (Shape::Struct(_), Value::Object(map)) => built_in(schema, node, map),
        (Shape::Map(values), Value::Object(map)) => {
            let node = schema.node(*values);
            for value in map.values_mut() {
                built_in_value(schema, node, value);
            }
        }
        (Shape::List(items), Value::Array(list)) => {
            let node = schema.node(*items);
            for value in list {
                built_in_value(schema, node, value);
            }
        }
        _ => {}
    }
}

/// Sets one field to its default where Go holds nil or zero.
fn fill(schema: &Schema, field: &Field, default: &Value, map: &mut Map<String, Value>) {
    let node = schema.node(field.node);
    // `default: {}` and `default: ""` only say that the Go type has no pointer.
    if !field.encoding.is_pointer && zero::is_zero(schema, node, default) {
        return;
    }
    let is_unset = match map.get(field.name.as_ref()) {
        None | Some(Value::Null) => true,
        Some(value) => !field.encoding.is_pointer && zero::is_zero(schema, node, value),
    };
    if is_unset {
        map.insert(field.name.to_string(), default.clone());
    }
}

fn custom(schema: &Schema, node: &Node, map: &mut Map<String, Value>) {
    if let Shape::Struct(fields) = &node.shape {
        for field in fields {
            let child = schema.node(field.node);
            let Some(default) = &child.default else {
                continue;
            };
            let is_unset = match map.get(field.name.as_ref()) {
                None => true,
                Some(value) => value.is_null() && !child.is_nullable,
            };
            if is_unset {
                map.insert(field.name.to_string(), default.clone());
            }
        }
    }
    for (name, value) in map.iter_mut() {
        let Some(id) = schema.child(node, name) else {
            continue;
        };
        let child = schema.node(id);
        let is_property = schema.field(node, name).is_some();
        if !is_property {
            replace_null(child, value);
        }
        custom_value(schema, child, value);
    }
}

fn custom_value(schema: &Schema, node: &Node, value: &mut Value) {
    match value {
        Value::Object(map) => custom(schema, node, map),
        Value::Array(list) => {
            let Some(id) = schema.items(node) else {
                return;
            };
            let items = schema.node(id);
            for value in list {
                replace_null(items, value);
                custom_value(schema, items, value);
            }
        }
        _ => {}
    }
}

/// Null in a list or map that allows no null becomes the default of its items.
fn replace_null(node: &Node, value: &mut Value) {
    if value.is_null()
        && !node.is_nullable
        && let Some(default) = &node.default
    {
        *value = default.clone();
    }
}

//! Go's zero values: what a field that was never set looks like when Go encodes its struct.
//!
//! *Invariant:* answers about one value at a time; walks nothing but the value's own inside.
//! *Upstream:* `encoding/json` (`omitempty`, `omitzero`), the `MarshalJSON` of `metav1.Time`,
//! `metav1.MicroTime`, `resource.Quantity` and `intstr.IntOrString`.

use serde_json::{Map, Value};

use super::{Encoding, Field, Format, Node, Schema, Shape};

/// Whether the field is printed where its value is absent.
pub(super) fn prints_absent(field: &Field, node: &Node) -> bool {
    let Encoding {
        is_pointer,
        omits_empty,
        omits_zero,
    } = field.encoding;
    if omits_zero {
        return false;
    }
    !omits_empty || (!is_pointer && is_go_struct(&node.shape))
}

/// What Go prints for a field whose value is absent.
pub(super) fn absent(schema: &Schema, field: &Field, node: &Node) -> Value {
    if field.encoding.is_pointer {
        Value::Null
    } else {
        zero(schema, node)
    }
}

/// What Go prints for the zero value of a type, not of a pointer to it.
pub(super) fn zero(schema: &Schema, node: &Node) -> Value {
    match &node.shape {
        Shape::Any | Shape::Map(_) | Shape::List(_) => Value::Null,
        Shape::Boolean => Value::Bool(false),
        Shape::Integer(_) | Shape::Number | Shape::IntOrString => 0.into(),
        Shape::String(format) => match format {
            Format::Byte | Format::DateTime | Format::MicroTime => Value::Null,
            Format::Quantity => "0".into(),
            Format::Duration => "0s".into(),
            Format::Plain | Format::Named(_) => "".into(),
        },
        Shape::Struct(fields) => {
            let mut map = Map::new();
            for field in fields {
                let node = schema.node(field.node);
                if prints_absent(field, node) {
                    map.insert(field.name.to_string(), absent(schema, field, node));
                }
            }
            Value::Object(map)
        }
    }
}

/// What an item of a list or an entry of a map becomes where null was sent.
pub(super) fn element(schema: &Schema, node: &Node) -> Value {
    match node.shape {
        // Bytes pass through protobuf, which knows no null inside a list or map.
        Shape::String(Format::Byte) => "".into(),
        _ => zero(schema, node),
    }
}

/// Whether a normalised value is Go's zero value of its type.
pub(super) fn is_zero(schema: &Schema, node: &Node, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => match node.shape {
            Shape::String(Format::Quantity) => text == "0",
            Shape::String(Format::Duration) => text == "0s",
            _ => text.is_empty(),
        },
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => match &node.shape {
            Shape::Struct(_) => map.iter().all(|(name, value)| {
                schema.field(node, name).is_some_and(|field| {
                    !field.encoding.is_pointer && is_zero(schema, schema.node(field.node), value)
                        || value.is_null()
                })
            }),
            _ => map.is_empty(),
        },
    }
}

/// Whether `omitempty` leaves a value of this shape out: everything but Go structs.
pub(super) fn is_empty(shape: &Shape, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => {
            number.as_f64() == Some(0.0) && !matches!(shape, Shape::IntOrString)
        }
        Value::String(text) => text.is_empty() && !is_go_struct(shape),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty() && matches!(shape, Shape::Map(_)),
    }
}

/// Whether Go holds the value in a struct, which `omitempty` never leaves out.
fn is_go_struct(shape: &Shape) -> bool {
    matches!(
        shape,
        Shape::Struct(_)
            | Shape::IntOrString
            | Shape::String(
                Format::DateTime | Format::MicroTime | Format::Quantity | Format::Duration
            )
    )
}

//! What a strategic merge patch made of an object, on its way back into the Go struct: upstream has
//! a converter of its own for it, with other words and other numbers than the JSON decoder.
//!
//! *Upstream:* `apimachinery/pkg/runtime/converter.go` (`fromUnstructured`).

use serde_json::{Number, Value};

use crate::schema::{Format, Node, Schema, Shape};

/// Cuts numbers to the width of their fields, as Go does; or says which value cannot be put into
/// its field. Types that decode themselves are left to the decoder.
pub fn restore(schema: &Schema, object: &mut Value) -> Result<(), String> {
    value(schema, schema.root(), object)
}

fn value(schema: &Schema, node: &Node, found: &mut Value) -> Result<(), String> {
    match (&node.shape, found) {
        (_, Value::Null) | (Shape::Any | Shape::IntOrString, _) => Ok(()),
        (Shape::Struct(_), Value::Object(map)) => {
            for (name, item) in map.iter_mut() {
                if let Some(field) = schema.field(node, name) {
                    value(schema, schema.node(field.node), item)?;
                }
            }
            Ok(())
        }
        (Shape::Map(values), Value::Object(map)) => {
            let node = schema.node(*values);
            map.values_mut()
                .try_for_each(|item| value(schema, node, item))
        }
        (Shape::List(items), Value::Array(list)) => {
            let node = schema.node(*items);
            list.iter_mut()
                .try_for_each(|item| value(schema, node, item))
        }
        (Shape::Integer(bits), Value::Number(number)) => integer(*bits, number),
        (Shape::Boolean, Value::Bool(_))
        | (Shape::Number, Value::Number(_))
        | (Shape::String(_), Value::String(_)) => Ok(()),
        (Shape::String(Format::Plain | Format::Named(_)), found) if found.is_i64() => {
            Err("cannot convert int64 to string".to_owned())
        }
        (shape, found) => refuse(shape, found),
    }
}

/// An integer that is too wide loses its upper bits.
fn integer(bits: u8, number: &mut Number) -> Result<(), String> {
    let whole = if let Some(whole) = number.as_i64() {
        whole
    } else {
        let float = number.as_f64().unwrap_or(0.0);
        if float.fract() != 0.0 {
            return Err(format!("cannot convert float64 to int{bits}"));
        }
        let is_in_range = float.abs() < 9.0e18;
        if is_in_range { float as i64 } else { i64::MIN }
    };
    *number = match bits {
        32 => (whole as i32).into(),
        _ => whole.into(),
    };
    Ok(())
}

fn refuse(shape: &Shape, found: &Value) -> Result<(), String> {
    let kind = match found {
        Value::Null | Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    };
    Err(match shape {
        Shape::Struct(_) => format!("cannot restore struct from: {kind}"),
        Shape::Map(_) => format!("cannot restore map from {kind}"),
        Shape::List(_) | Shape::String(Format::Byte) => {
            format!("cannot restore slice from {kind}")
        }
        Shape::Boolean => "unrecognized type: bool".to_owned(),
        Shape::Integer(bits) => format!("unrecognized type: int{bits}"),
        Shape::Number => "unrecognized type: float64".to_owned(),
        Shape::String(Format::Plain | Format::Named(_)) => "unrecognized type: string".to_owned(),
        _ => return Ok(()),
    })
}

/// What the decoder says of a value that decodes itself, as it says it of the value alone.
pub fn converter_words(complaint: &str) -> String {
    if complaint.starts_with("illegal base64 data") {
        return format!("error decoding from json: {complaint}");
    }
    let parts = complaint.split_once(" into Go struct field ");
    let parts = parts.and_then(|(found, rest)| Some((found, rest.split_once(" of type ")?.1)));
    match parts {
        Some((found, go_type)) => format!("{found} into Go value of type {go_type}"),
        None => complaint.to_owned(),
    }
}

/// The patch as upstream shows it once it has been merged, which takes directives out of it.
pub fn merged(patch: &Value) -> Value {
    let Value::Object(map) = patch else {
        return patch.clone();
    };
    let is_taken = |name: &str, item: &Value| match name {
        "$patch" => item == "replace",
        "$retainKeys" => true,
        _ => {
            name.starts_with("$setElementOrder/")
                || map.contains_key(&format!("$setElementOrder/{name}"))
        }
    };
    map.iter()
        .filter(|(name, item)| !is_taken(name, item))
        .map(|(name, item)| (name.clone(), merged(item)))
        .collect()
}

//! What decoding into Go structs and encoding again does to an object: null and absent values are
//! left out or printed as zero, quantities and times become canonical, numbers lose a `.0`.
//!
//! Built-in kinds pass through whole; of custom resources only the metadata is a Go struct, the
//! rest keeps its form except for its numbers.
//!
//! *Invariant:* works in place and allocates nothing where nothing changes; running it twice
//! changes nothing more.
//! *Upstream:* `encoding/json`, `apimachinery/pkg/runtime/serializer/protobuf` (empty lists and
//! maps come back from the store as nil), `apimachinery/pkg/runtime/converter.go`.

use serde_json::{Map, Number, Value};

use super::{Cursor, Field, Format, Node, Origin, Schema, Shape, zero};
use crate::object::quantity::Quantity;
use crate::object::{duration, time};

/// Where an object has been.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Read, and not defaulted: empty lists and maps stand where they were written.
    Read,
    /// Read: an empty list or map that is printed at all is printed as such.
    Decoded,
    /// Stored: it has come back as null.
    Stored,
}

/// Normalises an object as the store gives it back.
pub fn apply(object: &mut Map<String, Value>, schema: &Schema) {
    object_at(Stage::Stored, object, schema);
}

/// Normalises an object that is yet to be defaulted by what tells an empty list from none.
pub fn read(object: &mut Map<String, Value>, schema: &Schema) {
    object_at(Stage::Read, object, schema);
}

/// Normalises an object that was just read.
pub fn decoded(object: &mut Map<String, Value>, schema: &Schema) {
    object_at(Stage::Decoded, object, schema);
}

fn object_at(stage: Stage, object: &mut Map<String, Value>, schema: &Schema) {
    match schema.origin() {
        Origin::BuiltIn => structure(stage, schema, schema.root(), object),
        Origin::Custom => custom(schema, object),
    }
}

/// Normalises one value of a built-in kind where it stands.
pub fn apply_value(value: &mut Value, schema: &Schema) {
    any(Stage::Stored, schema, schema.root(), value);
}

/// A custom resource: its metadata as Go does, everything else for its numbers only.
fn custom(schema: &Schema, object: &mut Map<String, Value>) {
    for (name, value) in object.iter_mut() {
        if name != "metadata" {
            numbers(value);
            continue;
        }
        let Some(id) = schema.child(schema.root(), "metadata") else {
            continue;
        };
        any(Stage::Stored, schema, schema.node(id), value);
    }
}

/// Prints every number as Go prints it.
pub fn numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(integer) = whole(number) {
                *number = integer;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(numbers),
        Value::Object(map) => map.values_mut().for_each(numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The integer a number with a fraction of zero is, where Go prints it without exponent.
fn whole(number: &Number) -> Option<Number> {
    if !number.is_f64() {
        return None;
    }
    let value = number.as_f64()?;
    // Beyond this a double no longer holds every integer, and `i64` ends soon after.
    let is_whole = value.fract() == 0.0 && value.abs() < 9.0e18;
    is_whole.then(|| Number::from(value as i64))
}

fn any(stage: Stage, schema: &Schema, node: &Node, value: &mut Value) {
    match (&node.shape, &mut *value) {
        (Shape::Struct(_), Value::Object(map)) => structure(stage, schema, node, map),
        (Shape::Map(values), Value::Object(map)) => {
            let node = schema.node(*values);
            for value in map.values_mut() {
                element(stage, schema, node, value);
            }
        }
        (Shape::List(items), Value::Array(list)) => {
            let node = schema.node(*items);
            for value in list {
                element(stage, schema, node, value);
            }
        }
        (Shape::String(format), Value::String(text)) => string(format, text),
        (Shape::String(Format::Quantity), Value::Number(number)) => {
            *value = Value::String(number.to_string());
        }
        (Shape::Number, Value::Number(number)) => {
            if let Some(integer) = whole(number) {
                *number = integer;
            }
        }
        (Shape::Any, _) => numbers(value),
        _ => {}
    }
}

fn element(stage: Stage, schema: &Schema, node: &Node, value: &mut Value) {
    if value.is_null() {
        *value = zero::element(schema, node);
    } else {
        any(stage, schema, node, value);
    }
}

/// Field by field: what is known is normalised or left out, what is absent may have to be printed.
///
/// Every write takes this walk several times, and mostly finds nothing to leave out or to print: it
/// goes along the map and the fields at once, and changes the map only afterwards.
fn structure(stage: Stage, schema: &Schema, node: &Node, map: &mut Map<String, Value>) {
    let Shape::Struct(fields) = &node.shape else {
        return;
    };
    if fields.is_empty() {
        return;
    }
    let mut cursor = Cursor::new(node);
    let mut printed = node.lookup.printed_absent.iter().peekable();
    let mut left_out = Vec::new();
    let mut absent: Vec<u32> = Vec::new();
    for (index, (name, value)) in map.iter_mut().enumerate() {
        let Some((place, field)) = cursor.find(name) else {
            if !node.preserves_unknown_fields {
                left_out.push(index);
            }
            continue;
        };
        while let Some(before) = printed.next_if(|own| (**own as usize) < place) {
            absent.push(*before);
        }
        let own = printed.next_if(|own| **own as usize == place);
        if !keeps(stage, schema, node, field, value) {
            left_out.push(index);
            absent.extend(own);
        }
    }
    absent.extend(printed);
    if !left_out.is_empty() {
        let mut left_out = left_out.into_iter().peekable();
        let mut index = 0..;
        map.retain(|_, _| left_out.next_if_eq(&index.next().unwrap_or(0)).is_none());
    }
    for place in absent {
        let field = &fields[place as usize];
        let node = schema.node(field.node);
        map.insert(field.name.to_string(), zero::absent(schema, field, node));
    }
}

/// Normalises the value of a field of a struct, `around`; false where Go leaves the field out.
fn keeps(stage: Stage, schema: &Schema, around: &Node, field: &Field, value: &mut Value) -> bool {
    let node = schema.node(field.node);
    if value.is_null() {
        // What an absent field looks like is put there afterwards.
        return false;
    }
    if matches!(node.shape, Shape::Any) && field.is_own_form() {
        own_form(stage, schema, around, value);
    } else {
        any(stage, schema, node, value);
    }
    if field.encoding.is_pointer {
        return true;
    }
    if field.encoding.omits_zero && zero::is_zero(schema, node, value) {
        return false;
    }
    if zero::is_empty(&node.shape, value) {
        let is_many = matches!(node.shape, Shape::List(_) | Shape::Map(_));
        if field.encoding.omits_empty {
            return is_many && stage == Stage::Read;
        }
        if is_many && stage == Stage::Stored {
            *value = Value::Null;
        }
    }
    true
}

/// What Go reads by hand: the struct around it, or a list of such, or something short.
fn own_form(stage: Stage, schema: &Schema, around: &Node, value: &mut Value) {
    match value {
        Value::Object(map) => structure(stage, schema, around, map),
        Value::Array(forms) => {
            for form in forms {
                own_form(stage, schema, around, form);
            }
        }
        _ => {}
    }
}

fn string(format: &Format, text: &mut String) {
    let canonical = match format {
        Format::DateTime => time::canonical_seconds(text),
        Format::MicroTime => time::canonical_micros(text),
        Format::Duration => duration::canonical(text),
        Format::Byte => text
            .contains(['\n', '\r'])
            .then(|| text.replace(['\n', '\r'], "")),
        Format::Quantity => Quantity::canonical(text),
        Format::Plain | Format::Named(_) => None,
    };
    if let Some(canonical) = canonical
        && canonical != *text
    {
        *text = canonical;
    }
}

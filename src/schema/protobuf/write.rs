//! JSON as protobuf.
//!
//! What JSON leaves out is left out, which is the same to every reader: Go's encoder writes zero
//! values of fields that are no pointers as well, and orders fields by their numbers.
//!
//! *Upstream:* `apimachinery/pkg/runtime/serializer/protobuf/protobuf.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{DEPTH_MAX, EXTENSIONS, MACHINERY, PREFIX, managed_fields, message_of};
use crate::object::{Object, duration, json, time};
use crate::schema::tables;

/// Room for most objects.
const LENGTH_USUAL: usize = 4096;

/// How a body ends: no content encoding (3), no content type (4).
const TAIL: [u8; 4] = [0x1a, 0, 0x22, 0];

/// An object that says its kind, as a whole body; `None` where the kind is not built in.
pub fn from_json(object: &Value) -> Option<Vec<u8>> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or("");
    let (version, kind) = (text("apiVersion"), text("kind"));
    let name = message_of(version, kind)?;
    let mut raw = Vec::new();
    message(&mut raw, &name, object, 0);
    let [head, tail] = envelope(version, kind, raw.len());
    Some([head, raw, tail].concat())
}

/// The same of an object, whose managed fields become messages without becoming a tree.
pub fn from_object(object: &Object) -> Option<Vec<u8>> {
    let (version, kind) = (object.api_version(), object.kind());
    let name = message_of(version, kind)?;
    let mut raw = Vec::with_capacity(LENGTH_USUAL);
    for (number, field, kind) in tables::message(&name).unwrap_or(&[]) {
        let value = object.as_map().get(*field);
        match (value, object.managed_fields()) {
            (Some(Value::Object(metadata)), Some(managed)) if *field == "metadata" => {
                nested(&mut raw, *number, |out| {
                    managed_fields::metadata(out, kind, metadata, managed);
                });
            }
            (Some(value), _) => put(&mut raw, *number, kind, value, 0),
            (None, _) => {}
        }
    }
    let [head, tail] = envelope(version, kind, raw.len());
    Some([head, raw, tail].concat())
}

/// What stands around the message of an object, before it and after it.
pub fn envelope(version: &str, kind: &str, length: usize) -> [Vec<u8>; 2] {
    let mut head = PREFIX.to_vec();
    nested(&mut head, 1, |out| {
        bytes(out, 1, version.as_bytes());
        bytes(out, 2, kind.as_bytes());
    });
    tag(&mut head, 2, LENGTH);
    varint(&mut head, length as u64);
    [head, TAIL.to_vec()]
}

/// A whole body as an item of a list of its kind: an item has the number in a list that an object
/// has in its envelope.
pub fn item(body: &Bytes) -> Bytes {
    let kind = body.get(PREFIX.len() + 1).copied().unwrap_or(0);
    let start = PREFIX.len() + 2 + usize::from(kind);
    let end = body.len().saturating_sub(TAIL.len());
    if start < end {
        body.slice(start..end)
    } else {
        Bytes::new()
    }
}

/// What a list's message begins with, its items being what follows.
pub fn list_head(metadata: &Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::new();
    nested(&mut out, 1, |out| {
        fields(
            out,
            &format!("{MACHINERY}apis.meta.v1.ListMeta"),
            metadata,
            0,
        );
    });
    out
}

/// An event of a watch as a frame: a length of four bytes, the event's type and an object's body.
pub fn watch_event(name: &str, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 4];
    bytes(&mut out, 1, name.as_bytes());
    // The object is raw bytes in a message of its own.
    let mut inner = Vec::new();
    tag(&mut inner, 1, LENGTH);
    varint(&mut inner, body.len() as u64);
    tag(&mut out, 2, LENGTH);
    varint(&mut out, (inner.len() + body.len()) as u64);
    out.extend(inner);
    out.extend_from_slice(body);
    let length = (out.len() - 4) as u32;
    out[..4].copy_from_slice(&length.to_be_bytes());
    out
}

/// Wire types.
const VARINT: u32 = 0;
const FIXED_64: u32 = 1;
const LENGTH: u32 = 2;

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn tag(out: &mut Vec<u8>, number: u32, wire: u32) {
    varint(out, u64::from(number << 3 | wire));
}

pub(in crate::schema) fn bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    tag(out, number, LENGTH);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Writes a message of a length that is known when it is written.
pub(in crate::schema) fn nested(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    tag(out, number, LENGTH);
    let start = out.len();
    // Most messages are shorter than 128 bytes: one byte holds their length.
    out.push(0);
    write(out);
    let length = out.len() - start - 1;
    if length < 0x80 {
        out[start] = length as u8;
        return;
    }
    let mut prefix = Vec::with_capacity(4);
    varint(&mut prefix, length as u64);
    out.splice(start..=start, prefix);
}

/// The fields of a message that JSON writes as it is, or in a form of its own.
fn message(out: &mut Vec<u8>, name: &str, value: &Value, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    if let Some(known) = name.strip_prefix(MACHINERY)
        && machinery(out, known, value)
    {
        return;
    }
    match alternatives(name, value) {
        Some((field, value)) => {
            let rows = tables::message(name).unwrap_or(&[]);
            if let Some((number, _, kind)) = rows.iter().find(|(_, row, _)| *row == field) {
                put(out, *number, kind, value, depth);
            }
        }
        None => {
            if let Value::Object(object) = value {
                fields(out, name, object, depth);
            }
        }
    }
}

fn fields(out: &mut Vec<u8>, name: &str, object: &Map<String, Value>, depth: usize) {
    for (number, field, kind) in tables::message(name).unwrap_or(&[]) {
        if field.is_empty() {
            // JSON has the fields of this message in the parent.
            nested(out, *number, |out| fields(out, kind, object, depth + 1));
        } else if let Some(value) = json::get(object, field) {
            put(out, *number, kind, value, depth);
        }
    }
}

/// The messages that JSON writes in a form of their own; whether this is one.
fn machinery(out: &mut Vec<u8>, known: &str, value: &Value) -> bool {
    let number = |out: &mut Vec<u8>, field, value: i64| {
        tag(out, field, VARINT);
        varint(out, value.cast_unsigned());
    };
    let text = value.as_str().unwrap_or("");
    match known {
        "api.resource.Quantity" => match value {
            Value::String(text) => bytes(out, 1, text.as_bytes()),
            other => bytes(out, 1, other.to_string().as_bytes()),
        },
        "util.intstr.IntOrString" => match value {
            Value::String(text) => {
                number(out, 1, 1);
                bytes(out, 3, text.as_bytes());
            }
            other => {
                number(out, 1, 0);
                number(out, 2, other.as_i64().unwrap_or(0));
            }
        },
        "apis.meta.v1.Duration" => number(out, 1, duration::parse(text).unwrap_or(0)),
        "apis.meta.v1.Time" | "apis.meta.v1.MicroTime" => {
            if let Some(moment) = time::parse(text) {
                number(out, 1, moment.as_second());
                number(out, 2, i64::from(moment.subsec_nanosecond()));
            }
        }
        "apis.meta.v1.FieldsV1" | "runtime.RawExtension" => {
            bytes(out, 1, value.to_string().as_bytes());
        }
        _ => return false,
    }
    true
}

/// The field of a message that stands for one of several forms in JSON, and its value.
fn alternatives<'a>(name: &str, value: &'a Value) -> Option<(&'static str, &'a Value)> {
    let field = match (name.strip_prefix(EXTENSIONS), value) {
        (Some("JSONSchemaPropsOrBool"), Value::Bool(_)) => "allows",
        (Some("JSONSchemaPropsOrBool"), _) => "schema",
        (Some("JSONSchemaPropsOrArray"), Value::Array(_)) => "jSONSchemas",
        (Some("JSONSchemaPropsOrArray"), _) => "schema",
        (Some("JSONSchemaPropsOrStringArray"), Value::Array(_)) => "property",
        (Some("JSONSchemaPropsOrStringArray"), _) => "schema",
        (_, Value::Array(_)) => "items",
        _ => return None,
    };
    Some((field, value))
}

pub(in crate::schema) fn put(
    out: &mut Vec<u8>,
    number: u32,
    kind: &str,
    value: &Value,
    depth: usize,
) {
    if let Some(items) = kind.strip_prefix('*') {
        for item in value.as_array().into_iter().flatten() {
            one(out, number, items, item, depth);
        }
    } else if let Some(values) = kind.strip_prefix('%') {
        for (key, value) in value.as_object().into_iter().flatten() {
            nested(out, number, |out| {
                bytes(out, 1, key.as_bytes());
                one(out, 2, values, value, depth);
            });
        }
    } else if !value.is_null() {
        one(out, number, kind, value, depth);
    }
}

fn one(out: &mut Vec<u8>, number: u32, kind: &str, value: &Value, depth: usize) {
    match kind {
        "string" => bytes(out, number, value.as_str().unwrap_or("").as_bytes()),
        "bytes" => {
            let decoded = STANDARD.decode(value.as_str().unwrap_or(""));
            bytes(out, number, &decoded.unwrap_or_default());
        }
        "bool" => {
            tag(out, number, VARINT);
            out.push(u8::from(value == &Value::Bool(true)));
        }
        "int32" | "int64" => {
            tag(out, number, VARINT);
            varint(out, value.as_i64().unwrap_or(0).cast_unsigned());
        }
        "double" => {
            tag(out, number, FIXED_64);
            let bits = value.as_f64().unwrap_or(0.0).to_bits();
            out.extend_from_slice(&bits.to_le_bytes());
        }
        name if name.strip_prefix(EXTENSIONS) == Some("JSON") => {
            nested(out, number, |out| {
                bytes(out, 1, value.to_string().as_bytes());
            });
        }
        name => nested(out, number, |out| message(out, name, value, depth + 1)),
    }
}

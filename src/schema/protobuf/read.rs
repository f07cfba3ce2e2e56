//! Protobuf as JSON.
//!
//! *Upstream:* `apimachinery/pkg/runtime/serializer/protobuf/protobuf.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{DEPTH_MAX, EXTENSIONS, MACHINERY, Malformed, PREFIX, ProtobufError, message_of};
use crate::object::{duration, time};
use crate::schema::tables;

/// A body as the object it holds, which says its kind.
pub fn to_json(body: &[u8]) -> Result<Value, ProtobufError> {
    to_json_of(body, "", "")
}

/// A body as the object it holds; one that does not say its kind or version is of these.
pub fn to_json_of(body: &[u8], version: &str, kind: &str) -> Result<Value, ProtobufError> {
    if body.is_empty() {
        return Err(ProtobufError::NoData);
    }
    let unknown = body.strip_prefix(PREFIX).ok_or(ProtobufError::NoPrefix)?;
    if unknown.is_empty() {
        return Err(ProtobufError::NoBody);
    }
    let (head, raw) = envelope(unknown).map_err(ProtobufError::Envelope)?;
    let text = |field: &str, otherwise: &str| match head[field].as_str() {
        None | Some("") => otherwise.to_owned(),
        Some(text) => text.to_owned(),
    };
    let (version, kind) = (text("apiVersion", version), text("kind", kind));
    let Some(name) = message_of(&version, &kind) else {
        return Err(ProtobufError::Unknown { kind, version });
    };
    let mut object = match message(&name, raw, 0) {
        Ok(object) => object,
        Err(error) => {
            return Err(ProtobufError::Object {
                kind,
                version,
                error,
            });
        }
    };
    if let Value::Object(object) = &mut object {
        object.insert("apiVersion".to_owned(), version.into());
        object.insert("kind".to_owned(), kind.into());
    }
    Ok(object)
}

/// What an object says of its kind, and the bytes of its message.
fn envelope(unknown: &[u8]) -> Result<(Value, &[u8]), Malformed> {
    let mut head = Value::Null;
    let mut raw: &[u8] = &[];
    for field in fields(unknown) {
        match field? {
            (1, Wire::Bytes(bytes)) => {
                head = message(&format!("{MACHINERY}runtime.TypeMeta"), bytes, 0)?;
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    Ok((head, raw))
}

/// What stands behind a field's number.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

type Field<'a> = Result<(u32, Wire<'a>), Malformed>;

fn fields(mut rest: &[u8]) -> impl Iterator<Item = Field<'_>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = field(&mut rest);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Field<'a> {
    let key = varint(rest)?;
    let wire = match key & 7 {
        0 => Wire::Number(varint(rest)?),
        1 => Wire::Number(u64::from_le_bytes(
            take(rest, 8)?.try_into().map_err(|_| Malformed::Eof)?,
        )),
        2 => {
            let length = i64::try_from(varint(rest)?).map_err(|_| Malformed::Negative)?;
            let length = usize::try_from(length).map_err(|_| Malformed::Eof)?;
            Wire::Bytes(take(rest, length)?)
        }
        5 => Wire::Number(u64::from(u32::from_le_bytes(
            take(rest, 4)?.try_into().map_err(|_| Malformed::Eof)?,
        ))),
        _ => return Err(Malformed::WireType),
    };
    let number = u32::try_from(key >> 3).map_err(|_| Malformed::WireType)?;
    Ok((number, wire))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    let (taken, after) = rest.split_at_checked(length).ok_or(Malformed::Eof)?;
    *rest = after;
    Ok(taken)
}

fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for place in 0..10 {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Malformed::Overflow)
}

/// A message as JSON writes it.
fn message(name: &str, bytes: &[u8], depth: usize) -> Result<Value, Malformed> {
    if depth > DEPTH_MAX {
        return Err(Malformed::WireType);
    }
    let rows = tables::message(name).unwrap_or(&[]);
    let mut object = Map::new();
    for field in fields(bytes) {
        let (number, wire) = field?;
        let Some((_, name, kind)) = rows.iter().find(|(known, ..)| *known == number) else {
            continue;
        };
        add(&mut object, name, kind, &wire, depth)?;
    }
    Ok(reshaped(name, object, bytes.is_empty()))
}

fn add(
    object: &mut Map<String, Value>,
    name: &str,
    kind: &str,
    wire: &Wire<'_>,
    depth: usize,
) -> Result<(), Malformed> {
    if let Some(items) = kind.strip_prefix('*') {
        let item = value(items, wire, depth)?;
        let list = object
            .entry(name)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(item);
        }
    } else if let Some(values) = kind.strip_prefix('%') {
        let (key, value) = entry(values, wire, depth)?;
        let map = object
            .entry(name)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(map) = map {
            map.insert(key, value);
        }
    } else {
        match (name, value(kind, wire, depth)?) {
            ("", Value::Object(inlined)) => object.extend(inlined),
            (name, value) => {
                object.insert(name.to_owned(), value);
            }
        }
    }
    Ok(())
}

/// An entry of a map: key 1, value 2.
fn entry(kind: &str, wire: &Wire<'_>, depth: usize) -> Result<(String, Value), Malformed> {
    let Wire::Bytes(bytes) = wire else {
        return Err(Malformed::WireType);
    };
    let mut key = String::new();
    let mut found = None;
    for field in fields(bytes) {
        match field? {
            (1, Wire::Bytes(bytes)) => key = text(bytes),
            (2, wire) => found = Some(value(kind, &wire, depth)?),
            _ => {}
        }
    }
    match found {
        Some(value) => Ok((key, value)),
        None => Ok((key, value(kind, &Wire::Bytes(&[]), depth)?)),
    }
}

fn value(kind: &str, wire: &Wire<'_>, depth: usize) -> Result<Value, Malformed> {
    Ok(match (kind, wire) {
        ("string", Wire::Bytes(bytes)) => text(bytes).into(),
        ("bytes", Wire::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        ("bool", Wire::Number(number)) => (*number != 0).into(),
        ("int32" | "int64", Wire::Number(number)) => number.cast_signed().into(),
        ("double", Wire::Number(number)) => f64::from_bits(*number).into(),
        ("string" | "bytes" | "bool" | "int32" | "int64" | "double", _) => {
            return Err(Malformed::WireType);
        }
        (name, Wire::Bytes(bytes)) => match name.strip_prefix(MACHINERY) {
            Some("runtime.RawExtension" | "apis.meta.v1.FieldsV1") => json_in(bytes)?,
            _ if name.strip_prefix(EXTENSIONS) == Some("JSON") => json_in(bytes)?,
            _ => message(name, bytes, depth + 1)?,
        },
        _ => return Err(Malformed::WireType),
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// JSON as the bytes of a message's one field.
fn json_in(bytes: &[u8]) -> Result<Value, Malformed> {
    for field in fields(bytes) {
        if let (1, Wire::Bytes(raw)) = field? {
            return serde_json::from_slice(raw).map_err(|_| Malformed::WireType);
        }
    }
    Ok(Value::Null)
}

/// Messages that JSON writes in a form of their own.
fn reshaped(name: &str, mut object: Map<String, Value>, is_empty: bool) -> Value {
    let number = |object: &Map<String, Value>, field: &str| {
        object.get(field).and_then(Value::as_i64).unwrap_or(0)
    };
    if let Some(known) = name.strip_prefix(MACHINERY) {
        let print: fn(Timestamp) -> String = match known {
            "api.resource.Quantity" => {
                return object.remove("string").unwrap_or_else(|| "0".into());
            }
            "util.intstr.IntOrString" if number(&object, "type") == 1 => {
                return object.remove("strVal").unwrap_or_else(|| "".into());
            }
            "util.intstr.IntOrString" => return number(&object, "intVal").into(),
            "apis.meta.v1.Duration" => return duration::print(number(&object, "duration")).into(),
            "apis.meta.v1.Verbs" => return object.remove("items").unwrap_or_default(),
            "apis.meta.v1.Time" => time::seconds,
            "apis.meta.v1.MicroTime" => time::micros,
            _ => return Value::Object(object),
        };
        let nanos = i32::try_from(number(&object, "nanos")).unwrap_or(0);
        let moment = Timestamp::new(number(&object, "seconds"), nanos);
        return match moment {
            Ok(moment) if !is_empty => print(moment).into(),
            _ => Value::Null,
        };
    }
    let alternatives: &[&str] = match name.strip_prefix(EXTENSIONS) {
        Some("JSONSchemaPropsOrBool") => &["schema", "allows"],
        Some("JSONSchemaPropsOrArray") => &["schema", "jSONSchemas"],
        Some("JSONSchemaPropsOrStringArray") => &["schema", "property"],
        _ if name.ends_with(".ExtraValue") || name.ends_with(".AttestationValue") => &["items"],
        _ => return Value::Object(object),
    };
    let found = alternatives.iter().find_map(|field| object.remove(*field));
    found.unwrap_or_default()
}

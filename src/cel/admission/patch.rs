//! What expressions of mutations come to, as JSON.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/policy/mutating/patch`,
//! `apiserver/pkg/cel/mutation`.

use base64::Engine;
use serde_json::{Map as JsonMap, Value as Json};

use crate::cel::library;
use crate::cel::value::{Map, Struct, Value};

/// An operation of a JSON patch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operation {
    /// What is done.
    pub op: String,
    /// Where.
    pub path: String,
    /// From where; empty where nowhere.
    pub from: String,
    /// With what.
    pub value: Option<Json>,
}

/// The operations that a JSON patch expression came to.
pub fn operations(value: &Value) -> Result<Vec<Operation>, String> {
    let Value::List(list) = value else {
        let why = "type mismatch: JSONPatchType.expression should evaluate to array";
        return Err(why.to_owned());
    };
    list.iter().map(|item| operation(&item)).collect()
}

fn operation(value: &Value) -> Result<Operation, String> {
    let Value::Struct(patch) = value else {
        let why = "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch";
        return Err(why.to_owned());
    };
    let text = |name: &str| match patch.get(name) {
        Some(Value::String(text)) => text.into_owned(),
        _ => String::new(),
    };
    let value = match patch.get("value") {
        None => None,
        Some(value) => {
            if let Value::Struct(object) = &value {
                check_names(object, &object.name)?;
            }
            let json = to_json(&value).map_err(|why| {
                format!(
                    "JSONPath valueExpression evaluated to a type that could not marshal to JSON: \
                     {why}"
                )
            })?;
            Some(json)
        }
    };
    Ok(Operation {
        op: text("op"),
        path: text("path"),
        from: text("from"),
        value,
    })
}

/// A value as JSON; the types of objects have to be named after where they stand.
pub fn to_json(value: &Value) -> Result<Json, String> {
    if let Value::Struct(object) = value {
        check_names(object, &object.name)?;
    }
    json(value)
}

fn json(value: &Value) -> Result<Json, String> {
    Ok(match value {
        Value::Null | Value::Optional(None) => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Uint(value) => Json::from(*value),
        Value::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
            Json::from(*value as i64)
        }
        Value::Double(value) => Json::from(*value),
        Value::String(text) => Json::from(text.as_ref()),
        Value::Bytes(bytes) => {
            Json::from(base64::engine::general_purpose::STANDARD.encode(bytes.as_ref()))
        }
        Value::Optional(Some(inner)) => json(inner)?,
        Value::List(list) => {
            let items: Result<_, String> = list.iter().map(|item| json(&item)).collect();
            Json::Array(items?)
        }
        Value::Map(map) => map_json(map)?,
        Value::Struct(object) => {
            let mut out = JsonMap::new();
            for (name, value) in &object.fields {
                out.insert(name.clone(), json(value)?);
            }
            Json::Object(out)
        }
        Value::Timestamp(_) | Value::Duration(_) => match library::printed(value) {
            Some(text) => Json::from(text),
            None => return Err(unsupported(value)),
        },
        other => return Err(unsupported(other)),
    })
}

fn map_json(map: &Map) -> Result<Json, String> {
    let mut out = JsonMap::new();
    for (key, value) in map.entries() {
        let Value::String(key) = key else {
            return Err(format!("bad key type: {}", key.type_name()));
        };
        out.insert(key.into_owned(), json(&value)?);
    }
    Ok(Json::Object(out))
}

fn unsupported(value: &Value) -> String {
    format!(
        "unsupported native conversion from {} to JSON",
        value.type_name()
    )
}

/// Whether the types of objects inside are named after the fields they stand in.
fn check_names(object: &Struct, path: &str) -> Result<(), String> {
    let mut errors = Vec::new();
    gather(
        &Value::Struct(std::sync::Arc::new(object.clone())),
        path,
        &mut errors,
    );
    if errors.is_empty() {
        Ok(())
    } else {
        Err(format!("type mismatch: {}", errors.join("\n")))
    }
}

fn gather(value: &Value, path: &str, errors: &mut Vec<String>) {
    match value {
        Value::Struct(object) => {
            if object.name != path {
                errors.push(format!(
                    "unexpected type name {:?}, expected {path:?}, which matches field name path \
                     from root Object type",
                    object.name
                ));
            }
            for (name, field) in &object.fields {
                gather(field, &format!("{path}.{name}"), errors);
            }
        }
        Value::List(list) => list.iter().for_each(|item| gather(&item, path, errors)),
        Value::Map(map) => {
            for (_, value) in map.entries() {
                gather(&value, path, errors);
            }
        }
        _ => {}
    }
}

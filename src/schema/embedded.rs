//! Objects inside an object (`x-kubernetes-embedded-resource`): they name their type.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/objectmeta/validation.go`.

use serde_json::{Map, Value};

use super::{Node, Schema};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// What is wrong with the types of embedded resources.
pub(super) fn validate(object: &Map<String, Value>, schema: &Schema) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let root = schema.root();
    fields(schema, root, object, &FieldPath::ROOT, &mut errors);
    errors
}

/// The same for a value that stands alone, itself such a resource where its node or `is_resource`
/// says so.
pub(super) fn validate_value(
    value: &Value,
    schema: &Schema,
    is_resource: bool,
    path: &FieldPath,
) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let root = schema.root();
    if let Value::Object(object) = value
        && is_resource
        && !root.is_embedded_resource
    {
        resource(object, path, &mut errors);
    }
    any(schema, root, value, path, &mut errors);
    errors
}

fn any(schema: &Schema, node: &Node, value: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    match value {
        Value::Object(object) => {
            if node.is_embedded_resource {
                resource(object, path, errors);
            }
            fields(schema, node, object, path, errors);
        }
        Value::Array(list) => {
            if let Some(id) = schema.items(node) {
                for (index, value) in list.iter().enumerate() {
                    any(schema, schema.node(id), value, &path.index(index), errors);
                }
            }
        }
        _ => {}
    }
}

fn fields(
    schema: &Schema,
    node: &Node,
    object: &Map<String, Value>,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    for (name, value) in object {
        if !matches!(value, Value::Array(_) | Value::Object(_)) {
            continue;
        }
        let Some(id) = schema.child(node, name) else {
            continue;
        };
        if schema.field(node, name).is_some() {
            any(schema, schema.node(id), value, &path.child(name), errors);
        } else {
            any(schema, schema.node(id), value, &path.key(name), errors);
        }
    }
}

fn resource(object: &Map<String, Value>, path: &FieldPath, errors: &mut FieldErrors) {
    for name in ["apiVersion", "kind"] {
        let path = path.child(name);
        match object.get(name) {
            None => errors.required(&path, ""),
            Some(Value::String(text)) if text.is_empty() => {
                errors.invalid(&path, &"".into(), "must not be empty");
            }
            Some(Value::String(text)) => {
                if let Some(wrong) = type_text(name, text) {
                    errors.invalid(&path, &text.as_str().into(), wrong);
                }
            }
            Some(other) => errors.invalid(&path, other, "must be a string"),
        }
    }
    if let Some(metadata) = object.get("metadata")
        && !metadata.is_object()
    {
        errors.invalid(&path.child("metadata"), metadata, "must be an object");
    }
}

/// What is wrong with an `apiVersion` or `kind`.
fn type_text(name: &str, text: &str) -> Option<String> {
    if name == "apiVersion" {
        return (text.matches('/').count() > 1)
            .then(|| format!("unexpected GroupVersion string: {text}"));
    }
    let lower = text.to_lowercase();
    let is_label = lower.len() <= 63
        && lower.starts_with(|c: char| c.is_ascii_lowercase())
        && !lower.ends_with('-')
        && lower
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (!is_label).then(|| {
        "may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower \
         case alphanumeric characters or '-', start with an alphabetic character, and end with \
         an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
         '[a-z]([-a-z0-9]*[a-z0-9])?')"
            .to_owned()
    })
}

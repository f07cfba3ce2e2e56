//! Objects inside an object (`x-kubernetes-embedded-resource`): they name their type, and their
//! metadata are metadata as any.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/objectmeta/{coerce,validation}.go`.

use serde_json::{Map, Value};

use crate::error::FieldErrors;
use crate::error::field::{FieldError, FieldErrorKind};
use crate::object::{FieldPath, GroupVersion, Object};
use crate::registry::decode;
use crate::registry::meta::names::check_label_1035;
use crate::registry::meta::validate as metadata;
use crate::registry::strategy::NameRule;
use crate::schema::validate::below;
use crate::schema::{Node, Schema, normalise};

/// Reads the metadata of embedded resources as the Go struct they are, which takes out what it
/// does not know (`unknown`: what is said of it); or says what it cannot be.
pub(crate) fn coerce(
    value: &mut Value,
    schema: &Schema,
    is_resource: bool,
    path: &FieldPath,
    unknown: &mut Vec<String>,
) -> Result<(), FieldError> {
    let mut walk = Coercion { schema, unknown };
    walk.value(schema.root(), value, is_resource, path)
}

/// The same for a whole custom resource, whose own metadata are read elsewhere.
pub(crate) fn coerce_object(
    object: &mut Map<String, Value>,
    schema: &Schema,
) -> Result<Vec<String>, FieldError> {
    let mut unknown = Vec::new();
    let mut walk = Coercion {
        schema,
        unknown: &mut unknown,
    };
    walk.map(schema.root(), object, false, &FieldPath::ROOT)?;
    unknown.sort();
    Ok(unknown)
}

struct Coercion<'a> {
    schema: &'a Schema,
    unknown: &'a mut Vec<String>,
}

impl Coercion<'_> {
    fn value(
        &mut self,
        node: &Node,
        value: &mut Value,
        is_resource: bool,
        path: &FieldPath,
    ) -> Result<(), FieldError> {
        match value {
            Value::Object(map) => self.map(node, map, is_resource, path),
            Value::Array(list) => {
                let schema = self.schema;
                let Some(items) = schema.items(node).map(|id| schema.node(id)) else {
                    return Ok(());
                };
                for (index, value) in list.iter_mut().enumerate() {
                    let path = path.index(index);
                    self.value(items, value, items.is_embedded_resource, &path)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn map(
        &mut self,
        node: &Node,
        map: &mut Map<String, Value>,
        is_resource: bool,
        path: &FieldPath,
    ) -> Result<(), FieldError> {
        let schema = self.schema;
        for (name, value) in map.iter_mut() {
            if is_resource && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                self.own(name, value, &path.child(name))?;
                continue;
            }
            let Some(id) = schema.child(node, name) else {
                continue;
            };
            let child = schema.node(id);
            let path = if schema.field(node, name).is_some() {
                path.child(name)
            } else {
                path.key(name)
            };
            self.value(child, value, child.is_embedded_resource, &path)?;
        }
        Ok(())
    }

    fn own(&mut self, name: &str, value: &mut Value, path: &FieldPath) -> Result<(), FieldError> {
        if name != "metadata" {
            return match value {
                Value::String(_) => Ok(()),
                other => Err(one(path, other, "must be a string")),
            };
        }
        let Some(id) = self.schema.meta() else {
            return Ok(());
        };
        let schema = self.schema.at(id);
        let (mut decoded, unknown) = decode::metadata(value, &schema, &path.to_string())
            .map_err(|why| one(path, value, why))?;
        if decoded.is_null() {
            decoded = Value::Object(Map::new());
        }
        normalise::apply_value(&mut decoded, &schema);
        *value = decoded;
        self.unknown.extend(unknown);
        Ok(())
    }
}

fn one(path: &FieldPath, value: &Value, detail: impl Into<String>) -> FieldError {
    FieldError {
        kind: FieldErrorKind::Invalid,
        field: path.to_string(),
        value: value.to_string(),
        detail: detail.into(),
    }
}

/// What is wrong with the embedded resources of a custom resource.
pub(crate) fn validate(object: &Map<String, Value>, schema: &Schema) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let root = schema.root();
    fields(schema, root, object, &FieldPath::ROOT, &mut errors);
    errors
}

/// The same for a value that stands alone, itself such a resource where its node or `is_resource`
/// says so.
pub(crate) fn validate_value(
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
    if let Some(own) = object.get("metadata") {
        metadata_of(own, &path.child("metadata"), errors);
    }
}

fn metadata_of(own: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let Value::Object(own) = own else {
        return;
    };
    let mut own = own.clone();
    let entries = own.remove("managedFields");
    let has_name = own.get("name").is_some_and(|name| *name != "");
    if !has_name {
        own.insert("name".to_owned(), "none".into());
    }
    let mut object = Object::default();
    object.set(&["metadata"], own);
    let is_namespaced = !object.namespace().is_empty();
    let mut found = FieldErrors::new();
    metadata::create(&object, NameRule::PathSegment, is_namespaced, &mut found);
    metadata::managed_fields(entries.as_ref(), &mut found);
    let parent = path.to_string();
    let parent = parent.strip_suffix("metadata").unwrap_or("");
    match parent.strip_suffix('.') {
        Some(parent) => errors.extend(below(found, parent)),
        None => errors.extend(found),
    }
}

/// What is wrong with an `apiVersion` or `kind`.
fn type_text(name: &str, text: &str) -> Option<String> {
    if name == "apiVersion" {
        return GroupVersion::parse(text)
            .is_none()
            .then(|| format!("unexpected GroupVersion string: {text}"));
    }
    let wrong = check_label_1035(&text.to_lowercase());
    (!wrong.is_empty()).then(|| {
        format!(
            "may have mixed case, but should otherwise match: {}",
            wrong.join(",")
        )
    })
}

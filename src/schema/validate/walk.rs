//! The walk over a value and its schema, check by check in upstream's order.
//!
//! *Upstream:* `kube-openapi/pkg/validation/validate/{schema,object_validator,slice_validator,
//! type}.go`, `apiextensions-apiserver/pkg/apiserver/validation/ratcheting.go`.

use serde_json::{Map, Value};

use super::outcome::Outcome;
use super::{number, text};
use crate::error::FieldErrors;
use crate::error::field::FieldErrorKind;
use crate::object::FieldPath;
use crate::schema::{Checks, ListKind, Node, Schema, Shape, ratchet};

/// The place of a value that stands alone, as the parent of the keys of a map.
const NAMELESS: FieldPath = FieldPath::new("");

/// A walk over values of one schema.
pub(super) struct Walk<'a> {
    pub(super) schema: &'a Schema,
}

impl<'a> Walk<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        Self { schema }
    }

    /// What is wrong with a whole object.
    pub(super) fn root(
        &self,
        object: &Map<String, Value>,
        old: Option<&Map<String, Value>>,
    ) -> FieldErrors {
        let node = self.schema.root();
        let mut outcome = Outcome::default();
        if let Some(checks) = &node.checks {
            // The alternatives of a root look at an object like those of any place.
            let whole = Value::Object(object.clone());
            let path = FieldPath::ROOT;
            outcome.merge(self.alternatives(checks, &whole, None, &path));
        }
        outcome.merge(self.object(node, object, old, &FieldPath::ROOT));
        outcome.into_errors()
    }

    /// What is wrong with a value that stands at the root of its own path.
    pub(super) fn value(&self, node: &Node, value: &Value, old: Option<&Value>) -> FieldErrors {
        self.ratcheted(node, value, old, &FieldPath::ROOT)
            .into_errors()
    }

    /// Everything at and below a place, unless it is what it was before.
    pub(super) fn ratcheted(
        &self,
        node: &Node,
        value: &Value,
        old: Option<&Value>,
        path: &FieldPath,
    ) -> Outcome {
        let mut outcome = self.place(node, value, old, path);
        if !outcome.is_valid()
            && old.is_some_and(|old| ratchet::is_unchanged(self.schema, node, value, old))
        {
            outcome.forgive();
        }
        outcome
    }

    /// Everything at and below a place.
    pub(super) fn place(
        &self,
        node: &Node,
        value: &Value,
        old: Option<&Value>,
        path: &FieldPath,
    ) -> Outcome {
        let checks = node.checks.as_deref();
        if value.is_null() {
            let mut outcome = kind_of_null(node, path);
            outcome.merge(enumeration(checks, value, path));
            return outcome;
        }
        // One for having come to the end.
        let mut outcome = Outcome::passed(1);
        if has_kind(node, checks) {
            outcome.merge(kind(node, checks, value, path));
            outcome.matches += 1;
        }
        outcome.matches += 2;
        if let Some(checks) = checks {
            outcome.merge(self.alternatives(checks, value, old, path));
        }
        match value {
            Value::String(value) => outcome.merge(text::check(checks, value, path)),
            Value::Number(value) => outcome.merge(number::check(node, checks, value, path)),
            Value::Array(list) => outcome.merge(self.list(node, list, old, path)),
            _ => {}
        }
        outcome.merge(enumeration(checks, value, path));
        outcome.matches += 1;
        if let Value::Object(map) = value {
            let old = old.and_then(Value::as_object);
            outcome.merge(self.object(node, map, old, path));
            outcome.matches += 1;
        }
        outcome
    }

    fn list(&self, node: &Node, list: &[Value], old: Option<&Value>, path: &FieldPath) -> Outcome {
        let mut outcome = Outcome::passed(2);
        if let Some(id) = self.schema.items(node) {
            let items = self.schema.node(id);
            for (index, value) in list.iter().enumerate() {
                let old = match &node.list {
                    ListKind::Map(keys) => ratchet::item(keys, value, old),
                    ListKind::Atomic | ListKind::Set => None,
                };
                outcome.merge(self.ratcheted(items, value, old, &path.index(index)));
            }
        }
        let Some(checks) = node.checks.as_deref() else {
            return outcome;
        };
        let size = list.len() as u64;
        if let Some(min) = checks.items.0.filter(|min| size < *min) {
            let message = format!("{path} in body should have at least {min} items");
            outcome.fail(FieldErrorKind::Invalid, path, &size.into(), message);
        }
        if let Some(max) = checks.items.1.filter(|max| size > *max) {
            outcome.with(
                path,
                &format!("should have at most {max} items"),
                |errors| {
                    errors.too_many(path, list.len(), max as usize);
                },
            );
        }
        if checks.unique_items && has_duplicates(list) {
            let message = format!("{path} in body shouldn't contain duplicates");
            outcome.fail(FieldErrorKind::Invalid, path, &"".into(), message);
        }
        outcome
    }

    fn object(
        &self,
        node: &Node,
        map: &Map<String, Value>,
        old: Option<&Map<String, Value>>,
        path: &FieldPath,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if let Some(checks) = node.checks.as_deref() {
            properties(checks, map.len() as u64, path, &mut outcome);
        }
        if node.forbids_additional {
            let has_no_field = |name: &&String| self.schema.field(node, name).is_none();
            for name in map.keys().filter(has_no_field) {
                let message = format!("{path}.{name} in body is a forbidden property");
                let value = name.as_str().into();
                outcome.fail(FieldErrorKind::Invalid, path, &value, message);
            }
        }
        let is_root = path.to_string().is_empty();
        for (name, value) in map {
            let Some(id) = self.schema.child(node, name) else {
                continue;
            };
            let is_type = is_root && matches!(name.as_str(), "apiVersion" | "kind");
            let old = old.filter(|_| !is_type).and_then(|old| old.get(name));
            let child = self.schema.node(id);
            let is_field = self.schema.field(node, name).is_some();
            // Upstream writes a dot before the key of a map, even where nothing is in front of it.
            let parent = if is_root && !is_field {
                &NAMELESS
            } else {
                path
            };
            outcome.merge(self.ratcheted(child, value, old, &parent.child(name)));
        }
        for name in &node.required {
            if !map.contains_key(name.as_ref()) {
                outcome.missing(&path.child(name));
            }
        }
        outcome
    }
}

fn properties(checks: &Checks, size: u64, path: &FieldPath, outcome: &mut Outcome) {
    if let Some(min) = checks.properties.0.filter(|min| size < *min) {
        let message = format!("{path} in body should have at least {min} properties");
        outcome.fail(FieldErrorKind::Invalid, path, &size.into(), message);
    }
    if let Some(max) = checks.properties.1.filter(|max| size > *max) {
        let what = format!("should have at most {max} properties");
        outcome.with(path, &what, |errors| {
            errors.too_many(path, size as usize, max as usize);
        });
    }
}

fn has_duplicates(list: &[Value]) -> bool {
    list.iter()
        .enumerate()
        .any(|(index, value)| list[..index].contains(value))
}

/// The type names a place allows; none where no type was said, or one that there is not.
fn kinds(node: &Node) -> &'static [&'static str] {
    if node.is_untyped || !unheard(node).is_empty() {
        return &[];
    }
    match node.shape {
        Shape::Any => &[],
        Shape::Boolean => &["boolean"],
        Shape::Integer(_) => &["integer"],
        Shape::Number => &["number"],
        Shape::String(_) => &["string"],
        Shape::IntOrString => &["integer", "string"],
        Shape::Struct(_) | Shape::Map(_) => &["object"],
        Shape::List(_) => &["array"],
    }
}

fn format_of(checks: Option<&Checks>) -> &str {
    checks.map_or("", |checks| checks.format.as_ref())
}

/// A type name that there is not.
fn unheard(node: &Node) -> &str {
    node.checks
        .as_deref()
        .map_or("", |checks| checks.unheard_type.as_ref())
}

fn has_kind(node: &Node, checks: Option<&Checks>) -> bool {
    !kinds(node).is_empty() || !format_of(checks).is_empty() || !unheard(node).is_empty()
}

fn kind_of_null(node: &Node, path: &FieldPath) -> Outcome {
    let kinds = kinds(node);
    if kinds.is_empty() || node.is_nullable {
        return Outcome::passed(1);
    }
    let mut outcome = Outcome::default();
    wrong_kind(&kinds.join(","), "null", path, &mut outcome);
    outcome
}

/// Whether the value is of a type the place allows. Upstream prints the value's type in place of
/// the value.
fn kind(node: &Node, checks: Option<&Checks>, value: &Value, path: &FieldPath) -> Outcome {
    let kinds = kinds(node);
    let format = format_of(checks);
    let (name, own_format) = match value {
        Value::Bool(_) => ("boolean", ""),
        Value::String(_) => ("string", ""),
        Value::Number(number) if number.is_f64() => ("number", "float64"),
        Value::Number(_) => ("integer", "int64"),
        Value::Array(_) => ("array", ""),
        Value::Object(_) | Value::Null => ("object", ""),
    };
    let is_whole = name == "number"
        && kinds.contains(&"integer")
        && value.as_f64().is_some_and(number::is_whole);
    let is_widened = name == "integer" && kinds.contains(&"number");
    let is_right = kinds.contains(&name) || is_whole || is_widened;
    let is_text_or_list = matches!(value, Value::String(_) | Value::Array(_));
    let mut outcome = Outcome::default();
    if !is_text_or_list && !format.is_empty() && !is_right && own_format != format {
        wrong_kind(format, own_format, path, &mut outcome);
        return outcome;
    }
    let is_numeric = kinds.contains(&"number") || kinds.contains(&"integer");
    if is_right || (is_text_or_list && !format.is_empty() && !is_numeric) {
        return Outcome::passed(1);
    }
    let expected = match unheard(node) {
        "" => kinds.join(","),
        unheard => unheard.to_owned(),
    };
    wrong_kind(&expected, name, path, &mut outcome);
    outcome
}

fn wrong_kind(expected: &str, found: &str, path: &FieldPath, outcome: &mut Outcome) {
    let message = format!("{path} in body must be of type {expected}: \"{found}\"");
    outcome.fail(FieldErrorKind::TypeInvalid, path, &found.into(), message);
}

fn enumeration(checks: Option<&Checks>, value: &Value, path: &FieldPath) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(allowed) = checks
        .map(|checks| &checks.enumeration)
        .filter(|allowed| !allowed.is_empty())
    else {
        return outcome;
    };
    if allowed
        .iter()
        .any(|allowed| number::is_same(value, allowed))
    {
        return outcome;
    }
    let texts: Vec<String> = allowed
        .iter()
        .map(|allowed| match allowed {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    outcome.with(path, "should be one of", |errors| {
        errors.not_supported(path, value, &texts);
    });
    outcome
}

//! Why a schema is not structural.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/{validation,complete}.go`.

use serde_json::{Map, Value};

use super::json::{is_plain, is_true, list, object, properties, schemas, text};
use super::regular_expression;
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// A schema document.
type Source = Map<String, Value>;

/// Everything that keeps a schema from being structural, sorted by what the errors say.
pub fn validate(source: &Source, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    place(source, Level::Root, path, &mut errors);
    completeness(source, source, path, path, &mut errors);
    let mut sorted: Vec<_> = errors.into_iter().collect();
    sorted.sort_by_cached_key(|error| format!("{}: {}", error.field, error.body()));
    let mut out = FieldErrors::new();
    for error in sorted {
        out.push(error);
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// A schema that describes a place of its own.
fn place(source: &Source, level: Level, path: &FieldPath, errors: &mut FieldErrors) {
    let kind = text(source, "type");
    match object(source, "items") {
        None if kind == "array" => errors.required(&path.child("items"), "must be specified"),
        None => {}
        Some(items) => place(items, Level::Item, &path.child("items"), errors),
    }
    for (name, property) in properties(source) {
        let path = path.child("properties");
        place(property, Level::Field, &path.key(name), errors);
    }
    if level != Level::Root && !kind.is_empty() && is_plain(source) {
        pattern(source, path, errors);
        return;
    }
    if let Some(additional) = source.get("additionalProperties") {
        let path = path.child("additionalProperties");
        if level == Level::Root {
            errors.forbidden(&path, "must not be used at the root");
        }
        if let Some(values) = additional.as_object() {
            place(values, Level::Field, &path, errors);
        }
    }
    extensions(source, path, errors);
    let skips_any_of = is_int_or_string(list(source, "anyOf"));
    let skips_all_of = list(source, "allOf")
        .first()
        .and_then(Value::as_object)
        .is_some_and(|first| is_int_or_string(list(first, "anyOf")));
    checks(source, skips_any_of, skips_all_of, path, errors);
    types(source, level, path, errors);
    metadata(source, level, path, errors);
}

fn extensions(source: &Source, path: &FieldPath, errors: &mut FieldErrors) {
    if !is_true(source, "x-kubernetes-int-or-string") {
        return;
    }
    for name in [
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
    ] {
        if is_true(source, name) {
            errors.invalid(
                &path.child(name),
                &true.into(),
                "must be false if x-kubernetes-int-or-string is true",
            );
        }
    }
}

fn is_int_or_string(any_of: &[Value]) -> bool {
    let is_of = |value: &Value, kind: &str| {
        let schema = value.as_object();
        schema.is_some_and(|schema| schema.len() == 1 && text(schema, "type") == kind)
    };
    matches!(any_of, [first, second] if is_of(first, "integer") && is_of(second, "string"))
}

fn types(source: &Source, level: Level, path: &FieldPath, errors: &mut FieldErrors) {
    let kind = text(source, "type");
    let is_embedded = is_true(source, "x-kubernetes-embedded-resource");
    let preserves = is_true(source, "x-kubernetes-preserve-unknown-fields");
    let path_of_type = path.child("type");
    if is_embedded && kind != "object" {
        const WHY: &str = "must be object if x-kubernetes-embedded-resource is true";
        if kind.is_empty() {
            errors.required(&path_of_type, WHY);
        } else {
            errors.invalid(&path_of_type, &kind.into(), WHY);
        }
    } else if kind.is_empty() && !preserves && !is_true(source, "x-kubernetes-int-or-string") {
        let why = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.required(&path_of_type, why);
    }
    if is_embedded && source.contains_key("additionalProperties") {
        errors.forbidden(
            &path.child("additionalProperties"),
            "must not be used if x-kubernetes-embedded-resource is set",
        );
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        errors.invalid(&path_of_type, &kind.into(), "must be object at the root");
    }
    let is_bare = object(source, "properties").is_none_or(Map::is_empty);
    if is_embedded && !preserves && is_bare {
        errors.required(
            &path.child("properties"),
            "must not be empty if x-kubernetes-embedded-resource is true without \
             x-kubernetes-preserve-unknown-fields",
        );
    }
}

/// What is said about `apiVersion`, `kind` and `metadata` of a resource.
fn metadata(source: &Source, level: Level, path: &FieldPath, errors: &mut FieldErrors) {
    let is_resource = level == Level::Root || is_true(source, "x-kubernetes-embedded-resource");
    let properties = path.child("properties");
    let Some(said) = object(source, "properties") else {
        return;
    };
    for name in ["kind", "apiVersion"] {
        let Some(property) = said.get(name).and_then(Value::as_object) else {
            continue;
        };
        let kind = text(property, "type");
        if is_resource && kind != "string" {
            let path = properties.key(name);
            errors.invalid(&path.child("type"), &kind.into(), "must be string");
        }
    }
    let Some(metadata) = said.get("metadata").and_then(Value::as_object) else {
        return;
    };
    let path = properties.key("metadata");
    let kind = text(metadata, "type");
    if is_resource && kind != "object" {
        errors.invalid(&path.child("type"), &kind.into(), "must be object");
    }
    if level == Level::Root && says_more_than_names(metadata) {
        errors.forbidden(
            &path,
            "must not specify anything other than name and generateName, but metadata is \
             implicitly specified",
        );
    }
}

fn says_more_than_names(metadata: &Source) -> bool {
    metadata
        .iter()
        .any(|(keyword, value)| match keyword.as_str() {
            "type" | "default" => false,
            "properties" => value.as_object().is_some_and(|map| {
                map.keys()
                    .any(|name| name != "name" && name != "generateName")
            }),
            _ => match value {
                Value::Null | Value::Bool(false) => false,
                Value::String(text) => !text.is_empty(),
                Value::Array(list) => !list.is_empty(),
                _ => true,
            },
        })
}

/// The combinations of a schema, and its pattern.
fn checks(
    source: &Source,
    skips_any_of: bool,
    skips_first_all_of: bool,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    for name in ["anyOf", "allOf", "oneOf"] {
        if name == "anyOf" && skips_any_of {
            continue;
        }
        let path = path.child(name);
        for (index, branch) in schemas(source, name) {
            let skips = name == "allOf" && index == 0 && skips_first_all_of;
            nested(branch, skips, &path.index(index), errors);
        }
    }
    if let Some(not) = object(source, "not") {
        nested(not, false, &path.child("not"), errors);
    }
    pattern(source, path, errors);
}

fn pattern(source: &Source, path: &FieldPath, errors: &mut FieldErrors) {
    let pattern = text(source, "pattern");
    if let Err(error) = regular_expression::check(pattern) {
        errors.invalid(
            &path.child("pattern"),
            &pattern.into(),
            format!("must be a valid regular expression, but isn't: {error}"),
        );
    }
}

const EMPTY: &str = "must be empty to be structural";
const UNDEFINED: &str = "must be undefined to be structural";
const FALSE: &str = "must be false to be structural";

/// Keywords that describe, and so have no place below a combination.
const FORBIDDEN: &[(&str, &str)] = &[
    ("type", EMPTY),
    ("additionalProperties", UNDEFINED),
    ("default", UNDEFINED),
    ("title", EMPTY),
    ("description", EMPTY),
    ("nullable", FALSE),
    ("x-kubernetes-preserve-unknown-fields", FALSE),
    ("x-kubernetes-embedded-resource", FALSE),
    ("x-kubernetes-int-or-string", FALSE),
    ("x-kubernetes-list-map-keys", EMPTY),
    ("x-kubernetes-list-type", UNDEFINED),
    ("x-kubernetes-map-type", UNDEFINED),
    ("x-kubernetes-validations", EMPTY),
];

/// A schema below a combination: it may check, but not describe.
fn nested(source: &Source, skips_any_of: bool, path: &FieldPath, errors: &mut FieldErrors) {
    checks(source, skips_any_of, false, path, errors);
    if let Some(items) = object(source, "items") {
        nested(items, false, &path.child("items"), errors);
    }
    let of_properties = path.child("properties");
    for (name, property) in properties(source) {
        nested(property, false, &of_properties.key(name), errors);
    }
    for (name, why) in FORBIDDEN.iter().copied() {
        let is_said = match source.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(list)) => !list.is_empty(),
            Some(_) => true,
        };
        if is_said {
            errors.forbidden(&path.child(name), why);
        }
    }
    if object(source, "properties").is_some_and(|map| map.contains_key("metadata")) {
        errors.forbidden(
            &of_properties.key("metadata"),
            "must not be specified in a nested context",
        );
    }
}

/// Whatever a combination checks must be described outside of combinations too.
fn completeness(
    checks: &Source,
    described: &Source,
    path: &FieldPath,
    path_of_checks: &FieldPath,
    errors: &mut FieldErrors,
) {
    if let Some(not) = object(checks, "not") {
        let inner = path_of_checks.child("not");
        nested_completeness(not, Some(described), path, &inner, errors);
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        let of_name = path_of_checks.child(name);
        for (index, branch) in schemas(checks, name) {
            let inner = of_name.index(index);
            nested_completeness(branch, Some(described), path, &inner, errors);
        }
    }
}

fn nested_completeness(
    checks: &Source,
    described: Option<&Source>,
    path: &FieldPath,
    path_of_checks: &FieldPath,
    errors: &mut FieldErrors,
) {
    let Some(described) = described else {
        errors.required(path, format!("because it is defined in {path_of_checks}"));
        return;
    };
    completeness(checks, described, path, path_of_checks, errors);
    if let Some(items) = object(checks, "items") {
        let (inner, inner_checks) = (path.child("items"), path_of_checks.child("items"));
        let described = object(described, "items");
        nested_completeness(items, described, &inner, &inner_checks, errors);
    }
    let (of_described, of_checks) = (path.child("properties"), path_of_checks.child("properties"));
    for (name, property) in properties(checks) {
        let (inner, inner_checks) = (of_described.key(name), of_checks.key(name));
        let described = object(described, "properties")
            .and_then(|map| map.get(name))
            .and_then(Value::as_object);
        nested_completeness(property, described, &inner, &inner_checks, errors);
    }
}

//! What a schema says of its lists: sets, and lists of items told apart by keys.
//!
//! *Upstream:* `ValidateCustomResourceDefinitionOpenAPISchema` and `validateMapListKeysMapSet` in
//! `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`.

use serde_json::Value;

use super::open_api::{Source, wrong_type};
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::schema::structural::json::{is_true, list, object, text};

/// Everything that is wrong with the list keywords of one schema.
pub(super) fn validate(source: &Source, path: &FieldPath, errors: &mut FieldErrors) {
    list_type(source, path, errors);
    list_map(source, path, errors);
    unique_items_rules(source, path, errors);
}

fn list_type(source: &Source, path: &FieldPath, errors: &mut FieldErrors) {
    const KEYWORD: &str = "x-kubernetes-list-type";
    const KEYS: &str = "x-kubernetes-list-map-keys";
    let list_type = text(source, KEYWORD);
    let is_said = source.contains_key(KEYWORD);
    if is_said && !wrong_type(source, "array", KEYWORD, path, errors) && list_type == "set" {
        set_items(source, path, errors);
    }
    if is_said && !matches!(list_type, "atomic" | "set" | "map") {
        let path = path.child(KEYWORD);
        errors.not_supported(&path, &list_type.into(), &["atomic", "set", "map"]);
    }
    if list(source, KEYS).is_empty() {
        return;
    }
    let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
    if !is_said {
        errors.required(&path.child(KEYWORD), detail);
    } else if list_type != "map" {
        errors.invalid(&path.child(KEYWORD), &list_type.into(), detail);
    }
}

/// Items of a set are compared whole.
fn set_items(source: &Source, path: &FieldPath, errors: &mut FieldErrors) {
    const DETAIL: &str = "must be atomic as item of a list with x-kubernetes-list-type=set";
    let Some(items) = object(source, "items") else {
        return;
    };
    let path = path.child("items");
    let list_type = items.get("x-kubernetes-list-type").unwrap_or(&Value::Null);
    match text(items, "type") {
        "array" if !list_type.is_null() && list_type != "atomic" => {
            errors.invalid(&path.child("x-kubernetes-list-type"), list_type, DETAIL);
        }
        "object" if text(items, "x-kubernetes-map-type") != "atomic" => {
            // Upstream prints the other extension here.
            errors.invalid(&path.child("x-kubernetes-map-type"), list_type, DETAIL);
        }
        _ => {}
    }
}

fn list_map(source: &Source, path: &FieldPath, errors: &mut FieldErrors) {
    const KEYS: &str = "x-kubernetes-list-map-keys";
    if text(source, "x-kubernetes-list-type") != "map" {
        return;
    }
    let keys = list(source, KEYS);
    if keys.is_empty() {
        let detail = "must not be empty if x-kubernetes-list-type is map";
        errors.required(&path.child(KEYS), detail);
    }
    let of_items = path.child("items");
    let Some(items) = object(source, "items") else {
        let detail = "must have a schema if x-kubernetes-list-type is map";
        errors.required(&of_items, detail);
        return;
    };
    let kind = text(items, "type");
    if kind != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        errors.invalid(&of_items.child("type"), &kind.into(), detail);
        return;
    }
    let of_properties = of_items.child("properties");
    for (index, key) in keys.iter().enumerate() {
        let name = key.as_str().unwrap_or("");
        let property = object(items, "properties").and_then(|map| object(map, name));
        match property {
            None => {
                let detail = "entries must all be names of item properties";
                errors.invalid(&path.child(KEYS), &keys.into(), detail);
            }
            Some(property) if matches!(text(property, "type"), "array" | "object") => {
                let path = of_properties.key(name);
                let detail =
                    "must be a scalar type if parent array's x-kubernetes-list-type is map";
                errors.invalid(&path.child("type"), &kind.into(), detail);
            }
            Some(_) => {}
        }
        if keys[..index].contains(key) {
            let detail = "must not contain duplicate entries";
            errors.invalid(&path.child(KEYS), &keys.into(), detail);
        }
    }
}

/// Items told apart by keys have all of them, and are there.
fn unique_items_rules(source: &Source, path: &FieldPath, errors: &mut FieldErrors) {
    let list_type = text(source, "x-kubernetes-list-type");
    let Some(items) = object(source, "items").filter(|_| matches!(list_type, "set" | "map")) else {
        return;
    };
    let path = path.child("items");
    if is_true(items, "nullable") {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
        errors.forbidden(&path.child("nullable"), detail);
    }
    if list_type != "map" {
        return;
    }
    let of_properties = path.child("properties");
    for key in list(source, "x-kubernetes-list-map-keys") {
        let name = key.as_str().unwrap_or("");
        let Some(property) = object(items, "properties").and_then(|map| object(map, name)) else {
            continue;
        };
        let path = of_properties.key(name);
        let is_required = list(items, "required").contains(key);
        if !is_required && property.get("default").is_none_or(Value::is_null) {
            errors.required(
                &path.child("default"),
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a \
                 required property",
            );
        }
        if is_true(property, "nullable") {
            errors.forbidden(
                &path.child("nullable"),
                "this property is in x-kubernetes-list-map-keys, so it cannot be nullable",
            );
        }
    }
}

//! The fields that an applied object speaks of, and what is wrong with it as one.
//!
//! *Upstream:* `structured-merge-diff/typed/{tofieldset,validate}.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::field_set::FieldSet;
use super::place::{self, Form, Place};
use super::step::Step;
use crate::patch::{go_print, go_syntax};
use crate::schema::{Format, Shape};

/// Every field that an object sets.
pub(super) fn fields<'v>(place: Place<'_>, object: &'v Map<String, Value>) -> FieldSet<'v> {
    let mut set = FieldSet::default();
    for (name, value) in object {
        let Some(child) = place.child(name) else {
            continue;
        };
        let is_empty = value.as_object().is_some_and(Map::is_empty);
        if value.is_null() || is_empty || is_leaf(child, value) || !place.declares(name) {
            set.insert(Step::field(name));
        }
        set.insert_under(Step::field(name), fields_of(child, value));
    }
    set
}

/// Every field that a value sets.
fn fields_of<'v>(place: Place<'_>, value: &'v Value) -> FieldSet<'v> {
    match (place.form(value), value) {
        (Form::Map, Value::Object(map)) => fields(place, map),
        (Form::List(keys), Value::Array(items)) => {
            let mut set = FieldSet::default();
            for (step, item) in unique(place::steps(place, keys, items)) {
                set.insert(step.clone());
                if let Some(item) = item {
                    set.insert_under(step, fields_of(place.item(), item));
                }
            }
            set
        }
        _ => FieldSet::default(),
    }
}

/// Whether a value is owned as a whole.
fn is_leaf(place: Place<'_>, value: &Value) -> bool {
    matches!(place.form(value), Form::Leaf)
}

/// Each step once; without its item where several items have it.
fn unique<'v>(steps: Vec<(Step<'v>, &'v Value)>) -> Vec<(Step<'v>, Option<&'v Value>)> {
    let mut out: Vec<(Step<'v>, Option<&Value>)> = Vec::with_capacity(steps.len());
    for (step, item) in steps {
        match out.iter_mut().find(|(other, _)| *other == step) {
            Some((_, other)) => *other = None,
            None => out.push((step, Some(item))),
        }
    }
    out
}

/// What is wrong with an applied object by its schema, in one text; `None` where nothing is.
pub(super) fn wrong(place: Place<'_>, object: &Map<String, Value>) -> Option<String> {
    let mut errors = Vec::new();
    check_fields(place, object, "", &mut errors);
    match errors.len() {
        0 => None,
        1 => errors.pop(),
        _ => Some(format!("errors:\n  {}", errors.join("\n  "))),
    }
}

fn check(place: Place<'_>, value: &Value, path: &str, errors: &mut Vec<String>) {
    let said = |why: String| {
        if path.is_empty() {
            why
        } else {
            format!("{path}: {why}")
        }
    };
    if value.is_null() {
        return;
    }
    let Some(node) = place.node else { return };
    match (&node.shape, value) {
        (Shape::Struct(_) | Shape::Map(_), Value::Object(map)) => {
            check_fields(place, map, path, errors);
        }
        (Shape::Struct(_) | Shape::Map(_), other) => {
            errors.push(said(format!("expected map, got &{{{}}}", go_print(other))));
        }
        (Shape::List(_), Value::Array(items)) => check_items(place, value, items, path, errors),
        (Shape::List(_), other) => {
            errors.push(said(format!("expected list, got &{{{}}}", go_print(other))));
        }
        (Shape::Boolean, other) if !other.is_boolean() => {
            let shown = go_print(other);
            errors.push(said(format!("expected boolean, got &{{{shown}}}")));
        }
        (Shape::Integer(_) | Shape::Number, other) if !other.is_number() => {
            let found = go_type(other);
            errors.push(said(format!(
                "expected numeric (int or float), got {found}"
            )));
        }
        // A quantity may be written as a number.
        (Shape::String(Format::Quantity), other) => check_scalar(other, said, errors),
        // A time is of no type until it is decoded.
        (Shape::String(Format::DateTime | Format::MicroTime), _) => {}
        (Shape::String(_), other) if !other.is_string() => {
            errors.push(said(format!(
                "expected string, got &value.valueUnstructured{{Value:{}}}",
                go_syntax(other)
            )));
        }
        _ => {}
    }
}

fn check_scalar(value: &Value, said: impl Fn(String) -> String, errors: &mut Vec<String>) {
    if value.is_object() || value.is_array() {
        let shown = go_print(value);
        errors.push(said(format!("expected any scalar, got &{{{shown}}}")));
    }
}

fn check_fields(place: Place<'_>, map: &Map<String, Value>, path: &str, errors: &mut Vec<String>) {
    for (name, value) in map {
        let path = format!("{path}.{name}");
        let Some(child) = place.child(name) else {
            // Upstream looks no further then.
            errors.push(format!("{path}: field not declared in schema"));
            return;
        };
        check(child, value, &path, errors);
    }
}

fn check_items(
    place: Place<'_>,
    value: &Value,
    items: &[Value],
    path: &str,
    errors: &mut Vec<String>,
) {
    let Form::List(keys) = place.form(value) else {
        for (index, item) in items.iter().enumerate() {
            check(place.item(), item, &format!("{path}[{index}]"), errors);
        }
        return;
    };
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        match place.step(keys, item) {
            Ok(step) => {
                let shown = step.shown();
                check(place.item(), item, &format!("{path}{shown}"), errors);
                if !seen.insert(step) {
                    errors.push(format!("{path}: duplicate entries for key {shown}"));
                }
            }
            Err(why) => {
                errors.push(format!("{path}: element {index}: {why}"));
                return;
            }
        }
    }
}

/// The type of a decoded value in Go.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// The set with every named field on the way to its fields.
pub(super) fn with_named_fields<'s>(place: Place<'_>, set: &FieldSet<'s>) -> FieldSet<'s> {
    let mut out = FieldSet::default();
    for (step, is_member, children) in set.entries() {
        let (child, is_named) = match step.name() {
            Some(name) => (place.child(name), place.declares(name)),
            None => (Some(place.item()), false),
        };
        let has_children = !children.is_empty();
        if is_member || (is_named && has_children) {
            out.insert(step.clone());
        }
        if has_children {
            let children = child.map_or_else(
                || children.clone(),
                |child| with_named_fields(child, children),
            );
            out.insert_under(step.clone(), children);
        }
    }
    out
}

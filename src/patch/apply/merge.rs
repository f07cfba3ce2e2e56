//! The live object with an applied one laid over it, and fields taken out of an object.
//!
//! *Upstream:* `structured-merge-diff/typed/{merge,remove}.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::field_set::{FieldSet, field};
use super::place::{self, Form, Place};
use crate::schema::Text;

/// What stands where the live value and the applied one meet.
pub(super) fn values(place: Place<'_>, live: &Value, applied: &Value) -> Value {
    match (place.form(applied), live, applied) {
        (Form::Map, Value::Object(live), Value::Object(applied)) => {
            Value::Object(maps(place, live, applied))
        }
        (Form::List(keys), Value::Array(live), Value::Array(applied)) => {
            Value::Array(lists(place, keys, live, applied))
        }
        // A null says nothing of what is owned piece by piece.
        (_, Value::Object(_) | Value::Array(_), Value::Null) => match place.form(live) {
            Form::Leaf => Value::Null,
            _ => live.clone(),
        },
        _ => applied.clone(),
    }
}

fn maps(
    place: Place<'_>,
    live: &Map<String, Value>,
    applied: &Map<String, Value>,
) -> Map<String, Value> {
    let mut out = live.clone();
    for (name, value) in applied {
        let merged = match (live.get(name), place.child(name)) {
            (Some(live), Some(child)) => values(child, live, value),
            _ => value.clone(),
        };
        out.insert(name.clone(), merged);
    }
    out
}

/// The items of both: those applied in their order, the others where they stood among them.
fn lists(place: Place<'_>, keys: &[Text], live: &[Value], applied: &[Value]) -> Vec<Value> {
    let left = place::steps(place, keys, live);
    let right = place::steps(place, keys, applied);
    let by_step = |steps: &[(String, &Value)]| -> BTreeMap<String, Option<Value>> {
        let mut map = BTreeMap::new();
        for (step, item) in steps {
            // What is there twice is not merged with.
            map.entry(step.clone())
                .and_modify(|item| *item = None)
                .or_insert_with(|| Some((*item).clone()));
        }
        map
    };
    let (of_live, of_applied) = (by_step(&left), by_step(&right));
    let merged = |step: &str, applied: &Value| match of_live.get(step) {
        Some(Some(live)) => values(place.item(), live, applied),
        _ => applied.clone(),
    };
    let mut shared = right
        .iter()
        .map(|(step, _)| step)
        .filter(|step| of_live.contains_key(*step));
    let mut next_shared = shared.next();
    let mut done: Vec<&str> = Vec::new();
    let (mut l, mut r) = (0, 0);
    let mut out = Vec::with_capacity(left.len().max(right.len()));
    while l < left.len() || r < right.len() {
        if let (Some((step, _)), Some((other, item))) = (left.get(l), right.get(r)) {
            if step == other {
                done.push(step);
                out.push(merged(step, item));
                (l, r) = (l + 1, r + 1);
                next_shared = shared.next();
                continue;
            }
            let is_wanted = next_shared.is_none_or(|next| next == step);
            if of_applied.contains_key(step) && !is_wanted {
                // It comes with another of the applied items.
                l += 1;
                continue;
            }
        }
        if let Some((step, item)) = left.get(l) {
            if !of_applied.contains_key(step) {
                out.push((*item).clone());
                l += 1;
                continue;
            }
            if done.contains(&step.as_str()) {
                l += 1;
            }
        }
        if let Some((step, item)) = right.get(r) {
            done.push(step);
            out.push(merged(step, item));
            r += 1;
            if next_shared.is_some_and(|next| next == step) {
                next_shared = shared.next();
            }
        }
    }
    out
}

/// A value without some of its fields; null where nothing is left of it.
pub(super) fn without(place: Place<'_>, value: &Value, fields: &FieldSet) -> Value {
    match (place.form(value), value) {
        (Form::Map, Value::Object(map)) => {
            let mut out = Map::new();
            for (name, value) in map {
                let step = field(name);
                if fields.has(&step) {
                    continue;
                }
                let kept = match (fields.under(&step), place.child(name)) {
                    (Some(inner), Some(child)) => without(child, value, inner),
                    _ => value.clone(),
                };
                out.insert(name.clone(), kept);
            }
            if out.is_empty() {
                Value::Null
            } else {
                Value::Object(out)
            }
        }
        (Form::List(keys), Value::Array(items)) => {
            let mut out = Vec::new();
            for item in items {
                let Ok(step) = place.step(keys, item) else {
                    out.push(item.clone());
                    continue;
                };
                if fields.has(&step) {
                    continue;
                }
                out.push(match fields.under(&step) {
                    Some(inner) => without(place.item(), item, inner),
                    None => item.clone(),
                });
            }
            if out.is_empty() {
                Value::Null
            } else {
                Value::Array(out)
            }
        }
        // What is owned as a whole has no fields of its own to lose.
        _ => Value::Null,
    }
}

//! The live object with an applied one laid over it, and fields taken out of an object.
//!
//! *Upstream:* `structured-merge-diff/typed/{merge,remove}.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::field_set::FieldSet;
use super::place::{self, Form, Place};
use super::step::Step;
use crate::schema::Text;

/// Lays an applied object over the live one.
pub(super) fn maps(place: Place<'_>, live: &mut Map<String, Value>, applied: &Map<String, Value>) {
    for (name, value) in applied {
        match (live.get_mut(name), place.child(name)) {
            (Some(live), Some(child)) => values(child, live, value),
            (Some(live), None) => *live = value.clone(),
            (None, _) => {
                live.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Lays an applied value over the live one.
fn values(place: Place<'_>, live: &mut Value, applied: &Value) {
    match (place.form(applied), &mut *live, applied) {
        (Form::Map, Value::Object(live), Value::Object(applied)) => maps(place, live, applied),
        (Form::List(keys), Value::Array(items), Value::Array(applied)) => {
            *items = lists(place, keys, items, applied);
        }
        // A null says nothing of what is owned piece by piece, unless there are no pieces.
        (_, Value::Object(_) | Value::Array(_), Value::Null) => {
            if is_empty(live) || matches!(place.form(live), Form::Leaf) {
                *live = Value::Null;
            }
        }
        _ => *live = applied.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The items of both: those applied in their order, the others where they stood among them.
fn lists(place: Place<'_>, keys: &[Text], live: &[Value], applied: &[Value]) -> Vec<Value> {
    let left = place::steps(place, keys, live);
    let right = place::steps(place, keys, applied);
    let (of_live, of_applied) = (by_step(&left), by_step(&right));
    let merged = |step: &Step<'_>, applied: &Value| {
        let Some(Some(live)) = of_live.get(step) else {
            return applied.clone();
        };
        let mut live = Value::clone(live);
        values(place.item(), &mut live, applied);
        live
    };
    let mut shared = right
        .iter()
        .map(|(step, _)| step)
        .filter(|step| of_live.contains_key(*step));
    let mut next_shared = shared.next();
    let mut done: Vec<&Step<'_>> = Vec::new();
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
            if done.contains(&step) {
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

/// The items by their steps; none of those that are there twice, which are not merged with.
fn by_step<'s, 'v>(
    steps: &'s [(Step<'static>, &'v Value)],
) -> BTreeMap<&'s Step<'static>, Option<&'v Value>> {
    let mut map = BTreeMap::new();
    for (step, item) in steps {
        map.entry(step)
            .and_modify(|item| *item = None)
            .or_insert(Some(*item));
    }
    map
}

/// An object without some of its fields.
pub(super) fn without(
    place: Place<'_>,
    object: &Map<String, Value>,
    fields: &FieldSet<'_>,
) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in object {
        let step = Step::field(name);
        if fields.has(&step) {
            continue;
        }
        let kept = match (fields.under(&step), place.child(name)) {
            (Some(inner), Some(child)) => value_without(child, value, inner),
            _ => value.clone(),
        };
        out.insert(name.clone(), kept);
    }
    out
}

/// A value without some of its fields; null where nothing is left of it.
fn value_without(place: Place<'_>, value: &Value, fields: &FieldSet<'_>) -> Value {
    match (place.form(value), value) {
        (Form::Map, Value::Object(map)) => {
            let out = without(place, map, fields);
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
                    Some(inner) => value_without(place.item(), item, inner),
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

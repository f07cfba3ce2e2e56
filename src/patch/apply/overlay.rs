//! A partial object laid over a whole one, field by field, whoever owns what: what a policy's
//! apply configuration does.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/policy/mutating/patch/smd.go`.

use serde_json::Value;

use super::place::{Form, Place};
use super::{merge, own};
use crate::object::Object;
use crate::patch::go_print;
use crate::schema::Schema;

/// The object with the partial one laid over it, or why it cannot be.
pub fn overlay(live: &Object, partial: &Value, schema: &Schema) -> Result<Object, String> {
    let place = Place::root(schema);
    let untyped = |why: &str| format!("failed to convert patch object to typed object: {why}");
    let Value::Object(fields) = partial else {
        return Err(untyped(&format!(
            "expected map, got &{{{}}}",
            go_print(partial)
        )));
    };
    if let Some(why) = own::wrong(place, fields) {
        return Err(untyped(&why));
    }
    let mut atomic = Vec::new();
    find_atomic(place, partial, "", &mut atomic);
    if !atomic.is_empty() {
        return Err(format!(
            "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {}",
            atomic.join(", ")
        ));
    }
    let mut merged = live.clone();
    merge::maps(place, merged.as_map_mut(), fields);
    Ok(merged)
}

/// Paths of lists and maps that are set as a whole: what is not named of them would be lost.
fn find_atomic(place: Place<'_>, value: &Value, path: &str, found: &mut Vec<String>) {
    let form = place.form(value);
    match value {
        Value::Object(map) => {
            if matches!(form, Form::Leaf) {
                found.push(path.to_owned());
            }
            for (name, value) in map {
                if let Some(child) = place.child(name) {
                    find_atomic(child, value, &format!("{path}.{name}"), found);
                }
            }
        }
        Value::Array(items) => {
            if matches!(form, Form::Leaf) {
                found.push(path.to_owned());
            }
            for (index, item) in items.iter().enumerate() {
                find_atomic(place.item(), item, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

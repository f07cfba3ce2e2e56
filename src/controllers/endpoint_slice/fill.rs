//! Which endpoint stands in which slice: where it stood before, else where there is room.
//!
//! *Upstream:* `endpointslice/reconciler.go` (`reconcileByPortMapping`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Change, slice};
use crate::object::Object;

/// So many endpoints stand in a slice; `--max-endpoints-per-slice`.
const ENDPOINTS_MAX: usize = 100;

/// Endpoints by the uid of their pod.
pub(super) type Endpoints = BTreeMap<String, Value>;

/// Brings slices with the same ports to what they should hold.
pub(super) fn fill(
    change: &mut Change,
    service: &Object,
    known: &[Arc<Object>],
    mut wanted: Endpoints,
    empty: &Object,
) {
    let labels = slice::labels(service);
    let mut changed: Vec<Object> = Vec::new();
    let mut unchanged: Vec<&Arc<Object>> = Vec::new();
    for one in known {
        let before = one.items(&["endpoints"]);
        let after: Vec<Value> = before
            .iter()
            .filter_map(|endpoint| wanted.remove(endpoint["targetRef"]["uid"].as_str()?))
            .collect();
        if after.is_empty() && !before.is_empty() {
            change.delete.push(Arc::clone(one));
        } else if after != before || one.get(&["metadata", "labels"]) != Some(&labels) {
            let mut object = Object::clone(one);
            object.set(&["endpoints"], after);
            object.set(&["metadata", "labels"], labels.clone());
            changed.push(object);
        } else {
            unchanged.push(one);
        }
    }
    // The fullest first.
    changed.sort_by_key(|object| std::cmp::Reverse(object.items(&["endpoints"]).len()));
    for object in &mut changed {
        add(object, &mut wanted);
    }
    while !wanted.is_empty() {
        let mut object = match room_for(&mut unchanged, wanted.len()) {
            Some(known) => Object::clone(&known),
            None => empty.clone(),
        };
        add(&mut object, &mut wanted);
        if object.name().is_empty() {
            change.create.push(object);
        } else {
            changed.push(object);
        }
    }
    change.update.append(&mut changed);
}

/// Moves endpoints into a slice until it is full.
fn add(slice: &mut Object, wanted: &mut Endpoints) {
    let mut endpoints = slice.items(&["endpoints"]).to_vec();
    while endpoints.len() < ENDPOINTS_MAX
        && let Some((_, endpoint)) = wanted.pop_first()
    {
        endpoints.push(endpoint);
    }
    slice.set(&["endpoints"], endpoints);
}

/// Takes the slice out that so many more endpoints fill best.
fn room_for(unchanged: &mut Vec<&Arc<Object>>, count: usize) -> Option<Arc<Object>> {
    if count >= ENDPOINTS_MAX {
        return None;
    }
    let total = |slice: &Object| slice.items(&["endpoints"]).len() + count;
    let fits = |slice: &&Arc<Object>| total(slice) <= ENDPOINTS_MAX;
    let best = unchanged
        .iter()
        .copied()
        .filter(fits)
        .max_by_key(|slice| total(slice))?;
    let best = Arc::clone(best);
    unchanged.retain(|slice| !Arc::ptr_eq(slice, &best));
    Some(best)
}

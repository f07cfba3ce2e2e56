//! What changed between two states of an object, field by field.
//!
//! *Upstream:* `structured-merge-diff/typed/compare.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::field_set::{FieldSet, field};
use super::place::{self, Form, Place};

/// The fields that changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Comparison {
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) added: FieldSet,
}

impl Comparison {
    /// Without some fields and all under them.
    pub(super) fn without(self, ignored: &FieldSet) -> Self {
        if ignored.is_empty() {
            return self;
        }
        Self {
            removed: self.removed.without_trees(ignored),
            modified: self.modified.without_trees(ignored),
            added: self.added.without_trees(ignored),
        }
    }

    /// Enters what changed in the value under a step.
    fn enter(&mut self, step: &str, change: Change) {
        let Change { own, inner } = change;
        match own {
            Own::Same => {}
            Own::Removed => self.removed.insert(step),
            Own::Modified => self.modified.insert(step),
            Own::Added => self.added.insert(step),
        }
        if let Some(inner) = inner {
            self.removed.insert_under(step, inner.removed);
            self.modified.insert_under(step, inner.modified);
            self.added.insert_under(step, inner.added);
        }
    }
}

/// What became of a value itself.
enum Own {
    Same,
    Removed,
    Modified,
    Added,
}

/// What became of a value, and of what is in it.
struct Change {
    own: Own,
    inner: Option<Comparison>,
}

/// Compares two states of an object.
pub(super) fn objects(
    place: Place<'_>,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Comparison {
    let mut out = Comparison::default();
    for (name, old) in old {
        if let Some(child) = place.child(name) {
            out.enter(&field(name), values(child, Some(old), new.get(name)));
        }
    }
    for (name, new) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        if let Some(child) = place.child(name) {
            out.enter(&field(name), values(child, None, Some(new)));
        }
    }
    out
}

fn values(place: Place<'_>, old: Option<&Value>, new: Option<&Value>) -> Change {
    if old == new {
        return Change {
            own: Own::Same,
            inner: None,
        };
    }
    let form = |value: Option<&Value>| value.map_or(Form::Leaf, |value| place.form(value));
    // Where anything may stand, the new value says how it is owned.
    let own_form = match form(new.or(old)) {
        Form::Leaf => form(old),
        other => other,
    };
    let is_empty = |value: Option<&Value>| match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    let inner = match own_form {
        Form::Leaf => None,
        _ if is_empty(old) && is_empty(new) => None,
        Form::Map => Some(maps(place, old, new)),
        Form::List(keys) => Some(lists(place, keys, old, new)),
    };
    let own = match (old, new) {
        (None, Some(_)) => Own::Added,
        (Some(_), None) => Own::Removed,
        _ if inner.is_none() => Own::Modified,
        _ => Own::Same,
    };
    Change { own, inner }
}

fn maps(place: Place<'_>, old: Option<&Value>, new: Option<&Value>) -> Comparison {
    let mut out = Comparison::default();
    let in_new = |name: &str| new.and_then(|new| new.get(name));
    for (name, step, old) in place::fields(old) {
        if let Some(child) = place.child(name) {
            out.enter(&step, values(child, Some(old), in_new(name)));
        }
    }
    for (name, step, new) in place::fields(new) {
        if old.and_then(|old| old.get(name)).is_none()
            && let Some(child) = place.child(name)
        {
            out.enter(&step, values(child, None, Some(new)));
        }
    }
    out
}

fn lists(
    place: Place<'_>,
    keys: &[crate::schema::Text],
    old: Option<&Value>,
    new: Option<&Value>,
) -> Comparison {
    let mut both: BTreeMap<String, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for (step, item) in place::steps(place, keys, items(old)) {
        both.entry(step).or_default().0.push(item);
    }
    for (step, item) in place::steps(place, keys, items(new)) {
        both.entry(step).or_default().1.push(item);
    }
    let item = place.item();
    let mut out = Comparison::default();
    for (step, (old, new)) in both {
        match (old.as_slice(), new.as_slice()) {
            ([] | [_], [] | [_]) => {
                let (old, new) = (old.first().copied(), new.first().copied());
                out.enter(&step, values(item, old, new));
            }
            // Items that are the same by their key are compared as one.
            ([_, _, ..], [_, _, ..]) if old == new => {}
            ([_, _, ..], [_, _, ..]) => out.modified.insert(&step),
            ([_, _, ..], rest) => {
                if let Some(new) = rest.first() {
                    out.enter(&step, values(item, None, Some(new)));
                }
                out.removed.insert(&step);
            }
            (rest, _) => {
                if let Some(old) = rest.first() {
                    out.enter(&step, values(item, Some(old), None));
                }
                out.added.insert(&step);
            }
        }
    }
    out
}

/// The items of a list; none where it is no list.
fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

//! What changed between two states of an object, field by field.
//!
//! *Invariant:* what did not change is passed over without looking into it twice.
//! *Upstream:* `structured-merge-diff/typed/compare.go`.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::field_set::FieldSet;
use super::place::{self, Form, Place};
use super::step::Step;

/// The fields that changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Comparison<'v> {
    pub(super) removed: FieldSet<'v>,
    pub(super) modified: FieldSet<'v>,
    pub(super) added: FieldSet<'v>,
}

impl<'v> Comparison<'v> {
    /// Without some fields and all under them.
    fn without(mut self, ignored: &FieldSet<'_>) -> Self {
        if !ignored.is_empty() {
            self.removed.remove_trees(ignored);
            self.modified.remove_trees(ignored);
            self.added.remove_trees(ignored);
        }
        self
    }

    /// Compares two values under a step, the field of a name.
    fn compare(
        &mut self,
        place: Place<'_>,
        step: Step<'v>,
        name: &str,
        (old, new): (Option<&'v Value>, Option<&'v Value>),
    ) {
        if old != new
            && let Some(child) = place.child(name)
        {
            self.enter(step, values(child, old, new));
        }
    }

    /// Enters what changed in the value under a step.
    fn enter(&mut self, step: Step<'v>, change: Change<'v>) {
        let Change { own, inner } = change;
        let own = match own {
            Own::Same => None,
            Own::Removed => Some(&mut self.removed),
            Own::Modified => Some(&mut self.modified),
            Own::Added => Some(&mut self.added),
        };
        if let Some(own) = own {
            own.insert(step.clone());
        }
        if let Some(inner) = inner {
            self.removed.insert_under(step.clone(), inner.removed);
            self.modified.insert_under(step.clone(), inner.modified);
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
struct Change<'v> {
    own: Own,
    inner: Option<Comparison<'v>>,
}

/// Compares two states of an object, but for some fields.
pub(super) fn objects<'v>(
    place: Place<'_>,
    old: &'v Map<String, Value>,
    new: &'v Map<String, Value>,
    ignored: &FieldSet<'_>,
) -> Comparison<'v> {
    let mut out = Comparison::default();
    for (name, old, new) in paired(Some(old), Some(new)) {
        let step = Step::field(name);
        if !ignored.has(&step) {
            out.compare(place, step, name, (old, new));
        }
    }
    out.without(ignored)
}

fn values<'v>(place: Place<'_>, old: Option<&'v Value>, new: Option<&'v Value>) -> Change<'v> {
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
        Form::Map => Some(maps(
            place,
            old.and_then(Value::as_object),
            new.and_then(Value::as_object),
        )),
        Form::List(keys) => Some(lists(place, keys, old, new)),
    };
    // Where anything may stand, a scalar or a list may take a map's place.
    let is_whole = |value: &Value| !value.is_null() && matches!(place.form(value), Form::Leaf);
    let own = match (old, new) {
        (None, Some(_)) => Own::Added,
        (Some(_), None) => Own::Removed,
        _ if inner.is_none() => Own::Modified,
        (Some(old), Some(new)) if is_whole(old) || is_whole(new) => Own::Modified,
        _ => Own::Same,
    };
    Change { own, inner }
}

fn maps<'v>(
    place: Place<'_>,
    old: Option<&'v Map<String, Value>>,
    new: Option<&'v Map<String, Value>>,
) -> Comparison<'v> {
    if let (None, Some(new)) = (old, new) {
        return Comparison {
            added: added_fields(place, new),
            ..Comparison::default()
        };
    }
    let mut out = Comparison::default();
    for (name, old, new) in paired(old, new) {
        out.compare(place, Step::field(name), name, (old, new));
    }
    out
}

/// The fields of an object that is new, which are all added: the larger part of every creation.
fn added_fields<'v>(place: Place<'_>, new: &'v Map<String, Value>) -> FieldSet<'v> {
    let mut out = FieldSet::with_capacity(new.len());
    for (name, value) in new {
        if let Some(child) = place.child(name) {
            out.push(Step::field(name), added(child, value));
        }
    }
    out
}

/// The fields of a value that is new.
fn added<'v>(place: Place<'_>, new: &'v Value) -> FieldSet<'v> {
    match (place.form(new), new) {
        (Form::Map, Value::Object(map)) => added_fields(place, map),
        (Form::List(keys), Value::Array(items)) if !items.is_empty() => {
            lists(place, keys, None, Some(new)).added
        }
        _ => FieldSet::default(),
    }
}

/// The fields of two maps, each name once with its two values.
fn paired<'v>(
    old: Option<&'v Map<String, Value>>,
    new: Option<&'v Map<String, Value>>,
) -> impl Iterator<Item = (&'v str, Option<&'v Value>, Option<&'v Value>)> {
    let mut old = old.into_iter().flatten().peekable();
    let mut new = new.into_iter().flatten().peekable();
    std::iter::from_fn(move || {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if order.is_le() { old.next() } else { None };
        let new = if order.is_ge() { new.next() } else { None };
        let (name, _) = old.or(new)?;
        Some((name.as_str(), old.map(|(_, v)| v), new.map(|(_, v)| v)))
    })
}

/// The items of a list in the order of their steps.
fn sorted<'v>(
    place: Place<'_>,
    keys: &[crate::schema::Text],
    list: Option<&'v Value>,
) -> Vec<(Step<'v>, &'v Value)> {
    let items = list
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let mut steps = place::steps(place, keys, items);
    steps.sort_by(|a, b| a.0.cmp(&b.0));
    steps
}

/// The items at the front that have a step.
fn take<'s, 'v>(
    items: &mut &'s [(Step<'v>, &'v Value)],
    step: &Step<'_>,
) -> &'s [(Step<'v>, &'v Value)] {
    let count = items.iter().take_while(|(own, _)| own == step).count();
    let (taken, rest) = items.split_at(count);
    *items = rest;
    taken
}

fn lists<'v>(
    place: Place<'_>,
    keys: &[crate::schema::Text],
    old: Option<&'v Value>,
    new: Option<&'v Value>,
) -> Comparison<'v> {
    let (old, new) = (sorted(place, keys, old), sorted(place, keys, new));
    let (mut old, mut new) = (old.as_slice(), new.as_slice());
    let item = place.item();
    let mut out = Comparison::default();
    loop {
        let step = match (old.first(), new.first()) {
            (None, None) => return out,
            (Some((step, _)), None) | (None, Some((step, _))) => step,
            (Some((old, _)), Some((new, _))) => old.min(new),
        }
        .clone();
        let (old, new) = (take(&mut old, &step), take(&mut new, &step));
        match (old, new) {
            ([] | [_], [] | [_]) => {
                let (old, new) = (old.first(), new.first());
                let (old, new) = (old.map(|(_, v)| *v), new.map(|(_, v)| *v));
                if old != new {
                    out.enter(step, values(item, old, new));
                }
            }
            // Items that are the same by their key are compared as one.
            ([_, _, ..], [_, _, ..]) if old == new => {}
            ([_, _, ..], [_, _, ..]) => out.modified.insert(step),
            ([_, _, ..], rest) => {
                if let Some((_, new)) = rest.first() {
                    out.enter(step.clone(), values(item, None, Some(*new)));
                }
                out.removed.insert(step);
            }
            (rest, _) => {
                if let Some((_, old)) = rest.first() {
                    out.enter(step.clone(), values(item, Some(*old), None));
                }
                out.added.insert(step);
            }
        }
    }
}

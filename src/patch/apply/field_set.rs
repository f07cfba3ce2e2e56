//! Sets of fields: who owns what, as `metadata.managedFields` writes it (`FieldsV1`).
//!
//! A step of a path is kept as the text it is written with: `f:name` is a field, `k:{…}` the list
//! item with these keys, `v:…` the item with this value.
//!
//! *Upstream:* `structured-merge-diff/fieldpath/{set,serialize,element}.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::patch::go_print;

/// A set of fields of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(BTreeMap<Box<str>, Entry>);

/// A field that is in the set, or has fields that are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    is_member: bool,
    children: FieldSet,
}

impl Entry {
    fn is_empty(&self) -> bool {
        !self.is_member && self.children.is_empty()
    }
}

impl FieldSet {
    /// A set from its written form.
    pub fn from_json(fields: &Map<String, Value>) -> Self {
        let mut set = Self::default();
        for (step, value) in fields {
            if step == "." {
                continue;
            }
            let children = value.as_object();
            let inner = children.map(Self::from_json).unwrap_or_default();
            let is_member = inner.is_empty() || children.is_some_and(|map| map.contains_key("."));
            let entry = Entry {
                is_member,
                children: inner,
            };
            set.0.insert(step.as_str().into(), entry);
        }
        set
    }

    /// The written form.
    pub fn to_json(&self) -> Map<String, Value> {
        let written = |step: &str, entry: &Entry| {
            let mut inner = entry.children.to_json();
            if entry.is_member && !inner.is_empty() {
                inner.insert(".".to_owned(), Value::Object(Map::new()));
            }
            (step.to_owned(), Value::Object(inner))
        };
        self.0
            .iter()
            .map(|(step, entry)| written(step, entry))
            .collect()
    }

    /// Whether no field is in it.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(Entry::is_empty)
    }

    /// Puts in the field that `step` leads to.
    pub fn insert(&mut self, step: &str) {
        self.0.entry(step.into()).or_default().is_member = true;
    }

    /// Puts in fields under `step`.
    pub(super) fn insert_under(&mut self, step: &str, children: Self) {
        if children.is_empty() {
            return;
        }
        let entry = self.0.entry(step.into()).or_default();
        entry.children.extend(children);
    }

    /// Takes out a field by its whole path; what lies under it stays.
    pub(super) fn remove_path(&mut self, path: &[&str]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let Some(entry) = self.0.get_mut(*first) else {
            return;
        };
        if rest.is_empty() {
            entry.is_member = false;
        } else {
            entry.children.remove_path(rest);
        }
        if entry.is_empty() {
            self.0.remove(*first);
        }
    }

    /// Puts in all fields of another.
    pub(super) fn extend(&mut self, other: Self) {
        if self.0.is_empty() {
            *self = other;
            return;
        }
        for (step, entry) in other.0 {
            let own = self.0.entry(step).or_default();
            own.is_member |= entry.is_member;
            own.children.extend(entry.children);
        }
    }

    /// Whether the field that `step` leads to is in it.
    pub(super) fn has(&self, step: &str) -> bool {
        self.0.get(step).is_some_and(|entry| entry.is_member)
    }

    /// The fields under `step`.
    pub(super) fn under(&self, step: &str) -> Option<&Self> {
        self.0
            .get(step)
            .map(|entry| &entry.children)
            .filter(|children| !children.is_empty())
    }

    fn combine(&self, other: &Self, keep: fn(bool, bool) -> bool, own_alone: bool) -> Self {
        let mut set = Self::default();
        for (step, entry) in &self.0 {
            let entry = match other.0.get(step) {
                Some(theirs) => Entry {
                    is_member: keep(entry.is_member, theirs.is_member),
                    children: entry.children.combine(&theirs.children, keep, own_alone),
                },
                None if own_alone => entry.clone(),
                None => continue,
            };
            if !entry.is_empty() {
                set.0.insert(step.clone(), entry);
            }
        }
        set
    }

    /// What is in both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |own, theirs| own && theirs, false)
    }

    /// What is in this one alone.
    pub(super) fn difference(&self, other: &Self) -> Self {
        self.combine(other, |own, theirs| own && !theirs, true)
    }

    /// What is in either.
    pub(super) fn union(&self, other: &Self) -> Self {
        let mut set = self.clone();
        set.extend(other.clone());
        set
    }

    /// Without the fields of another and everything under them.
    pub(super) fn without_trees(&self, other: &Self) -> Self {
        let mut set = Self::default();
        for (step, entry) in &self.0 {
            let entry = match other.0.get(step) {
                Some(theirs) if theirs.is_member => continue,
                Some(theirs) => Entry {
                    is_member: entry.is_member,
                    children: entry.children.without_trees(&theirs.children),
                },
                None => entry.clone(),
            };
            if !entry.is_empty() {
                set.0.insert(step.clone(), entry);
            }
        }
        set
    }

    /// The steps with their sets, to walk along.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, bool, &Self)> {
        self.0
            .iter()
            .map(|(step, entry)| (step.as_ref(), entry.is_member, &entry.children))
    }

    /// Every field's path as messages write it: `.spec.containers[name="a"].image`.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    /// Members of a level come before what lies under them.
    fn collect_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        let path = |step| format!("{prefix}{}", shown(step));
        paths.extend(
            self.0
                .iter()
                .filter(|(_, entry)| entry.is_member)
                .map(|(step, _)| path(step)),
        );
        for (step, entry) in &self.0 {
            if !entry.children.is_empty() {
                entry.children.collect_paths(&path(step), paths);
            }
        }
    }
}

/// The step to a field.
pub(super) fn field(name: &str) -> String {
    format!("f:{name}")
}

/// A step as messages write it.
pub(super) fn shown(step: &str) -> String {
    let parsed = || serde_json::from_str::<Value>(&step[2..]).unwrap_or_default();
    match step.get(..2) {
        Some("f:") => format!(".{}", &step[2..]),
        Some("k:") => {
            let keys = parsed();
            let keys = keys.as_object().into_iter().flatten();
            let keys: Vec<String> = keys.map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", keys.join(","))
        }
        Some("v:") => format!("[={}]", parsed()),
        Some("i:") => format!("[{}]", &step[2..]),
        _ => go_print(&Value::from(step)),
    }
}

//! Sets of fields: who owns what, as `metadata.managedFields` writes it (`FieldsV1`).
//!
//! A set is a tree of sorted vectors, read from its text and written to it in one pass each.
//!
//! *Invariant:* no entry is empty; the entries of a level are sorted, each step once.
//! *Upstream:* `structured-merge-diff/fieldpath/{set,serialize}.go`.

use std::cmp::Ordering;

use super::step::Step;
use crate::object::json::{Malformed, Reader, Token};

/// A set of fields of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet<'a>(Vec<Entry<'a>>);

/// A field that is in the set, or has fields that are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry<'a> {
    step: Step<'a>,
    is_member: bool,
    children: FieldSet<'a>,
}

impl Entry<'_> {
    fn is_empty(&self) -> bool {
        !self.is_member && self.children.is_empty()
    }
}

impl<'a> FieldSet<'a> {
    /// An empty set with room for so many entries.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// The set of one field at the top of an object.
    pub fn of_field(name: &'a str) -> Self {
        let mut set = Self::default();
        set.insert(Step::field(name));
        set
    }

    /// The set of one field by its whole path.
    pub(super) fn of_path(path: &[Step<'a>]) -> Self {
        let mut set = Self::default();
        match path {
            [] => {}
            [last] => set.insert(last.clone()),
            [first, rest @ ..] => set.insert_under(first.clone(), Self::of_path(rest)),
        }
        set
    }

    /// Whether the field of a whole path is in it.
    pub(super) fn has_path(&self, path: &[Step<'_>]) -> bool {
        match path {
            [] => false,
            [last] => self.has(last),
            [first, rest @ ..] => self.under(first).is_some_and(|under| under.has_path(rest)),
        }
    }

    /// Puts in a field of an object: `spec`, or `metadata.labels`.
    pub fn insert_field(&mut self, path: &'a str) {
        let steps: Vec<Step<'a>> = path.split('.').map(Step::field).collect();
        self.extend(Self::of_path(&steps));
    }

    /// A set from its written form, whose opening brace is taken; and whether the field it is
    /// written for is a member itself.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<(Self, bool), Malformed> {
        let mut set = Self::default();
        let mut has_own = false;
        let mut is_first = true;
        while let Some(key) = reader.next_key(is_first)? {
            is_first = false;
            let token = reader.token()?;
            if key == "." {
                has_own = true;
                reader.skip(&token)?;
                continue;
            }
            if !Step::is_known(&key)? {
                reader.skip(&token)?;
                continue;
            }
            let (children, has_own) = match token {
                Token::Object => Self::read(reader)?,
                Token::Null => (Self::default(), false),
                _ => return Err(Malformed),
            };
            let entry = set.entry(Step::from_written(key));
            entry.is_member |= children.is_empty() || has_own;
            entry.children.extend(children);
        }
        Ok((set, has_own))
    }

    /// Writes the set; `is_member` says whether the field it is written for is one itself.
    pub(super) fn write(&self, is_member: bool, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut is_first = true;
        if is_member && !self.is_empty() {
            out.extend_from_slice(b"\".\":{}");
            is_first = false;
        }
        for entry in &self.0 {
            if !is_first {
                out.push(b',');
            }
            is_first = false;
            entry.step.write(out);
            out.push(b':');
            entry.children.write(entry.is_member, out);
        }
        out.push(b'}');
    }

    /// Whether no field is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The place of a step, or where it would be.
    fn find(&self, step: &Step<'_>) -> Result<usize, usize> {
        // Sets are mostly made in order.
        match self.0.last() {
            None => Err(0),
            Some(last) if last.step < *step => Err(self.0.len()),
            Some(_) => self.0.binary_search_by(|entry| {
                let own: &Step<'_> = &entry.step;
                own.cmp(step)
            }),
        }
    }

    /// The entry of a step, made where it is not there; the caller fills it.
    fn entry(&mut self, step: Step<'a>) -> &mut Entry<'a> {
        let place = self.find(&step).unwrap_or_else(|place| {
            let entry = Entry {
                step,
                is_member: false,
                children: Self::default(),
            };
            self.0.insert(place, entry);
            place
        });
        &mut self.0[place]
    }

    fn get(&self, step: &Step<'_>) -> Option<&Entry<'a>> {
        self.find(step).ok().map(|place| &self.0[place])
    }

    /// Puts in the field that `step` leads to.
    pub(super) fn insert(&mut self, step: Step<'a>) {
        self.entry(step).is_member = true;
    }

    /// Puts in fields under `step`.
    pub(super) fn insert_under(&mut self, step: Step<'a>, children: Self) {
        if !children.is_empty() {
            self.entry(step).children.extend(children);
        }
    }

    /// Puts in the field that `step` leads to, which comes after all that are there, and what is
    /// under it.
    pub(super) fn push(&mut self, step: Step<'a>, children: Self) {
        debug_assert!(self.0.last().is_none_or(|last| last.step < step));
        self.0.push(Entry {
            step,
            is_member: true,
            children,
        });
    }

    /// Takes out a field by its whole path; what lies under it stays.
    pub(super) fn remove_path(&mut self, path: &[Step<'_>]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let Ok(place) = self.find(first) else { return };
        let entry = &mut self.0[place];
        if rest.is_empty() {
            entry.is_member = false;
        } else {
            entry.children.remove_path(rest);
        }
        if entry.is_empty() {
            self.0.remove(place);
        }
    }

    /// Puts in all fields of another; whether there was one that it did not have.
    pub(super) fn extend(&mut self, other: Self) -> bool {
        if self.0.is_empty() {
            *self = other;
            return !self.is_empty();
        }
        let mut has_grown = false;
        for entry in other.0 {
            let own = self.entry(entry.step);
            has_grown |= entry.is_member && !own.is_member;
            own.is_member |= entry.is_member;
            has_grown |= own.children.extend(entry.children);
        }
        has_grown
    }

    /// Gives the fields under each step to `change`; where it says so, they become one field.
    pub(super) fn gather(&mut self, change: &mut dyn FnMut(&Step<'a>, &mut Self) -> bool) {
        let above = self.0.iter_mut().filter(|entry| !entry.children.is_empty());
        for entry in above {
            if change(&entry.step, &mut entry.children) {
                entry.is_member = true;
                entry.children = Self::default();
            }
        }
    }

    /// Whether the field that `step` leads to is in it.
    pub(super) fn has(&self, step: &Step<'_>) -> bool {
        self.get(step).is_some_and(|entry| entry.is_member)
    }

    /// The fields under `step`.
    pub(super) fn under(&self, step: &Step<'_>) -> Option<&Self> {
        self.get(step)
            .map(|entry| &entry.children)
            .filter(|children| !children.is_empty())
    }

    /// Takes out the fields of another; whether there was one.
    pub(super) fn remove_all(&mut self, other: &FieldSet<'_>) -> bool {
        self.remove_by(other, |entry, theirs| {
            let is_taken = entry.is_member && theirs.is_member;
            entry.is_member &= !theirs.is_member;
            is_taken | entry.children.remove_all(&theirs.children)
        })
    }

    /// Takes out the fields of another and everything under them; whether there was one.
    pub(super) fn remove_trees(&mut self, other: &FieldSet<'_>) -> bool {
        self.remove_by(other, |entry, theirs| {
            if theirs.is_member {
                entry.is_member = false;
                entry.children = FieldSet::default();
                return true;
            }
            entry.children.remove_trees(&theirs.children)
        })
    }

    /// Changes the entries that another set has too, and drops those that become empty.
    fn remove_by(
        &mut self,
        other: &FieldSet<'_>,
        mut change: impl FnMut(&mut Entry<'a>, &Entry<'_>) -> bool,
    ) -> bool {
        let mut is_changed = false;
        let mut theirs = other.0.iter().peekable();
        self.0.retain_mut(|entry| {
            while let Some(first) = theirs.peek() {
                let order: Ordering = first.step.cmp(&entry.step);
                if order == Ordering::Equal {
                    is_changed |= change(entry, first);
                    return !entry.is_empty();
                }
                if order == Ordering::Greater {
                    break;
                }
                theirs.next();
            }
            true
        });
        is_changed
    }

    /// What is in both.
    pub(super) fn intersection(&self, other: &FieldSet<'_>) -> Self {
        let mut set = Self::default();
        for entry in &self.0 {
            let Some(theirs) = other.get(&entry.step) else {
                continue;
            };
            let both = Entry {
                step: entry.step.clone(),
                is_member: entry.is_member && theirs.is_member,
                children: entry.children.intersection(&theirs.children),
            };
            if !both.is_empty() {
                set.0.push(both);
            }
        }
        set
    }

    /// What is in this one alone.
    pub(super) fn difference(mut self, other: &FieldSet<'_>) -> Self {
        self.remove_all(other);
        self
    }

    /// What is in either.
    pub(super) fn union(mut self, other: Self) -> Self {
        self.extend(other);
        self
    }

    /// The steps with their sets, to walk along.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Step<'a>, bool, &Self)> {
        self.0
            .iter()
            .map(|entry| (&entry.step, entry.is_member, &entry.children))
    }

    /// Every field's path as messages write it: `.spec.containers[name="a"].image`.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    /// Members of a level come before what lies under them.
    fn collect_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        let path = |entry: &Entry<'_>| format!("{prefix}{}", entry.step.shown());
        paths.extend(self.0.iter().filter(|entry| entry.is_member).map(path));
        for entry in &self.0 {
            if !entry.children.is_empty() {
                entry.children.collect_paths(&path(entry), paths);
            }
        }
    }
}

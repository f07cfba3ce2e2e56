//! The objects of one resource, in a persistent map: a copy is a pointer copy.
//!
//! How many each namespace has is kept along, so that a page of a list can say how many come after
//! it without looking at them.

use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;

use super::Stored;
use crate::object::Key;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    by_key: OrdMap<Key, Arc<Stored>>,
    /// How many objects a namespace has; none where it has none.
    counts: OrdMap<Box<str>, usize>,
}

impl Objects {
    /// The object under a key.
    pub fn get(&self, key: &Key) -> Option<&Arc<Stored>> {
        self.by_key.get(key)
    }

    /// How many there are in all.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// How many there are in a namespace.
    pub fn count(&self, namespace: &str) -> usize {
        self.counts.get(namespace).copied().unwrap_or(0)
    }

    /// Whether these are the very same objects: nothing was written since the other was taken.
    pub fn is_same(&self, other: &Self) -> bool {
        self.by_key.ptr_eq(&other.by_key)
    }

    /// All of them, in key order.
    pub fn values(&self) -> impl Iterator<Item = &Arc<Stored>> {
        self.by_key.values()
    }

    /// Those between two keys, in key order.
    pub(super) fn range(
        &self,
        start: Bound<Key>,
        end: Bound<Key>,
    ) -> impl Iterator<Item = &Arc<Stored>> {
        self.by_key.range((start, end)).map(|(_, stored)| stored)
    }

    /// Puts an object under a key, and returns the one that was there.
    pub(super) fn insert(&mut self, key: Key, object: Arc<Stored>) -> Option<Arc<Stored>> {
        let namespace: Box<str> = key.namespace().into();
        let previous = self.by_key.insert(key, object);
        if previous.is_none() {
            *self.counts.entry(namespace).or_default() += 1;
        }
        previous
    }

    /// Removes and returns the object under a key.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<Stored>> {
        let previous = self.by_key.remove(key)?;
        let namespace = key.namespace();
        match self.counts.get_mut(namespace) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.counts.remove(namespace);
            }
        }
        Some(previous)
    }
}

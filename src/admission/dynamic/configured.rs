//! What is configured, compiled once: made anew where one of the objects it is made of changed.

use std::sync::Arc;

use parking_lot::Mutex;

use super::GROUP;
use crate::object::{GroupResource, Object};
use crate::storage::{Objects, Reader};

/// What is made of all objects of some resources, kept while they stay as they are.
pub(super) struct Configured<T> {
    resources: Vec<GroupResource>,
    made: Mutex<Option<(Vec<Objects>, Arc<T>)>>,
}

impl<T> Configured<T> {
    /// Something to be made of these resources of the group; without an object of the first there
    /// is nothing to make.
    pub(super) fn new(plurals: &[&str]) -> Self {
        let resources = plurals
            .iter()
            .map(|plural| GroupResource::new(GROUP, *plural));
        Self {
            resources: resources.collect(),
            made: Mutex::new(None),
        }
    }

    /// Whether there is anything to make.
    pub(super) fn is_any(&self, reader: &dyn Reader) -> bool {
        let first = self.resources.first();
        first.is_some_and(|first| {
            let found = reader.snapshot(first, None);
            found.is_ok_and(|found| !found.objects.is_empty())
        })
    }

    /// What is made of the objects as they are now, each resource's in the order of their names.
    pub(super) fn get(
        &self,
        reader: &dyn Reader,
        make: impl FnOnce(Vec<Vec<Arc<Object>>>) -> T,
    ) -> Option<Arc<T>> {
        let first = self.resources.first()?;
        let first = reader.snapshot(first, None).ok()?.objects;
        if first.is_empty() {
            return None;
        }
        let mut all = vec![first];
        for resource in &self.resources[1..] {
            all.push(reader.snapshot(resource, None).ok()?.objects);
        }
        let mut made = self.made.lock();
        if let Some((known, value)) = made.as_ref()
            && known
                .iter()
                .zip(&all)
                .all(|(known, now)| known.is_same(now))
        {
            return Some(Arc::clone(value));
        }
        let objects = all
            .iter()
            .map(|objects| objects.values().map(|stored| stored.parsed()).collect());
        let value = Arc::new(make(objects.collect()));
        *made = Some((all, Arc::clone(&value)));
        Some(value)
    }
}

//! A consistent view of one resource at one revision.

use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;

use super::{Revision, Stored};
use crate::object::Key;

/// A view that does not change; making one is a pointer copy.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The revision it shows.
    pub revision: Revision,
    /// The objects in key order.
    pub objects: OrdMap<Key, Arc<Stored>>,
}

impl Snapshot {
    /// The object under a key.
    pub fn get(&self, key: &Key) -> Option<&Arc<Stored>> {
        self.objects.get(key)
    }

    /// The objects of a namespace (or of all), from a key on, in key order.
    pub fn objects(
        &self,
        namespace: Option<&str>,
        from: Option<&Key>,
    ) -> impl Iterator<Item = &Arc<Stored>> {
        let prefix = namespace
            .filter(|name| !name.is_empty())
            .map(|name| format!("{name}/"));
        let start = match (from, &prefix) {
            (Some(key), _) => Bound::Included(key.clone()),
            (None, Some(prefix)) => Bound::Included(Key::from_text(prefix)),
            (None, None) => Bound::Unbounded,
        };
        self.objects
            .range((start, Bound::Unbounded))
            .take_while(move |(key, _)| {
                prefix
                    .as_ref()
                    .is_none_or(|prefix| key.as_str().starts_with(prefix.as_str()))
            })
            .map(|(_, stored)| stored)
    }
}

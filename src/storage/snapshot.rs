//! A consistent view of one resource at one revision.

use std::ops::Bound;
use std::sync::Arc;

use super::{Objects, Revision, Stored};
use crate::object::Key;

/// A view that does not change; making one is a pointer copy.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The revision it shows.
    pub revision: Revision,
    /// The objects in key order.
    pub objects: Objects,
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
        let range = (!self.objects.is_empty()).then(|| self.range(namespace, from));
        range.into_iter().flatten()
    }

    fn range(
        &self,
        namespace: Option<&str>,
        from: Option<&Key>,
    ) -> impl Iterator<Item = &Arc<Stored>> + use<'_> {
        let namespace = namespace.filter(|name| !name.is_empty());
        let start = match (from, namespace) {
            (Some(key), _) => Bound::Included(key.clone()),
            (None, Some(name)) => Bound::Included(Key::from_text(&format!("{name}/"))),
            (None, None) => Bound::Unbounded,
        };
        // The character after the slash ends the namespace, so that no key is looked at.
        let end = namespace.map_or(Bound::Unbounded, |name| {
            Bound::Excluded(Key::from_text(&format!("{name}0")))
        });
        let is_empty = matches!((&start, &end), (Bound::Included(s), Bound::Excluded(e)) if s >= e);
        let range = (!is_empty).then(|| self.objects.range(start, end));
        range.into_iter().flatten()
    }
}

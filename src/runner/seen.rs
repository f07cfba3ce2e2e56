//! A change, as controllers are told of it.

use std::sync::Arc;

use super::{Item, Link};
use crate::object::{GroupResource, Object};
use crate::storage::{Change, ChangeKind, Stored};

/// A change of the log, with the resource it is of.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Of what.
    pub resource: GroupResource,
    /// What happened.
    pub kind: ChangeKind,
    /// The object after the change; of a removal its last state.
    pub object: Arc<Stored>,
    /// The object before the change.
    pub previous: Option<Arc<Stored>>,
    /// The owners it names; of a removal those it named at last.
    pub owners: Arc<[Link]>,
    /// The owners it named before, where it names others now or is gone.
    pub former_owners: Option<Vec<Link>>,
}

impl Seen {
    pub(super) fn of(resource: GroupResource, change: &Change) -> Self {
        Self {
            resource,
            kind: change.kind,
            object: Arc::clone(&change.object),
            previous: change.previous.clone(),
            owners: Arc::default(),
            former_owners: None,
        }
    }

    /// Whether the object is gone.
    pub fn is_gone(&self) -> bool {
        self.kind == ChangeKind::Deleted
    }

    /// The object as an item.
    pub fn item(&self) -> Item {
        Item::new(&self.resource, self.object.key.clone())
    }

    /// The object after the change, parsed.
    pub fn parsed(&self) -> Arc<Object> {
        self.object.parsed()
    }

    /// The object before the change, parsed.
    pub fn parsed_previous(&self) -> Option<Arc<Object>> {
        self.previous.as_ref().map(|stored| stored.parsed())
    }
}

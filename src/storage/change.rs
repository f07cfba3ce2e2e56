//! An entry of the log.

use std::sync::Arc;

use super::{Forms, Revision, Stored};

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The object is new.
    Added,
    /// It was there.
    Modified,
    /// It is gone.
    Deleted,
}

/// An entry of the log.
#[derive(Debug)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The object after the change; of a removal its last state, at the removal's revision.
    pub object: Arc<Stored>,
    /// The object before the change.
    pub previous: Option<Arc<Stored>>,
    /// What watchers send for it, shared by all of them.
    pub frames: Forms,
}

impl Change {
    /// A change that nobody has sent yet.
    pub fn new(kind: ChangeKind, object: Arc<Stored>, previous: Option<Arc<Stored>>) -> Self {
        Self {
            kind,
            object,
            previous,
            frames: Forms::default(),
        }
    }

    /// The revision it made.
    pub fn revision(&self) -> Revision {
        self.object.revision
    }
}

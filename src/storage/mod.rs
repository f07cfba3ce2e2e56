//! Where objects live: keys, revisions, the log.
//!
//! A write ends when the store appends it. Everything that reacts reads the log; nobody is called
//! back. What the store keeps is an object's final bytes, encoded once.
//!
//! *Invariant:* keeps values and revisions; knows no schema, no kind and no validity.
//! *Upstream:* `apiserver/pkg/storage/interfaces.go`.

pub mod error;
pub mod snapshot;
pub mod stored;
pub mod watch;

use std::sync::Arc;

pub use error::Error;
use futures_util::future::BoxFuture;
pub use snapshot::Snapshot;
pub use stored::{Draft, Stored};
pub use watch::Watch;

use crate::object::{GroupResource, Key};

/// The one counter of a store: grows by one with every write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// What must hold of the object that a write replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// There is none.
    Absent,
    /// It is at this revision.
    At(Revision),
}

/// A write: what should stand under a key.
#[derive(Debug)]
pub struct Write {
    /// The resource it is of.
    pub resource: GroupResource,
    /// Which object.
    pub key: Key,
    /// What must hold.
    pub expect: Expect,
    /// The new object, or `None` to remove it. A removal keeps the last draft for watchers in
    /// `last`.
    pub put: Option<Draft>,
    /// The final state of a removed object, where it differs from the stored one.
    pub last: Option<Draft>,
}

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
}

/// What a reader lists or watches: a resource, one namespace of it, or one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The resource.
    pub resource: GroupResource,
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Only this name.
    pub name: Option<String>,
}

/// The store, for those who may only read.
pub trait Reader: Send + Sync {
    /// The revision of the last write.
    fn revision(&self) -> Revision;

    /// The object under a key as it is now.
    fn get(&self, resource: &GroupResource, key: &Key) -> Option<Arc<Stored>>;

    /// A consistent view of one resource: now, or at a revision not yet compacted.
    ///
    /// Errors: [`Error::Compacted`], or [`Error::Future`] where the revision is not there yet.
    fn snapshot(&self, resource: &GroupResource, at: Option<Revision>) -> Result<Snapshot, Error>;

    /// The changes of a scope after a revision, in order, none missing.
    ///
    /// Errors: [`Error::Compacted`], or [`Error::Future`].
    fn watch(&self, scope: &Scope, after: Revision) -> Result<Watch, Error>;
}

/// The store, for the one who writes.
pub trait Store: Reader {
    /// Appends a write and returns what is stored now; of a removal, the object's last state at
    /// the removal's revision.
    ///
    /// Errors: [`Error::Exists`], [`Error::Missing`], [`Error::Moved`].
    fn commit(&self, write: Write) -> BoxFuture<'_, Result<Arc<Stored>, Error>>;

    /// Forgets the log and all snapshots before a revision.
    fn compact(&self, before: Revision);
}

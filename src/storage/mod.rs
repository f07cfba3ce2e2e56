//! Where objects live: keys, revisions, the log.
//!
//! A write ends when the store appends it. Everything that reacts reads the log; nobody is called
//! back. What the store keeps is an object's final bytes, encoded once.
//!
//! *Invariant:* keeps values and revisions; knows no schema, no kind and no validity.
//! *Upstream:* `apiserver/pkg/storage/interfaces.go`.

pub mod change;
pub mod draft;
pub mod error;
pub mod forms;
pub mod memory;
pub mod objects;
mod recent;
pub mod snapshot;
pub mod stored;
pub mod watch;
mod watch_cache;

use std::sync::Arc;

pub use change::{Change, ChangeKind};
pub use draft::{Draft, Tree, version_tag};
pub use error::Error;
pub use forms::Forms;
use futures_util::future::BoxFuture;
pub use memory::Memory;
pub use objects::Objects;
pub use recent::Recent;
pub use snapshot::Snapshot;
pub use stored::{Item, Stored};
use tokio::sync::Notify;
pub use watch::{BATCH_MAX, Watch};
pub use watch_cache::Limits;

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
    /// The new object, or `None` to remove it.
    pub put: Option<Draft>,
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

    /// The changes of a resource after a revision that are there now, in order, none missing: for
    /// those who look only when they are asked.
    ///
    /// Errors: [`Error::Compacted`], or [`Error::Future`].
    fn changes_since(
        &self,
        resource: &GroupResource,
        after: Revision,
    ) -> Result<Vec<Arc<Change>>, Error>;

    /// The changes of all resources after a revision that are there now, in order, none missing,
    /// each with the resource it is of.
    ///
    /// Errors: [`Error::Compacted`], or [`Error::Future`].
    fn log(&self, after: Revision) -> Result<Vec<(GroupResource, Arc<Change>)>, Error>;

    /// The resources of which there is, or was, any object.
    fn resources(&self) -> Vec<GroupResource>;

    /// Told, as long as it waits, whenever the log has grown.
    fn grown(&self) -> Arc<Notify>;
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

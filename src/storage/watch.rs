//! The changes of a scope, as they come.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Change, Error, Revision};

/// So many changes are given out at once at most, so that a watcher far behind holds little.
pub const BATCH_MAX: usize = 256;

/// What a backend gives a [`Watch`].
pub trait Source: Send {
    /// The next changes of the scope, in order: all there are, at least one and at most
    /// [`BATCH_MAX`]; waits until there are some.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Arc<Change>>, Error>>;

    /// The changes that are there already; empty where there are none.
    fn poll_now(&mut self) -> Result<Vec<Arc<Change>>, Error>;

    /// The revision up to which every change of the scope has been given out.
    fn revision(&self) -> Revision;
}

/// A watch on a scope: every change after a revision, once and in order. Dropping it ends it.
pub struct Watch(Box<dyn Source>);

impl Watch {
    /// A watch over a backend's source.
    pub fn new(source: Box<dyn Source>) -> Self {
        Self(source)
    }

    /// The next changes: all there are, at least one and at most [`BATCH_MAX`]; waits until there
    /// are some.
    ///
    /// Errors: [`Error::Compacted`] where the watcher fell so far behind that the log no longer
    /// holds what it missed.
    pub async fn next(&mut self) -> Result<Vec<Arc<Change>>, Error> {
        self.0.next().await
    }

    /// The changes that are there already, without waiting.
    pub fn poll_now(&mut self) -> Result<Vec<Arc<Change>>, Error> {
        self.0.poll_now()
    }

    /// The revision up to which every change has been given out: what a bookmark carries.
    pub fn revision(&self) -> Revision {
        self.0.revision()
    }
}

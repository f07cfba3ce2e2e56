//! Objects in memory: the watch cache is all there is.
//!
//! *Upstream:* none; in its place stands etcd (`apiserver/pkg/storage/etcd3`).

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::watch_cache::Cache;
use super::{
    Change, Error, Limits, Reader, Revision, Scope, Snapshot, Store, Stored, Watch, Write,
};
use crate::object::{GroupResource, Key};

/// A store that forgets everything when it is dropped.
#[derive(Debug)]
pub struct Memory {
    cache: Arc<Cache>,
}

impl Memory {
    /// An empty store that keeps as much of its log as `limits` say.
    pub fn new(limits: Limits) -> Self {
        Self {
            cache: Arc::new(Cache::new(limits)),
        }
    }

    /// A store of its own with the same objects and revision, and an empty log: a pointer copy.
    pub fn fork(&self) -> Self {
        Self {
            cache: Arc::new(self.cache.fork()),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Reader for Memory {
    fn revision(&self) -> Revision {
        self.cache.revision()
    }

    fn get(&self, resource: &GroupResource, key: &Key) -> Option<Arc<Stored>> {
        self.cache.get(resource, key)
    }

    fn snapshot(&self, resource: &GroupResource, at: Option<Revision>) -> Result<Snapshot, Error> {
        self.cache.snapshot(resource, at)
    }

    fn watch(&self, scope: &Scope, after: Revision) -> Result<Watch, Error> {
        self.cache.watch(scope, after)
    }

    fn changes_since(
        &self,
        resource: &GroupResource,
        after: Revision,
    ) -> Result<Vec<Arc<Change>>, Error> {
        self.cache.changes_since(resource, after)
    }

    fn log(&self, after: Revision) -> Result<Vec<(GroupResource, Arc<Change>)>, Error> {
        self.cache.log(after)
    }

    fn resources(&self) -> Vec<GroupResource> {
        self.cache.resources()
    }

    fn grown(&self) -> Arc<Notify> {
        self.cache.grown()
    }
}

impl Store for Memory {
    fn commit(&self, write: Write) -> BoxFuture<'_, Result<Arc<Stored>, Error>> {
        std::future::ready(self.cache.commit(write)).boxed()
    }

    fn compact(&self, before: Revision) {
        self.cache.compact(before);
    }
}

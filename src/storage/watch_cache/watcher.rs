//! One watcher: a cursor into a lane of the log, and what wakes it.
//!
//! A watcher has no queue. Woken, it takes everything that is there in one batch; one that lags
//! behind the window is told so.
//!
//! *Upstream:* `apiserver/pkg/storage/cacher/cache_watcher.go`.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::Cache;
use super::index::Lane;
use crate::object::GroupResource;
use crate::storage::{BATCH_MAX, Change, Error, Revision, watch::Source};

pub(super) struct Watcher {
    cache: Arc<Cache>,
    resource: GroupResource,
    lane: Lane,
    wake: Arc<Notify>,
    /// Every change up to this one has been given out.
    cursor: Revision,
}

impl Watcher {
    /// A watcher that has joined its lane.
    pub(super) fn new(
        cache: Arc<Cache>,
        resource: GroupResource,
        lane: Lane,
        wake: Arc<Notify>,
        after: Revision,
    ) -> Self {
        Self {
            cache,
            resource,
            lane,
            wake,
            cursor: after,
        }
    }

    async fn wait(&mut self) -> Result<Vec<Arc<Change>>, Error> {
        loop {
            let wake = Arc::clone(&self.wake);
            // Made before looking, so that no change slips in between.
            let woken = wake.notified();
            let changes = self.poll_now()?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            woken.await;
        }
    }
}

impl Source for Watcher {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Arc<Change>>, Error>> {
        self.wait().boxed()
    }

    fn poll_now(&mut self) -> Result<Vec<Arc<Change>>, Error> {
        let state = self.cache.state.read();
        let Some(table) = state.tables.get(&self.resource) else {
            return Ok(Vec::new());
        };
        let window = &table.channel(&self.lane).window;
        if self.cursor < window.dropped() {
            let oldest = window.dropped();
            return Err(Error::Compacted { oldest });
        }
        let changes = window.batch(self.cursor, BATCH_MAX);
        if let Some(last) = changes.last() {
            self.cursor = last.revision();
        }
        Ok(changes)
    }

    fn revision(&self) -> Revision {
        let state = self.cache.state.read();
        let Some(table) = state.tables.get(&self.resource) else {
            return self.cursor;
        };
        let window = &table.channel(&self.lane).window;
        let newest = window.newest().unwrap_or_default().max(window.dropped());
        if newest > self.cursor {
            self.cursor
        } else {
            state.revision.max(self.cursor)
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.cache.leave(&self.resource, &self.lane);
    }
}

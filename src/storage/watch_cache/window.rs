//! The last changes of a lane, in order of revision.
//!
//! *Upstream:* `apiserver/pkg/storage/cacher/watch_cache.go` (the cyclic buffer).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::storage::{Change, Revision};

/// What watchers may hold of a change that is this far behind the newest is theirs alone.
const SHARED_FRAMES_MAX: usize = 128;

/// A part of the log with nothing missing after `dropped`.
#[derive(Debug, Default)]
pub(super) struct Window {
    changes: VecDeque<Arc<Change>>,
    /// The newest change that is no longer here.
    dropped: Revision,
}

impl Window {
    pub(super) fn of(changes: VecDeque<Arc<Change>>) -> Self {
        Self {
            changes,
            dropped: Revision::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn oldest(&self) -> Option<Revision> {
        self.changes.front().map(|change| change.revision())
    }

    pub(super) fn newest(&self) -> Option<Revision> {
        self.changes.back().map(|change| change.revision())
    }

    pub(super) fn dropped(&self) -> Revision {
        self.dropped
    }

    pub(super) fn push(&mut self, change: Arc<Change>) {
        self.changes.push_back(change);
        if let Some(index) = self.changes.len().checked_sub(SHARED_FRAMES_MAX + 1) {
            self.changes[index].frames.retire();
        }
    }

    /// Drops the oldest change if it is at or before a revision.
    pub(super) fn drop_until(&mut self, revision: Revision) -> Option<Arc<Change>> {
        if self.oldest()? > revision {
            return None;
        }
        let change = self.changes.pop_front()?;
        self.dropped = change.revision();
        if self.changes.capacity() > 64 && self.changes.len() < self.changes.capacity() / 4 {
            self.changes.shrink_to(self.changes.len() * 2);
        }
        Some(change)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Change>> {
        self.changes.iter()
    }

    /// Every change after a revision.
    pub(super) fn after(&self, revision: Revision) -> Vec<Arc<Change>> {
        self.batch(revision, usize::MAX)
    }

    /// The first changes after a revision, at most so many.
    pub(super) fn batch(&self, after: Revision, max: usize) -> Vec<Arc<Change>> {
        // Most who ask are at the end, or just before it.
        if self.newest().is_none_or(|newest| newest <= after) {
            return Vec::new();
        }
        let start = self
            .changes
            .partition_point(|change| change.revision() <= after);
        let end = start.saturating_add(max).min(self.changes.len());
        self.changes.range(start..end).cloned().collect()
    }
}

//! One resource: its objects, its log and those who read it.

use std::sync::Arc;

use tokio::sync::Notify;

use super::index::{Channel, Index, Lane};
use crate::storage::{Change, ChangeKind, Error, Expect, Objects, Revision, Stored, Write};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) objects: Objects,
    /// The whole log.
    pub(super) all: Channel,
    /// No revision of this resource before this one is known.
    pub(super) floor: Revision,
    index: Index,
}

/// Whom a write wakes, once the lock is released.
pub(super) struct Wakes(Vec<Arc<Notify>>);

impl Wakes {
    pub(super) fn wake(self) {
        for notify in self.0 {
            notify.notify_waiters();
        }
    }
}

impl Table {
    pub(super) fn of(objects: Objects) -> Self {
        Self {
            objects,
            ..Self::default()
        }
    }

    /// Makes a write at a revision, if what it expects holds.
    pub(super) fn apply(&mut self, write: Write, revision: Revision) -> Result<Change, Error> {
        let Write {
            key, expect, put, ..
        } = write;
        let previous = self.objects.get(&key);
        match (previous, expect) {
            (Some(_), Expect::Absent) => return Err(Error::Exists),
            (None, Expect::At(_)) => return Err(Error::Missing),
            (Some(found), Expect::At(revision)) if found.revision != revision => {
                let found = Arc::clone(found);
                return Err(Error::Moved { found });
            }
            (Some(_), Expect::At(_)) | (None, Expect::Absent) => {}
        }
        let Some(draft) = put else {
            let previous = self.objects.remove(&key).ok_or(Error::Missing)?;
            let object = Arc::new(previous.moved_to(revision));
            return Ok(Change::new(ChangeKind::Deleted, object, Some(previous)));
        };
        let key = previous.map_or(key, |stored| stored.key.clone());
        let object = Arc::new(Stored::new(key.clone(), revision, draft));
        let previous = self.objects.insert(key, Arc::clone(&object));
        let kind = match previous {
            Some(_) => ChangeKind::Modified,
            None => ChangeKind::Added,
        };
        Ok(Change::new(kind, object, previous))
    }

    /// Appends a change to the log.
    pub(super) fn append(&mut self, change: Arc<Change>) -> Wakes {
        let mut wakes = Vec::new();
        self.index.push(&change, &mut wakes);
        if self.all.watchers > 0 {
            wakes.push(Arc::clone(&self.all.wake));
        }
        self.all.window.push(change);
        Wakes(wakes)
    }

    /// Drops the oldest change of the log, from every lane it is in.
    pub(super) fn drop_oldest(&mut self) -> Option<Arc<Change>> {
        let oldest = self.all.window.oldest()?;
        let change = self.all.window.drop_until(oldest)?;
        self.floor = oldest;
        for channel in self.index.of(&change.object.key) {
            channel.window.drop_until(oldest);
        }
        Some(change)
    }

    pub(super) fn channel(&self, lane: &Lane) -> &Channel {
        self.index.get(lane).unwrap_or(&self.all)
    }

    /// Adds a watcher and returns what will wake it.
    pub(super) fn join(&mut self, lane: &Lane) -> Arc<Notify> {
        self.index.join(lane, &self.all.window).unwrap_or_else(|| {
            self.all.watchers += 1;
            Arc::clone(&self.all.wake)
        })
    }

    pub(super) fn leave(&mut self, lane: &Lane) {
        if *lane == Lane::All {
            self.all.watchers -= 1;
        } else {
            self.index.leave(lane);
        }
    }
}

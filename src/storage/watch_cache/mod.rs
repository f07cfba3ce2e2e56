//! The log and the state it leads to: what every backend serves reads and watches from.
//!
//! One lock guards the revision counter, the objects and the log. Inside it a write compares the
//! revision, splices its own into the bytes, inserts and appends; everything else happens outside.
//! Objects live in persistent maps, so that a snapshot is a pointer copy.
//!
//! *Invariant:* no lock is held across an await; no queue grows without bound.
//! *Upstream:* `apiserver/pkg/storage/cacher/{cacher,watch_cache}.go`.

mod index;
mod table;
mod watcher;
mod window;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::Notify;

use self::index::Lane;
use self::table::Table;
use self::watcher::Watcher;
use super::{Change, Error, Objects, Revision, Scope, Snapshot, Stored, Watch, Write};
use crate::object::{GroupResource, Key};

/// How much of the log is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Changes kept for each resource.
    pub window_events_max: usize,
    /// Changes kept in all.
    pub total_events_max: usize,
    /// Bytes of objects kept for the log's sake alone, being replaced or gone.
    pub total_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window_events_max: 1 << 14,
            total_events_max: 1 << 16,
            total_bytes_max: 64 << 20,
        }
    }
}

/// The revision of the first write: an empty etcd stands at 1.
const FIRST_WRITE: Revision = Revision(2);

/// See the module.
#[derive(Debug)]
pub(super) struct Cache {
    state: RwLock<State>,
    /// Wakes whoever reads the whole log.
    grown: Arc<Notify>,
    limits: Limits,
}

#[derive(Debug)]
struct State {
    revision: Revision,
    /// No revision before this one is known of any resource.
    floor: Revision,
    tables: BTreeMap<GroupResource, Table>,
    /// The last changes of all resources, for who reads the whole log and is not far behind.
    tail: VecDeque<(GroupResource, Arc<Change>)>,
    kept: Kept,
}

/// What all windows hold together.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    events: usize,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            state: RwLock::new(State {
                revision: Revision(1),
                floor: Revision(1),
                tables: BTreeMap::new(),
                tail: VecDeque::new(),
                kept: Kept::default(),
            }),
            grown: Arc::default(),
            limits,
        }
    }

    pub(super) fn fork(&self) -> Self {
        let state = self.state.read();
        let tables = state
            .tables
            .iter()
            .map(|(resource, table)| (resource.clone(), Table::of(table.objects.clone())))
            .collect();
        Self {
            state: RwLock::new(State {
                revision: state.revision,
                floor: state.revision,
                tables,
                tail: VecDeque::new(),
                kept: Kept::default(),
            }),
            grown: Arc::default(),
            limits: self.limits,
        }
    }

    pub(super) fn revision(&self) -> Revision {
        self.state.read().revision
    }

    pub(super) fn get(&self, resource: &GroupResource, key: &Key) -> Option<Arc<Stored>> {
        let state = self.state.read();
        state.tables.get(resource)?.objects.get(key).cloned()
    }

    pub(super) fn snapshot(
        &self,
        resource: &GroupResource,
        at: Option<Revision>,
    ) -> Result<Snapshot, Error> {
        let state = self.state.read();
        let revision = at.unwrap_or(state.revision);
        state.check(resource, revision)?;
        if revision < FIRST_WRITE && state.revision >= FIRST_WRITE {
            // etcd forgets the state before the first write when it compacts first.
            let oldest = FIRST_WRITE;
            return Err(Error::Compacted { oldest });
        }
        let Some(table) = state.tables.get(resource) else {
            return Ok(Snapshot {
                revision,
                objects: Objects::default(),
            });
        };
        let mut objects = table.objects.clone();
        let later = table.all.window.after(revision);
        drop(state);
        for change in later.iter().rev() {
            match &change.previous {
                Some(previous) => objects.insert(previous.key.clone(), Arc::clone(previous)),
                None => objects.remove(&change.object.key),
            };
        }
        Ok(Snapshot { revision, objects })
    }

    pub(super) fn changes_since(
        &self,
        resource: &GroupResource,
        after: Revision,
    ) -> Result<Vec<Arc<Change>>, Error> {
        let state = self.state.read();
        state.check(resource, after)?;
        let table = state.tables.get(resource);
        Ok(table.map_or_else(Vec::new, |table| table.all.window.after(after)))
    }

    pub(super) fn log(&self, after: Revision) -> Result<Vec<(GroupResource, Arc<Change>)>, Error> {
        let state = self.state.read();
        if after > state.revision {
            let current = state.revision;
            return Err(Error::Future { current });
        }
        if let Some(tail) = state.tail_after(after) {
            return Ok(tail);
        }
        let mut log = Vec::new();
        for (resource, table) in &state.tables {
            let oldest = state.floor.max(table.floor);
            if after < oldest {
                return Err(Error::Compacted { oldest });
            }
            let newest = table.all.window.newest();
            if newest.is_none_or(|newest| newest <= after) {
                continue;
            }
            let later = table.all.window.after(after);
            log.extend(later.into_iter().map(|change| (resource.clone(), change)));
        }
        drop(state);
        log.sort_by_key(|(_, change)| change.revision());
        Ok(log)
    }

    pub(super) fn resources(&self) -> Vec<GroupResource> {
        self.state.read().tables.keys().cloned().collect()
    }

    pub(super) fn grown(&self) -> Arc<Notify> {
        Arc::clone(&self.grown)
    }

    pub(super) fn watch(self: &Arc<Self>, scope: &Scope, after: Revision) -> Result<Watch, Error> {
        let lane = Lane::of(scope);
        let wake = {
            let mut state = self.state.write();
            state.check(&scope.resource, after)?;
            let table = state.tables.entry(scope.resource.clone()).or_default();
            table.join(&lane)
        };
        let resource = scope.resource.clone();
        let watcher = Watcher::new(Arc::clone(self), resource, lane, wake, after);
        Ok(Watch::new(Box::new(watcher)))
    }

    pub(super) fn commit(&self, write: Write) -> Result<Arc<Stored>, Error> {
        let mut state = self.state.write();
        let State {
            revision,
            tables,
            tail,
            kept,
            ..
        } = &mut *state;
        if !tables.contains_key(&write.resource) {
            tables.insert(write.resource.clone(), Table::default());
        }
        // Looked up by reference, so that the common write copies no names.
        let Some(table) = tables.get_mut(&write.resource) else {
            return Err(Error::Unavailable("the table just made is gone".to_owned()));
        };
        let next = Revision(revision.0 + 1);
        let resource = write.resource.clone();
        let change = Arc::new(table.apply(write, next)?);
        if tail.len() >= TAIL_MAX.min(self.limits.window_events_max) {
            tail.pop_front();
        }
        tail.push_back((resource, Arc::clone(&change)));
        let object = Arc::clone(&change.object);
        *revision = next;
        kept.add(&change);
        let wakes = table.append(change);
        while table.all.window.len() > self.limits.window_events_max {
            kept.drop_oldest(table);
        }
        state.trim(&self.limits);
        drop(state);
        wakes.wake();
        self.grown.notify_waiters();
        Ok(object)
    }

    pub(super) fn compact(&self, before: Revision) {
        let mut state = self.state.write();
        let before = before.min(state.revision);
        let State {
            floor,
            tables,
            kept,
            ..
        } = &mut *state;
        *floor = before.max(*floor);
        for table in tables.values_mut() {
            while table.all.window.oldest().is_some_and(|at| at <= before) {
                kept.drop_oldest(table);
            }
        }
    }

    fn leave(&self, resource: &GroupResource, lane: &Lane) {
        if let Some(table) = self.state.write().tables.get_mut(resource) {
            table.leave(lane);
        }
    }
}

/// So many changes of all resources stand in one row.
const TAIL_MAX: usize = 256;

impl State {
    /// Everything after a revision, as long as that is not far behind.
    fn tail_after(&self, after: Revision) -> Option<Vec<(GroupResource, Arc<Change>)>> {
        let behind = usize::try_from(self.revision.0 - after.0).ok()?;
        let start = self.tail.len().checked_sub(behind)?;
        if after < self.floor {
            return None;
        }
        Some(self.tail.range(start..).cloned().collect())
    }

    /// Whether everything after a revision is known.
    fn check(&self, resource: &GroupResource, at: Revision) -> Result<(), Error> {
        let table = self.tables.get(resource).map(|table| table.floor);
        let oldest = self.floor.max(table.unwrap_or_default());
        if at > self.revision {
            let current = self.revision;
            return Err(Error::Future { current });
        }
        if at < oldest {
            return Err(Error::Compacted { oldest });
        }
        Ok(())
    }

    /// Drops the oldest of everything until all windows together are within their limits again,
    /// and a little more, so that this is rare.
    fn trim(&mut self, limits: &Limits) {
        let Kept { events, bytes } = self.kept;
        if events <= limits.total_events_max && bytes <= limits.total_bytes_max {
            return;
        }
        let events_max = limits.total_events_max - limits.total_events_max / 16;
        let bytes_max = limits.total_bytes_max - limits.total_bytes_max / 16;
        while self.kept.events > events_max || self.kept.bytes > bytes_max {
            let oldest = self
                .tables
                .values_mut()
                .filter(|table| table.all.window.oldest().is_some())
                .min_by_key(|table| table.all.window.oldest());
            let Some(table) = oldest else { return };
            for _ in 0..TRIM_BATCH {
                self.kept.drop_oldest(table);
            }
        }
    }
}

/// So many changes of a resource go at once where all windows together are too large.
const TRIM_BATCH: usize = 32;

impl Kept {
    fn add(&mut self, change: &Change) {
        self.events += 1;
        self.bytes += garbage(change);
    }

    fn drop_oldest(&mut self, table: &mut Table) {
        if let Some(change) = table.drop_oldest() {
            self.events -= 1;
            self.bytes -= garbage(&change);
        }
    }
}

/// The bytes that only the log still needs once a change is made.
fn garbage(change: &Change) -> usize {
    let previous = change.previous.as_ref().map_or(0, |old| old.json().len());
    match change.kind {
        super::ChangeKind::Deleted => previous + change.object.json().len(),
        _ => previous,
    }
}

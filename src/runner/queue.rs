//! What is to be looked at: items in order, each once, and those that wait for a time.
//!
//! *Upstream:* `client-go/util/workqueue` (`rate_limiting_queue.go`, `default_rate_limiters.go`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::Kind;
use super::plan::Again;
use crate::object::{GroupResource, Key};

/// The first pause after a failure; every further one doubles it.
const BACKOFF_FIRST: Duration = Duration::from_millis(5);

/// The longest pause after failures.
const BACKOFF_MAX: Duration = Duration::from_secs(1000);

/// So many conflicts in a row are tried again without a pause.
const CONFLICTS_MAX: u32 = 8;

/// What a controller looks at: an object that is or was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Its resource.
    pub resource: GroupResource,
    /// Which.
    pub key: Key,
}

impl Item {
    /// An object of a resource.
    pub fn new(resource: &GroupResource, key: Key) -> Self {
        Self {
            resource: resource.clone(),
            key,
        }
    }

    /// An object of a kind.
    pub fn of(kind: &Kind, namespace: &str, name: &str) -> Self {
        Self::new(&kind.resource, Key::new(namespace, name))
    }
}

/// What a change concerns.
#[derive(Debug, Default)]
pub struct Items(Vec<Item>);

impl Items {
    /// Adds an object of a resource.
    pub fn add(&mut self, resource: &GroupResource, key: &Key) {
        self.0.push(Item::new(resource, key.clone()));
    }

    /// Adds an object of a kind.
    pub fn push(&mut self, kind: &Kind, namespace: &str, name: &str) {
        self.0.push(Item::of(kind, namespace, name));
    }

    pub(super) fn into_inner(self) -> Vec<Item> {
        self.0
    }
}

/// A controller, by its place in the table, and its item.
pub(super) type Task = (usize, Item);

/// What waits for a time.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeMap<Task, (Timestamp, bool)>,
    order: BTreeSet<(Timestamp, Task)>,
    lazy: BTreeSet<(Timestamp, Task)>,
}

impl Timers {
    /// Arms a task for a time; an earlier time that it is armed for stays.
    fn arm(&mut self, task: Task, at: Timestamp, is_lazy: bool) {
        if let Some((due, was_lazy)) = self.due.get(&task).copied() {
            if due <= at && !was_lazy {
                return;
            }
            self.disarm(&task);
        }
        self.due.insert(task.clone(), (at, is_lazy));
        let order = if is_lazy {
            &mut self.lazy
        } else {
            &mut self.order
        };
        order.insert((at, task));
    }

    fn disarm(&mut self, task: &Task) {
        if let Some((at, is_lazy)) = self.due.remove(task) {
            let order = if is_lazy {
                &mut self.lazy
            } else {
                &mut self.order
            };
            order.remove(&(at, task.clone()));
        }
    }

    fn pop_due(&mut self, now: Timestamp) -> Option<Task> {
        for order in [&mut self.lazy, &mut self.order] {
            if order.first().is_some_and(|(at, _)| *at <= now)
                && let Some((_, task)) = order.pop_first()
            {
                self.due.remove(&task);
                return Some(task);
            }
        }
        None
    }

    /// When the next falls due that time may not pass over.
    pub(super) fn next_strict(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    fn next(&self) -> Option<Timestamp> {
        let lazy = self.lazy.first().map(|(at, _)| *at);
        [self.next_strict(), lazy].into_iter().flatten().min()
    }

    /// Those that wait, the earliest first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &(Timestamp, Task)> {
        self.order.iter()
    }
}

/// The items of one controller.
#[derive(Debug)]
struct Lane {
    /// So many may be under way at once.
    width: usize,
    /// Those that are to be looked at.
    queued: BTreeSet<Item>,
    /// Those that are under way: they are not looked at meanwhile.
    open: BTreeSet<Item>,
    /// Those whose turn came while too many were under way.
    held: VecDeque<Item>,
}

/// See the module.
pub(super) struct Queue {
    ready: VecDeque<Task>,
    lanes: Vec<Lane>,
    failures: BTreeMap<Task, u32>,
    timers: Arc<Mutex<Timers>>,
}

impl Queue {
    /// A queue of controllers that may have so many items under way.
    pub(super) fn new(widths: impl Iterator<Item = usize>, timers: Arc<Mutex<Timers>>) -> Self {
        let lane = |width| Lane {
            width,
            queued: BTreeSet::new(),
            open: BTreeSet::new(),
            held: VecDeque::new(),
        };
        Self {
            ready: VecDeque::new(),
            lanes: widths.map(lane).collect(),
            failures: BTreeMap::new(),
            timers,
        }
    }

    /// Adds an item, unless it is there.
    pub(super) fn add(&mut self, controller: usize, item: Item) {
        let lane = &mut self.lanes[controller];
        if lane.queued.insert(item.clone()) && !lane.open.contains(&item) {
            self.ready.push_back((controller, item));
        }
    }

    /// The next item; it is under way until it is finished.
    pub(super) fn pop(&mut self) -> Option<Task> {
        while let Some((controller, item)) = self.ready.pop_front() {
            let lane = &mut self.lanes[controller];
            if lane.open.len() >= lane.width {
                lane.held.push_back(item);
                continue;
            }
            lane.queued.remove(&item);
            lane.open.insert(item.clone());
            return Some((controller, item));
        }
        None
    }

    /// An item is no longer under way.
    fn close(&mut self, controller: usize, item: &Item) {
        let lane = &mut self.lanes[controller];
        lane.open.remove(item);
        if let Some(next) = lane.held.pop_front() {
            self.ready.push_front((controller, next));
        }
        if lane.queued.contains(item) {
            self.ready.push_back((controller, item.clone()));
        }
    }

    /// Adds what has waited long enough.
    pub(super) fn wake(&mut self, now: Timestamp) {
        loop {
            let task = self.timers.lock().pop_due(now);
            let Some((controller, item)) = task else {
                return;
            };
            self.add(controller, item);
        }
    }

    /// Whoever looks at an item now says anew when to look again.
    pub(super) fn disarm(&mut self, controller: usize, item: &Item) {
        self.timers.lock().disarm(&(controller, item.clone()));
    }

    /// Says when an item that was looked at is to be looked at again.
    pub(super) fn finish(&mut self, controller: usize, item: Item, again: Again, now: Timestamp) {
        self.close(controller, &item);
        let task = (controller, item);
        let has_failed = matches!(again, Again::AfterBackoff | Again::AfterConflict);
        if !has_failed {
            self.failures.remove(&task);
        }
        let (pause, is_lazy) = match again {
            Again::OnChange => return,
            Again::AtOnce => return self.add(task.0, task.1),
            Again::After(pause) => (pause, false),
            Again::LazilyAfter(pause) => (pause, true),
            Again::AfterBackoff | Again::AfterConflict => {
                let failures = self.failures.entry(task.clone()).or_default();
                if again == Again::AfterConflict && *failures < CONFLICTS_MAX {
                    *failures += 1;
                    return self.add(task.0, task.1);
                }
                let pause = BACKOFF_FIRST.saturating_mul(1 << (*failures).min(20));
                *failures += 1;
                (pause.min(BACKOFF_MAX), false)
            }
        };
        let at = now.checked_add(pause).unwrap_or(Timestamp::MAX);
        self.timers.lock().arm(task, at, is_lazy);
    }

    /// When the next that waits falls due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.timers.lock().next()
    }
}

//! What others steer a runner by: settle, and time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, watch};

use super::queue::Timers;
use crate::sim::Clock;
use crate::storage::{Reader, Revision};

/// What the runner and its handles share.
pub(super) struct Shared {
    pub(super) timers: Arc<Mutex<Timers>>,
    rest: watch::Sender<Rest>,
    /// Whose turn it is, where the runner and those outside take turns.
    turn: Option<Arc<tokio::sync::Mutex<()>>>,
    names: OnceLock<Vec<&'static str>>,
    clock: Clock,
    reader: Arc<dyn Reader>,
}

/// A turn: as long as it is held, nobody else changes anything.
pub type Turn = OwnedMutexGuard<()>;

/// Where the runner had nothing to do.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    revision: Revision,
    time: Timestamp,
}

impl Shared {
    /// From now on there is a runner: it has rested nowhere yet.
    pub(super) fn start(&self, names: Vec<&'static str>) {
        let _ = self.names.set(names);
        self.rest.send_replace(Rest::default());
    }

    /// Everything up to a revision and a time is done.
    pub(super) fn rest(&self, revision: Revision, time: Timestamp) {
        self.rest.send_replace(Rest { revision, time });
    }

    /// Whether the runner and those outside take turns.
    pub(super) fn takes_turns(&self) -> bool {
        self.turn.is_some()
    }

    /// The runner's own turn, where turns are taken.
    pub(super) async fn own_turn(&self) -> Option<Turn> {
        Some(Arc::clone(self.turn.as_ref()?).lock_owned().await)
    }

    /// Whether nothing is left to do as of a revision and a time.
    fn is_done(&self, rest: &Rest, revision: Revision, now: Timestamp) -> bool {
        rest.revision >= revision && (!self.clock.is_virtual() || rest.time >= now)
    }

    fn is_settled(&self) -> bool {
        let rest = *self.rest.borrow();
        self.is_done(&rest, self.reader.revision(), self.clock.now())
    }
}

/// What is waiting for time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Until when.
    pub until: Timestamp,
    /// The controller.
    pub controller: &'static str,
    /// The resource and key of what it will look at.
    pub object: String,
}

/// Steers a runner from outside. Clones steer the same.
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
}

impl Handle {
    /// A handle that a runner can be made for; without one there is never anything left to do.
    pub fn new(clock: Clock, reader: Arc<dyn Reader>) -> Self {
        Self {
            shared: Arc::new(Shared {
                timers: Arc::default(),
                rest: watch::Sender::new(Rest {
                    revision: Revision(u64::MAX),
                    time: Timestamp::MAX,
                }),
                turn: None,
                names: OnceLock::new(),
                clock,
                reader,
            }),
        }
    }

    /// The same, where the runner and those outside take turns: what comes from outside waits until
    /// the runner has nothing left to do, and the runner waits until it is done. So the order of
    /// writes is a matter of what is asked, not of which thread was faster.
    pub fn taking_turns(clock: Clock, reader: Arc<dyn Reader>) -> Self {
        let mut handle = Self::new(clock, reader);
        if let Some(shared) = Arc::get_mut(&mut handle.shared) {
            shared.turn = Some(Arc::default());
        }
        handle
    }

    /// Waits for the turn of somebody outside; `None` where no turns are taken.
    pub async fn turn(&self) -> Option<Turn> {
        let turn = self.shared.turn.as_ref()?;
        loop {
            self.settle().await;
            let turn = Arc::clone(turn).lock_owned().await;
            if self.shared.is_settled() {
                return Some(turn);
            }
        }
    }

    /// The clock that is settled by.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(super) fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.shared.reader)
    }

    /// The revision of the last write.
    pub fn revision(&self) -> Revision {
        self.shared.reader.revision()
    }

    /// Returns when nothing is left to do: every change is seen, every queue is empty. What waits
    /// for a time is left waiting.
    pub async fn settle(&self) {
        let shared = &self.shared;
        let mut rest = shared.rest.subscribe();
        loop {
            let revision = shared.reader.revision();
            let now = shared.clock.now();
            let is_done = |rest: &Rest| shared.is_done(rest, revision, now);
            if rest.wait_for(is_done).await.is_err() {
                return;
            }
            if shared.reader.revision() == revision {
                return;
            }
        }
    }

    /// Moves a virtual clock, stopping wherever something falls due, and settles each time. False
    /// for the wall's clock.
    pub async fn advance(&self, by: Duration) -> bool {
        let clock = &self.shared.clock;
        if !clock.is_virtual() {
            return false;
        }
        let target = clock.now().checked_add(by).unwrap_or(Timestamp::MAX);
        self.settle().await;
        loop {
            let due = self.shared.timers.lock().next_strict();
            let Some(due) = due.filter(|due| *due <= target) else {
                break;
            };
            clock.advance_to(due);
            self.settle().await;
        }
        clock.advance_to(target);
        self.settle().await;
        true
    }

    /// How many wait for time.
    pub fn waiting_count(&self) -> usize {
        self.shared.timers.lock().waiting().count()
    }

    /// What waits for time, the earliest first, at most so many.
    pub fn waiting(&self, max: usize) -> Vec<Waiting> {
        let timers = self.shared.timers.lock();
        let names = self.shared.names.get().map_or(&[][..], Vec::as_slice);
        let waiting = timers
            .waiting()
            .take(max)
            .map(|(until, (index, item))| Waiting {
                until: *until,
                controller: names.get(*index).copied().unwrap_or_default(),
                object: format!("{} {}", item.resource, item.key),
            });
        waiting.collect()
    }
}

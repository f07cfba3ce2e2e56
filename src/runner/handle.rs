//! What others steer a runner by: settle, and time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::queue::Timers;
use crate::sim::Clock;
use crate::storage::{Reader, Revision};

/// What the runner and its handles share.
pub(super) struct Shared {
    pub(super) timers: Arc<Mutex<Timers>>,
    rest: watch::Sender<Rest>,
    clock: Clock,
    reader: Arc<dyn Reader>,
}

/// Where the runner had nothing to do.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    revision: Revision,
    time: Timestamp,
}

impl Shared {
    pub(super) fn new(clock: Clock, reader: Arc<dyn Reader>) -> Self {
        Self {
            timers: Arc::default(),
            rest: watch::Sender::new(Rest::default()),
            clock,
            reader,
        }
    }

    /// Everything up to a revision and a time is done.
    pub(super) fn rest(&self, revision: Revision, time: Timestamp) {
        self.rest.send_replace(Rest { revision, time });
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
    shared: Arc<Shared>,
    names: Arc<[&'static str]>,
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>, names: Vec<&'static str>) -> Self {
        Self {
            shared,
            names: names.into(),
        }
    }

    /// Returns when nothing is left to do: every change is seen, every queue is empty. What waits
    /// for a time is left waiting.
    pub async fn settle(&self) {
        let shared = &self.shared;
        let mut rest = shared.rest.subscribe();
        loop {
            let revision = shared.reader.revision();
            let now = shared.clock.now();
            let is_done = |rest: &Rest| {
                rest.revision >= revision && (!shared.clock.is_virtual() || rest.time >= now)
            };
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

    /// What waits for time, the earliest first, at most so many.
    pub fn waiting(&self, max: usize) -> Vec<Waiting> {
        let timers = self.shared.timers.lock();
        let waiting = timers
            .waiting()
            .take(max)
            .map(|(until, (index, item))| Waiting {
                until: *until,
                controller: self.names.get(*index).copied().unwrap_or_default(),
                object: format!("{} {}", item.resource, item.key),
            });
        waiting.collect()
    }
}

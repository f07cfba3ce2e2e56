//! One watch as it runs: first what exists, then changes as they come, bookmarks now and then.
//!
//! *Upstream:* `apiserver/pkg/storage/cacher/cache_watcher.go` (`processInterval`, `process`,
//! `nextBookmarkTime`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::Start;
use super::frame::Frames;
use crate::error::ApiError;
use crate::registry::{Batch, interpret};
use crate::sim::Clock;
use crate::storage::{BATCH_MAX, Change, Error, Revision, Stored, Watch};

/// A bookmark comes about so often.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
/// A last bookmark comes so long before the end.
const LAST_BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// What exists is sent in pieces of about this many bytes.
const PIECE_BYTES: usize = 64 << 10;

/// See the module.
pub(super) struct Feed {
    frames: Frames,
    timer: Timer,
    state: State,
}

/// What a watch does next.
enum State {
    /// Sends what exists.
    Initial(Box<Running>, std::vec::IntoIter<Arc<Stored>>, bool),
    /// Waits for changes.
    Changes(Box<Running>),
    /// Sends this and ends.
    Last(Bytes),
    /// Has ended.
    Ended,
}

/// A watch that has begun.
struct Running {
    watch: Watch,
    /// Changes up to this revision are not sent, and bookmarks neither.
    after: Revision,
}

impl Feed {
    pub(super) fn new(frames: Frames, timer: Timer, start: Start) -> Self {
        let running = Running {
            watch: start.watch,
            after: start.after,
        };
        let initial = start.initial.into_iter();
        Self {
            frames,
            timer,
            state: State::Initial(Box::new(running), initial, start.marks_initial_end),
        }
    }

    /// A watch that cannot begin says why, as its only event.
    pub(super) fn failed(frames: Frames, timer: Timer, error: &ApiError) -> Self {
        let last = frames.error(error);
        Self {
            frames,
            timer,
            state: State::Last(last),
        }
    }

    /// The next events, at least one; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Batch> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Initial(running, mut objects, marks_end) => {
                    let now = self.timer.now();
                    let piece = self.frames.initial(&mut objects, PIECE_BYTES, now);
                    let is_over = objects.len() == 0;
                    if !is_over {
                        self.state = State::Initial(running, objects, marks_end);
                        return Some(Batch {
                            pieces: vec![piece],
                            has_more: true,
                        });
                    }
                    let after = running.after;
                    self.state = State::Changes(running);
                    let mut piece = Vec::from(piece);
                    if marks_end {
                        piece.extend_from_slice(&self.frames.bookmark(after, true, now));
                    }
                    if !piece.is_empty() {
                        return Some(Batch::of(piece));
                    }
                }
                State::Changes(running) => {
                    let batch = self.changes(running).await?;
                    if !batch.pieces.is_empty() {
                        return Some(batch);
                    }
                }
                State::Last(piece) => return Some(Batch::of(piece)),
                State::Ended => return None,
            }
        }
    }

    /// Waits for changes or for time to pass; `None` at the end.
    async fn changes(&mut self, mut running: Box<Running>) -> Option<Batch> {
        let changes = tokio::select! {
            biased;
            changes = running.watch.next() => changes,
            is_end = self.timer.wait() => {
                if is_end {
                    return None;
                }
                return Some(Batch::of(self.bookmark(running)));
            }
        };
        let batch = match changes {
            Ok(changes) => match self.frames.prepare_changes(&changes).await {
                Ok(()) => self.batch(&running, &changes),
                Err(error) => {
                    self.state = State::Last(self.frames.error(&error.of_change()));
                    return Some(Batch::default());
                }
            },
            Err(error) => {
                self.state = State::Last(self.frames.error(&lost(&running, &error)));
                return Some(Batch::default());
            }
        };
        if !self.timer.is_over() {
            self.state = State::Changes(running);
        }
        Some(batch)
    }

    fn batch(&mut self, running: &Running, changes: &[Arc<Change>]) -> Batch {
        let now = self.timer.now();
        let start = changes.partition_point(|change| change.revision() <= running.after);
        Batch {
            pieces: self.frames.changes(&changes[start..], now),
            has_more: changes.len() == BATCH_MAX,
        }
    }

    fn bookmark(&mut self, running: Box<Running>) -> Bytes {
        let revision = running.watch.revision();
        let after = running.after;
        self.state = State::Changes(running);
        if revision > after {
            let now = self.timer.now();
            self.frames.bookmark(revision, false, now)
        } else {
            Bytes::new()
        }
    }
}

/// Why a watch cannot go on.
fn lost(running: &Running, error: &Error) -> ApiError {
    interpret::read(error, Some(running.watch.revision()))
}

/// When bookmarks are due and when the watch ends.
pub(super) struct Timer {
    clock: Clock,
    deadline: Timestamp,
    has_bookmarks: bool,
    due: Timestamp,
    waiting: BoxFuture<'static, ()>,
}

impl Timer {
    pub(super) fn new(
        clock: &Clock,
        now: Timestamp,
        deadline: Timestamp,
        has_bookmarks: bool,
    ) -> Self {
        let mut timer = Self {
            clock: clock.clone(),
            deadline,
            has_bookmarks,
            due: deadline,
            waiting: std::future::ready(()).boxed(),
        };
        timer.schedule(now);
        timer
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn is_over(&self) -> bool {
        self.now() >= self.deadline
    }

    /// Waits for the next bookmark, or for the end: true.
    async fn wait(&mut self) -> bool {
        (&mut self.waiting).await;
        let now = self.now();
        let is_end = now >= self.deadline;
        self.schedule(now);
        is_end
    }

    fn schedule(&mut self, now: Timestamp) {
        self.due = self.deadline;
        if self.has_bookmarks {
            let last = self.deadline.saturating_sub(LAST_BOOKMARK_BEFORE_END);
            let next = now.saturating_add(BOOKMARK_EVERY);
            let due = last.unwrap_or(now).min(next.unwrap_or(now));
            if due > now {
                self.due = due;
            }
        }
        self.waiting = self.clock.clone().until(self.due).boxed();
    }
}

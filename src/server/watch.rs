//! A watch on its way out: events as they come, several a write when they come fast.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/watch.go`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{BoxStream, StreamExt};
use tokio::time::Sleep;

use super::encode::body::{Payload, Piece};
use super::metrics::Series;
use super::{Door, Stop};
use crate::audit::{Stage, Trail};
use crate::registry::Batch;

/// How long events that follow a write are gathered before the next write. A quiet watch never
/// waits; a busy one spares a system call and a TLS record for every event but the first.
const GATHER: Duration = Duration::from_millis(5);

/// How long they are gathered in a flood, where each write is mostly the system's own work.
const GATHER_IN_FLOOD: Duration = Duration::from_millis(20);

/// What is gathered in a flood is at least this much.
const FLOOD_BYTES: usize = 8 * 1024;

/// How much is gathered at most.
const GATHER_BYTES_MAX: usize = 256 * 1024;

/// The events of a watch.
pub struct Events {
    source: BoxStream<'static, Batch>,
    hold: Option<Pin<Box<Sleep>>>,
    is_held: bool,
    is_over: bool,
    open: Option<Open>,
}

/// A watch that is counted as open until it is dropped.
struct Open {
    door: Arc<Door>,
    series: Series,
    trail: Trail,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.door.metrics.open_watches(self.series, -1);
        self.trail.record(Stage::ResponseComplete);
    }
}

impl Events {
    /// The events of a source.
    pub fn new(source: BoxStream<'static, Batch>) -> Self {
        Self {
            source,
            hold: None,
            is_held: false,
            is_over: false,
            open: None,
        }
    }

    /// What is to be written next; `None` at the end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if self.is_held {
            if let Some(hold) = &mut self.hold {
                std::task::ready!(hold.poll_unpin(cx));
            }
            self.is_held = false;
        }
        let mut piece = Piece::default();
        loop {
            match self.source.poll_next_unpin(cx) {
                Poll::Ready(Some(batch)) => {
                    batch.pieces.into_iter().for_each(|part| piece.push(part));
                    if batch.has_more && piece.length() < GATHER_BYTES_MAX {
                        continue;
                    }
                    // The source is not asked whether there is more by now: it would wake this
                    // connection for the next change, which is not to be written yet.
                    if !batch.has_more {
                        self.hold(if piece.length() < FLOOD_BYTES {
                            GATHER
                        } else {
                            GATHER_IN_FLOOD
                        });
                    }
                }
                Poll::Ready(None) => self.is_over = true,
                Poll::Pending if piece.length() == 0 => return Poll::Pending,
                Poll::Pending => {}
            }
            return Poll::Ready(Some(piece).filter(|piece| piece.length() > 0));
        }
    }

    /// Gathers from now on. The wall measures it: it is between this server and its socket, and
    /// must not stand still with the cluster's clock.
    #[allow(clippy::disallowed_methods)]
    fn hold(&mut self, duration: Duration) {
        self.is_held = true;
        let until = tokio::time::Instant::now() + duration;
        match &mut self.hold {
            Some(hold) => hold.as_mut().reset(until),
            None => self.hold = Some(Box::pin(tokio::time::sleep_until(until))),
        }
    }

    /// The events as they come, for who reads them without a socket.
    pub(super) fn into_stream(self) -> BoxStream<'static, Bytes> {
        let Self { source, open, .. } = self;
        // The watch counts as open as long as somebody holds the stream.
        source
            .map(move |batch| (batch.into_bytes(), &open).0)
            .boxed()
    }
}

/// The same events, ending when the cluster stops.
pub(super) fn until(
    events: BoxStream<'static, Batch>,
    mut stop: Stop,
) -> BoxStream<'static, Batch> {
    let stopped = async move {
        // The sender going away means the same as its word.
        let _ = stop.wait_for(|is_stopped| *is_stopped).await;
    };
    events.take_until(stopped.boxed()).boxed()
}

/// Counts the answer as an open watch, if it is one.
pub(super) fn count(
    mut answer: super::encode::Answer,
    door: &Arc<Door>,
    series: Series,
    trail: &Trail,
) -> super::encode::Answer {
    if let Payload::Events(events) = answer.body_mut() {
        door.metrics.open_watches(series, 1);
        events.open = Some(Open {
            door: Arc::clone(door),
            series,
            trail: trail.clone(),
        });
    }
    answer
}

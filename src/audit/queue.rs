//! Events on their way to where they are kept.
//!
//! *Upstream:* `apiserver/plugin/pkg/audit/{log,buffered}`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};

/// How many events wait at most.
pub const EVENTS_MAX: usize = 10_000;

/// How many are written at once.
const BATCH: usize = 400;

/// Where events are kept.
pub trait Sink: Send + Sync {
    /// Keeps events, each a line of JSON.
    fn write<'a>(&'a self, events: &'a [Bytes]) -> BoxFuture<'a, ()>;
}

/// A queue of events with an end. Clones share it.
#[derive(Clone, Debug)]
pub struct Queue {
    sender: mpsc::Sender<Bytes>,
    lost: Arc<AtomicU64>,
}

impl Queue {
    /// A queue, and what takes events out of it until it is told that there will be no more.
    pub fn new(
        sink: Arc<dyn Sink>,
        mut stop: watch::Receiver<bool>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, mut receiver) = mpsc::channel(EVENTS_MAX);
        let queue = Self {
            sender,
            lost: Arc::default(),
        };
        let drain = async move {
            let mut events = Vec::with_capacity(BATCH);
            loop {
                let count = tokio::select! {
                    biased;
                    count = receiver.recv_many(&mut events, BATCH) => count,
                    _ = stop.wait_for(|is_over| *is_over) => {
                        // What is there is still taken; then there is no more.
                        receiver.close();
                        continue;
                    }
                };
                if count == 0 {
                    return;
                }
                sink.write(&events).await;
                events.clear();
            }
        };
        (queue, drain)
    }

    /// Puts an event in, or loses it where there is no room.
    pub fn push(&self, event: Bytes) {
        if self.sender.try_send(event).is_err() {
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            if lost.is_power_of_two() {
                tracing::warn!(
                    lost,
                    "audit events were lost: they came faster than they go"
                );
            }
        }
    }

    /// How many events were lost.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

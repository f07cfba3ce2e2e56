//! Writes events beside the plans that tell them, as the real recorders do: whoever tells one does
//! not wait for it.
//!
//! *Upstream:* `client-go/tools/record/event.go` (the broadcaster).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::event::Recorder;
use super::execute;
use super::workers::Done;
use super::{Event, Identity};
use crate::client::Client;

/// So many events wait at most; then whoever tells one waits.
const WAITING_MAX: usize = 4096;

/// Takes events on.
#[derive(Clone)]
pub(super) struct Scribe {
    sender: mpsc::Sender<Told>,
    open: Arc<AtomicUsize>,
}

struct Told {
    event: Event,
    identity: Identity,
    at: Timestamp,
}

impl Scribe {
    /// One that takes events on, and the task that writes them.
    pub(super) fn new(
        client: Client,
        mut recorder: Recorder,
        done: mpsc::UnboundedSender<Done>,
    ) -> (Self, BoxFuture<'static, ()>) {
        let (sender, mut receiver) = mpsc::channel::<Told>(WAITING_MAX);
        let open = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&open);
        let task = async move {
            while let Some(Told {
                event,
                identity,
                at,
            }) = receiver.recv().await
            {
                if let Some(step) = recorder.record(&event, &identity, at) {
                    // An event that is refused is lost, as upstream.
                    execute::ask(&client, &identity, step).await;
                }
                if left.fetch_sub(1, Ordering::AcqRel) == 1 && done.send(Done::Events).is_err() {
                    return;
                }
            }
        };
        (Self { sender, open }, task.boxed())
    }

    /// Takes an event on.
    pub(super) async fn take(&self, event: Event, identity: Identity, at: Timestamp) {
        self.open.fetch_add(1, Ordering::AcqRel);
        let told = Told {
            event,
            identity,
            at,
        };
        if self.sender.send(told).await.is_err() {
            self.open.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Whether all events are written.
    pub(super) fn is_idle(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }
}

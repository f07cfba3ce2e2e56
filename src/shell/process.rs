//! The processes of a container: who runs, who may be signalled, what runs in the background.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;

/// How many processes a container may have.
const PROCESSES_MAX: usize = 512;

/// The processes of a container; clones are the same table.
#[derive(Clone, Debug, Default)]
pub struct Processes(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    last: u32,
    running: BTreeMap<u32, Entry>,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) command: String,
    pub(crate) parent: u32,
    pub(crate) uid: u32,
    pub(crate) started: Timestamp,
    signal: watch::Sender<i32>,
}

/// A running process; it leaves the table when this is dropped.
pub(crate) struct Running {
    table: Processes,
    pub(crate) pid: u32,
    signal: watch::Receiver<i32>,
}

impl Processes {
    pub(crate) fn enter(
        &self,
        command: String,
        parent: u32,
        uid: u32,
        started: Timestamp,
    ) -> Option<Running> {
        let mut table = self.0.lock();
        if table.running.len() >= PROCESSES_MAX {
            return None;
        }
        table.last += 1;
        let pid = table.last;
        let (sender, signal) = watch::channel(0);
        let entry = Entry {
            command,
            parent,
            uid,
            started,
            signal: sender,
        };
        table.running.insert(pid, entry);
        drop(table);
        Some(Running {
            table: self.clone(),
            pid,
            signal,
        })
    }

    pub(crate) fn list(&self) -> Vec<(u32, Entry)> {
        let table = self.0.lock();
        table
            .running
            .iter()
            .map(|(pid, entry)| (*pid, entry.clone()))
            .collect()
    }

    /// Sends a signal; false where there is no such process. Signal 0 only asks.
    pub fn signal(&self, pid: u32, signal: i32) -> bool {
        let table = self.0.lock();
        let Some(entry) = table.running.get(&pid) else {
            return false;
        };
        if signal > 0 {
            entry.signal.send_replace(signal);
        }
        true
    }

    /// How many run.
    pub fn count(&self) -> usize {
        self.0.lock().running.len()
    }
}

impl Running {
    /// Runs to the end, or to a signal that ends it: then 128 and the signal's number.
    pub(crate) async fn until_killed(mut self, run: impl Future<Output = i32>) -> i32 {
        let killed = async {
            loop {
                if self.signal.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                let signal = *self.signal.borrow_and_update();
                // What stops, continues or tells of children or windows ends nobody here.
                if !matches!(signal, 17..=23 | 28) {
                    return 128 + signal;
                }
            }
        };
        let status = tokio::select! {
            biased;
            status = killed => status,
            status = run => status,
        };
        drop(self.table.0.lock().running.remove(&self.pid));
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.table.0.lock().running.remove(&self.pid);
    }
}

/// What runs beside the one that started it, within the same session.
#[derive(Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Pool {
    pub(crate) fn push(&self, job: BoxFuture<'static, ()>) {
        self.0.lock().push(job);
    }

    /// Runs something and, beside it, what it puts into the background.
    pub(crate) async fn drive<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = pin!(main);
        let mut jobs: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
        std::future::poll_fn(|context| {
            loop {
                if let Poll::Ready(value) = main.as_mut().poll(context) {
                    return Poll::Ready(value);
                }
                jobs.extend(std::mem::take(&mut *self.0.lock()));
                let mut ended = false;
                while let Poll::Ready(Some(())) = jobs.poll_next_unpin(context) {
                    ended = true;
                }
                if !ended && self.0.lock().is_empty() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

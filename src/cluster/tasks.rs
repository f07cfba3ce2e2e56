//! Where tasks live: the only place that starts any, and all end with the cluster.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::server::{Spawn, Stop};

/// The tasks of one cluster. Dropping it ends them.
pub(super) struct Tasks {
    set: Arc<Mutex<JoinSet<()>>>,
    runtime: Handle,
    stop: watch::Sender<bool>,
    last: Mutex<JoinSet<()>>,
    done: watch::Sender<bool>,
}

impl Tasks {
    /// No tasks yet; those to come run on this runtime.
    pub(super) fn new(runtime: Handle) -> Self {
        Self {
            set: Arc::default(),
            last: Mutex::default(),
            runtime,
            stop: watch::Sender::new(false),
            done: watch::Sender::new(false),
        }
    }

    /// Starts a task that goes on until all others have ended, and is told then.
    pub(super) fn spawn_last<F>(&self, task: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = task(self.done.subscribe());
        self.last.lock().spawn_on(task, &self.runtime);
    }

    /// A way to start tasks that can be handed on. It keeps no cluster alive.
    pub(super) fn spawn(&self) -> Spawn {
        let set = Arc::downgrade(&self.set);
        let runtime = self.runtime.clone();
        Arc::new(move |task: BoxFuture<'static, ()>| {
            let Some(set) = set.upgrade() else {
                return;
            };
            let mut set = set.lock();
            // What has ended is forgotten here, or the set would grow with every connection.
            while set.join_next().now_or_never().flatten().is_some() {}
            set.spawn_on(task, &runtime);
        })
    }

    /// The same for tasks that have no end of their own: they are let go when the cluster stops.
    pub(super) fn spawn_until_stop(&self) -> Spawn {
        let spawn = self.spawn();
        let stop = self.stop();
        Arc::new(move |task: BoxFuture<'static, ()>| {
            let mut stop = stop.clone();
            spawn(Box::pin(async move {
                tokio::select! {
                    () = task => {}
                    _ = stop.wait_for(|is_stopped| *is_stopped) => {}
                }
            }));
        })
    }

    /// Told when the cluster stops.
    pub(super) fn stop(&self) -> Stop {
        self.stop.subscribe()
    }

    /// Asks all tasks to end and waits until they have, or until `patience` is over.
    pub(super) async fn end(&self, patience: std::time::Duration) {
        self.stop.send_replace(true);
        let mut set = std::mem::take(&mut *self.set.lock());
        let ended = async { while set.join_next().await.is_some() {} };
        // Connections are real, and so is the time they may take to close.
        #[allow(clippy::disallowed_methods)]
        let in_time = tokio::time::timeout(patience, ended).await;
        if in_time.is_err() {
            set.shutdown().await;
        }
        self.done.send_replace(true);
        let mut last = std::mem::take(&mut *self.last.lock());
        while last.join_next().await.is_some() {}
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

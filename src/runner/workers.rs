//! Who does plans: the runner itself, one after the other, where the order of writes is a matter of
//! a seed; else workers beside it, as real controllers work beside each other.
//!
//! *Upstream:* the workers of every controller of kube-controller-manager.

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::event::Recorder;
use super::execute::{Events, Execution};
use super::plan::{Again, Plan};
use super::scribe::Scribe;
use super::{Identity, Item};
use crate::client::Client;
use crate::sim::{Clock, Spawn};

/// So many workers there are.
const WORKERS: usize = 4;

/// So many plans wait for them or are under way; what else is to be looked at waits, and is looked
/// at once for all that happens to it meanwhile.
const OPEN_MAX: usize = 12;

/// A plan to be done.
pub(super) struct Work {
    pub(super) controller: usize,
    pub(super) item: Item,
    pub(super) identity: Identity,
    pub(super) plan: Plan,
}

/// What the runner is told by those beside it.
pub(super) enum Done {
    /// A plan is done: whose, and when its item is looked at again.
    Plan {
        worker: usize,
        controller: usize,
        item: Item,
        again: Again,
    },
    /// All events are written.
    Events,
}

/// See the module.
pub(super) enum Workers {
    /// The runner does plans itself.
    InTurn(Box<Recorder>),
    /// Others do, beside it and beside each other.
    Beside(Team),
}

/// Workers beside the runner.
pub(super) struct Team {
    workers: Vec<Worker>,
    scribe: Scribe,
    done: mpsc::UnboundedReceiver<Done>,
}

struct Worker {
    sender: mpsc::UnboundedSender<Work>,
    /// So many plans it has not done yet.
    open: usize,
}

impl Team {
    /// Starts the workers and who writes events for them.
    pub(super) fn start(client: &Client, clock: &Clock, recorder: Recorder, spawn: &Spawn) -> Self {
        let (sender, done) = mpsc::unbounded_channel();
        let (scribe, writes) = Scribe::new(client.clone(), recorder, sender.clone());
        spawn(writes);
        let workers = (0..WORKERS).map(|worker| {
            let (client, clock) = (client.clone(), clock.clone());
            let (scribe, done) = (scribe.clone(), sender.clone());
            let (sender, mut receiver) = mpsc::unbounded_channel::<Work>();
            let task = async move {
                while let Some(work) = receiver.recv().await {
                    let mut execution = Execution {
                        client: &client,
                        identity: &work.identity,
                        events: Events::Beside(&scribe),
                        clock: &clock,
                    };
                    let again = execution.run(work.plan).await;
                    let told = done.send(Done::Plan {
                        worker,
                        controller: work.controller,
                        item: work.item,
                        again,
                    });
                    if told.is_err() {
                        return;
                    }
                }
            };
            spawn(task.boxed());
            Worker { sender, open: 0 }
        });
        Self {
            workers: workers.collect(),
            scribe,
            done,
        }
    }

    /// Hands a plan to whoever has the least to do; it comes back where nobody is there.
    pub(super) fn take(&mut self, work: Work) -> Option<Work> {
        let there = self.workers.iter_mut();
        let there = there.filter(|worker| !worker.sender.is_closed());
        let Some(worker) = there.min_by_key(|worker| worker.open) else {
            return Some(work);
        };
        let refused = worker.sender.send(work).err();
        if refused.is_none() {
            worker.open += 1;
        }
        refused.map(|refused| refused.0)
    }

    /// What was done since, without waiting.
    pub(super) fn done_by_now(&mut self) -> Option<Done> {
        let done = self.done.try_recv().ok()?;
        Some(self.note(done))
    }

    /// What is done next.
    pub(super) async fn next_done(&mut self) -> Done {
        match self.done.recv().await {
            Some(done) => self.note(done),
            None => std::future::pending().await,
        }
    }

    fn note(&mut self, done: Done) -> Done {
        if let Done::Plan { worker, .. } = &done {
            self.workers[*worker].open -= 1;
        }
        done
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.workers.iter().all(|worker| worker.open == 0) && self.scribe.is_idle()
    }
}

impl Workers {
    /// Whether another plan can be taken on.
    pub(super) fn have_room(&self) -> bool {
        match self {
            Self::InTurn(_) => true,
            Self::Beside(team) => {
                let open = team.workers.iter().map(|worker| worker.open);
                open.sum::<usize>() < OPEN_MAX
            }
        }
    }

    /// Whether nothing is under way.
    pub(super) fn are_idle(&self) -> bool {
        match self {
            Self::InTurn(_) => true,
            Self::Beside(team) => team.is_idle(),
        }
    }

    /// What was done since, without waiting.
    pub(super) fn done_by_now(&mut self) -> Option<Done> {
        match self {
            Self::InTurn(_) => None,
            Self::Beside(team) => team.done_by_now(),
        }
    }

    /// What is done next; who works in turn has done everything when they are asked.
    pub(super) async fn next_done(&mut self) -> Done {
        match self {
            Self::InTurn(_) => std::future::pending().await,
            Self::Beside(team) => team.next_done().await,
        }
    }
}

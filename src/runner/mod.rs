//! The controller runtime: what changes, who looks at it again, and what is done then.
//!
//! One task reads the store's log, asks every [`Controller`] what each change concerns, and takes
//! one item after the other: the controller makes a [`Plan`] of what it sees, and the plan's steps
//! go through the same door as every client's requests. One after the other, so that a cluster with
//! a seed does the same every time.
//!
//! *Invariant:* knows no particular controller; writes nothing but through a client.
//! *Upstream:* `client-go/{tools/cache,util/workqueue}`,
//! `controller-runtime/pkg/internal/controller`.

mod controller;
mod event;
mod execute;
mod handle;
mod identity;
mod index;
pub mod kinds;
mod plan;
mod queue;
mod seen;
mod similar;
mod world;

use std::sync::Arc;

pub use controller::{Controller, Watches};
pub use event::{About, Event, Severity};
pub use handle::{Handle, Turn, Waiting};
pub use identity::Identity;
pub use index::Link;
pub use kinds::Kind;
pub use plan::{Action, Again, Outcome, Outcomes, Plan, Step};
use queue::Queue;
pub use queue::{Item, Items};
pub use seen::Seen;
use tokio::sync::Notify;
pub use world::World;

use self::event::Recorder;
use self::handle::Shared;
use crate::client::Client;
use crate::schema::Catalog;
use crate::sim::{Clock, Entropy};
pub use crate::storage::{ChangeKind, Stored};
use crate::storage::{Error, Revision};

/// After so many items others get their turn on a runtime with one thread.
const ITEMS_A_TURN: usize = 16;

/// Runs controllers over a cluster.
pub struct Runner {
    controllers: Vec<Box<dyn Controller>>,
    world: World,
    queue: Queue,
    client: Client,
    clock: Clock,
    recorder: Recorder,
    grown: Arc<Notify>,
    /// Up to here the log was read.
    seen: Revision,
    shared: Arc<Shared>,
}

impl Runner {
    /// A runner that has seen nothing yet, to be steered by a handle.
    pub fn new(
        controllers: Vec<Box<dyn Controller>>,
        handle: &Handle,
        catalog: Arc<Catalog>,
        client: Client,
        entropy: Arc<Entropy>,
    ) -> Self {
        let shared = Arc::clone(&handle.shared);
        let (reader, clock) = (handle.reader(), handle.clock().clone());
        shared.start(controllers.iter().map(|one| one.name()).collect());
        Self {
            queue: Queue::new(controllers.len(), Arc::clone(&shared.timers)),
            controllers,
            grown: reader.grown(),
            world: World::new(reader, catalog, clock.now()),
            client,
            clock,
            recorder: Recorder::new(entropy),
            seen: Revision::default(),
            shared,
        }
    }

    /// Runs until it is dropped.
    pub async fn run(mut self) {
        let mut items = 0;
        let mut turn = None;
        loop {
            // Asked for before looking, so that nothing slips in between.
            let grown = Arc::clone(&self.grown);
            let grown = grown.notified();
            tokio::pin!(grown);
            grown.as_mut().enable();
            let moved = self.clock.moved();
            if turn.is_none() {
                turn = self.shared.own_turn().await;
            }
            self.world.now = self.clock.now();
            self.read_log();
            self.queue.wake(self.world.now);
            if let Some((controller, item)) = self.queue.pop() {
                self.work(controller, item).await;
                items += 1;
                if items % ITEMS_A_TURN == 0 {
                    tokio::task::yield_now().await;
                }
                continue;
            }
            self.shared.rest(self.seen, self.world.now);
            turn = None;
            let due = self.queue.next_due();
            let clock = self.clock.clone();
            let due = async move {
                match due {
                    Some(due) => clock.until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = grown => {}
                () = moved => {}
                () = due => {}
            }
        }
    }

    /// Tells controllers of everything that happened since.
    fn read_log(&mut self) {
        if self.seen == Revision::default() {
            self.look_anew();
            return;
        }
        let log = match self.world.reader.log(self.seen) {
            Ok(log) => log,
            Err(Error::Compacted { .. }) => return self.look_anew(),
            Err(_) => return,
        };
        for (resource, change) in log {
            self.seen = change.revision();
            let seen = Seen::of(resource, &change);
            self.tell(seen);
        }
    }

    /// Begins from what there is, at the start or after the log went on without us.
    fn look_anew(&mut self) {
        self.world.index.clear();
        for (index, controller) in self.controllers.iter_mut().enumerate() {
            controller.forget();
            let mut items = Items::default();
            controller.begin(&mut items);
            for item in items.into_inner() {
                self.queue.add(index, item);
            }
        }
        let revision = self.world.reader.revision();
        for resource in self.world.reader.resources() {
            let snapshot = self.world.reader.snapshot(&resource, Some(revision));
            let Ok(snapshot) = snapshot else { continue };
            for stored in snapshot.objects(None, None) {
                let seen = Seen {
                    resource: resource.clone(),
                    kind: ChangeKind::Added,
                    object: Arc::clone(stored),
                    previous: None,
                    former_owners: None,
                };
                self.tell(seen);
            }
        }
        self.seen = revision.max(Revision(1));
    }

    fn tell(&mut self, mut seen: Seen) {
        let mut watches = self.controllers.iter().map(|one| one.watches());
        let is_looked_at =
            |one: Watches<'_>| matches!(one, Watches::Kinds(_)) && one.includes(&seen.resource);
        if watches.any(is_looked_at) {
            // Parsed once for all who look at it, now and when they reconcile.
            self.world.parsed(&seen.object);
        }
        seen.former_owners = self.world.index.note(&seen);
        for (index, controller) in self.controllers.iter_mut().enumerate() {
            if !controller.watches().includes(&seen.resource) {
                continue;
            }
            let mut items = Items::default();
            controller.react(&self.world, &seen, &mut items);
            for item in items.into_inner() {
                self.queue.add(index, item);
            }
        }
    }

    /// Has a controller look at an item, and does what it plans.
    async fn work(&mut self, index: usize, item: Item) {
        let Some(controller) = self.controllers.get_mut(index) else {
            return;
        };
        self.queue.disarm(index, &item);
        let plan = controller.reconcile(&self.world, &item);
        let identity = controller.identity();
        let mut execution = execute::Execution {
            client: &self.client,
            identity: &identity,
            recorder: &mut self.recorder,
            clock: &self.clock,
        };
        let again = execution.run(plan).await;
        self.queue.finish(index, item, again, self.clock.now());
    }
}

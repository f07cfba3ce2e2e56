//! The controller runtime: what changes, who looks at it again, and what is done then.
//!
//! One task reads the store's log, asks every [`Controller`] what each change concerns, and takes
//! one item after the other: the controller makes a [`Plan`] of what it sees, and the plan's steps
//! go through the same door as every client's requests. Where the runner takes turns with those
//! outside, it does each plan before it looks at the next item, so that a cluster with a seed does
//! the same every time; else workers do plans beside each other and beside the runner, and an item
//! is looked at again only when what was planned for it is done and seen.
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
mod scribe;
mod seen;
mod similar;
mod workers;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
use self::execute::{Events, Execution};
use self::handle::Shared;
use self::workers::{Done, Team, Work, Workers};
use crate::client::Client;
use crate::object::GroupResource;
use crate::schema::Catalog;
use crate::sim::{Clock, Entropy, Spawn};
pub use crate::storage::{ChangeKind, Stored};
use crate::storage::{Error, Recent, Revision};

/// After so many items others get their turn on a runtime with one thread.
const ITEMS_A_TURN: usize = 16;

/// What a runner works with.
pub struct Means {
    /// What is served.
    pub catalog: Arc<Catalog>,
    /// What was written last.
    pub recent: Arc<Recent>,
    /// The door.
    pub client: Client,
    /// Chance.
    pub entropy: Arc<Entropy>,
    /// Who keeps the tasks of workers.
    pub spawn: Spawn,
}

/// Runs controllers over a cluster.
pub struct Runner {
    controllers: Vec<Box<dyn Controller>>,
    /// Who is told of a resource's changes.
    audiences: BTreeMap<GroupResource, Audience>,
    world: World,
    queue: Queue,
    client: Client,
    clock: Clock,
    workers: Workers,
    grown: Arc<Notify>,
    /// Up to here the log was read.
    seen: Revision,
    shared: Arc<Shared>,
}

/// Who is told of changes of a resource.
struct Audience {
    /// The controllers, by their places in the table.
    told: Vec<usize>,
    /// Whether any of them looks at just this resource, and so into its objects.
    looks: bool,
}

impl Audience {
    fn of(controllers: &[Box<dyn Controller>], resource: &GroupResource) -> Self {
        let watches = || controllers.iter().map(|one| one.watches()).enumerate();
        let told = watches().filter(|(_, watches)| watches.includes(resource));
        Self {
            told: told.map(|(index, _)| index).collect(),
            looks: watches().any(|(_, watches)| {
                matches!(watches, Watches::Kinds(_)) && watches.includes(resource)
            }),
        }
    }
}

impl Runner {
    /// A runner that has seen nothing yet, to be steered by a handle. Where no turns are taken, it
    /// starts workers beside it.
    pub fn new(controllers: Vec<Box<dyn Controller>>, handle: &Handle, means: Means) -> Self {
        let Means {
            catalog,
            recent,
            client,
            entropy,
            spawn,
        } = means;
        let shared = Arc::clone(&handle.shared);
        let (reader, clock) = (handle.reader(), handle.clock().clone());
        shared.start(controllers.iter().map(|one| one.name()).collect());
        let recorder = Recorder::new(entropy);
        let workers = if shared.takes_turns() {
            Workers::InTurn(Box::new(recorder))
        } else {
            Workers::Beside(Team::start(&client, &clock, recorder, &spawn))
        };
        let widths = controllers.iter().map(|one| one.width());
        Self {
            queue: Queue::new(widths, Arc::clone(&shared.timers)),
            controllers,
            audiences: BTreeMap::new(),
            grown: reader.grown(),
            world: World::new(reader, recent, catalog, clock.now()),
            client,
            clock,
            workers,
            seen: Revision::default(),
            shared,
        }
    }

    /// Runs until it is dropped.
    pub async fn run(mut self) {
        let mut items = 0;
        let mut turn = None;
        loop {
            if turn.is_none() {
                turn = self.shared.own_turn().await;
            }
            while self.take_one().await {
                items += 1;
                if items % ITEMS_A_TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
            // Asked for before looking again, so that nothing slips in between.
            let grown = Arc::clone(&self.grown);
            let grown = grown.notified();
            tokio::pin!(grown);
            grown.as_mut().enable();
            let moved = self.clock.moved();
            if self.take_one().await {
                continue;
            }
            if self.workers.are_idle() {
                self.shared.rest(self.seen, self.world.now);
                self.world.rest();
            }
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
                done = self.workers.next_done() => self.finish(done),
            }
        }
    }

    /// Takes note of what happened and has the next item looked at; false where there is none.
    async fn take_one(&mut self) -> bool {
        self.world.now = self.clock.now();
        // What was done is in the log by now: it is seen before its item is looked at again.
        while let Some(done) = self.workers.done_by_now() {
            self.finish(done);
        }
        self.read_log();
        self.queue.wake(self.world.now);
        if !self.workers.have_room() {
            return false;
        }
        let Some((controller, item)) = self.queue.pop() else {
            return false;
        };
        self.work(controller, item).await;
        true
    }

    fn finish(&mut self, done: Done) {
        if let Done::Plan {
            controller,
            item,
            again,
            ..
        } = done
        {
            self.queue.finish(controller, item, again, self.clock.now());
        }
    }

    /// Tells controllers of everything that happened since.
    fn read_log(&mut self) {
        if self.seen == Revision::default() {
            self.look_anew();
            return;
        }
        if self.seen == self.world.reader.revision() {
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
                    owners: Arc::default(),
                    former_owners: None,
                };
                self.tell(seen);
            }
        }
        self.seen = revision.max(Revision(1));
    }

    fn tell(&mut self, mut seen: Seen) {
        if !self.audiences.contains_key(&seen.resource) {
            let audience = Audience::of(&self.controllers, &seen.resource);
            if audience.looks {
                self.world.expect(&seen.resource);
            }
            self.audiences.insert(seen.resource.clone(), audience);
        }
        let Some(audience) = self.audiences.get(&seen.resource) else {
            return;
        };
        if audience.looks {
            // Parsed once for all who look at it, now and when they reconcile.
            self.world.parsed(&seen.object);
        }
        self.world.index.note(&mut seen);
        for index in &audience.told {
            let mut items = Items::default();
            self.controllers[*index].react(&self.world, &seen, &mut items);
            for item in items.into_inner() {
                self.queue.add(*index, item);
            }
        }
    }

    /// Has a controller look at an item, and does what it plans.
    async fn work(&mut self, index: usize, item: Item) {
        let controller = &mut self.controllers[index];
        self.queue.disarm(index, &item);
        let looked = catch_unwind(AssertUnwindSafe(|| {
            controller.reconcile(&self.world, &item)
        }));
        let plan = looked.unwrap_or_else(|_| {
            tracing::error!(controller = controller.name(), key = %item.key, "a controller panicked");
            let mut plan = Plan::nothing();
            plan.again(Again::AfterBackoff);
            plan
        });
        if plan.is_empty() {
            let again = plan.again;
            return self.queue.finish(index, item, again, self.clock.now());
        }
        let identity = controller.identity();
        match &mut self.workers {
            Workers::InTurn(recorder) => {
                let mut execution = Execution {
                    client: &self.client,
                    identity: &identity,
                    events: Events::InPlace(recorder),
                    clock: &self.clock,
                };
                let again = execution.run(plan).await;
                self.queue.finish(index, item, again, self.clock.now());
            }
            Workers::Beside(team) => {
                let work = Work {
                    controller: index,
                    item,
                    identity,
                    plan,
                };
                // Where nobody is left to do it, it is tried again later.
                if let Some(left) = team.take(work) {
                    let (item, now) = (left.item, self.clock.now());
                    self.queue.finish(index, item, Again::AfterBackoff, now);
                }
            }
        }
    }
}

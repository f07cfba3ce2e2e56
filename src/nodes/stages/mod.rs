//! kwok's `Stage` objects: what becomes of pods, nodes and whatever else they name, and when.
//!
//! A Stage that matches an object says what happens to it next, after its delay; of several, one is
//! drawn by their weights. An object that no Stage matches does what it does without them, see
//! [`super::behaviour`]. As in kwok, an object that changed is looked at anew, and its delay begins
//! again.
//!
//! Differs: kwok's own controller knows no other behaviour than its Stages. Here a Stage that makes
//! containers fail needs no others beside it that start them. What a Stage repeats without end
//! (heartbeats) is passed over when a virtual clock is moved, but for the last time.
//!
//! *Invariant:* what is kept here can be dropped at any time; delays then begin again.
//! *Upstream:* kwok's `pkg/utils/lifecycle`, `pkg/kwok/controllers/stage_controller.go`.

mod functions;
mod query;
mod selector;
mod stage;
mod steps;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(super) use self::functions::{Nowhere, Places};
use self::stage::Stage;
use crate::object::Object;
use crate::runner::kinds::{NODES, PODS, STAGES};
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Watches, World,
};
use crate::sim::Entropy;

/// Who plays the stages of what is not a node's, as far as events and managed fields say.
const COMPONENT: &str = "kwok";

/// All Stages there are, shared by those who play them.
#[derive(Clone, Debug, Default)]
pub(super) struct Stages(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    /// By their names, in whose order they are drawn from.
    stages: BTreeMap<String, Arc<Stage>>,
    /// Grows with every change, so that what was chosen before counts no longer.
    edition: u64,
    chosen: BTreeMap<Item, Choice>,
}

/// The stage that was chosen for an object as it was at a version.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    version: String,
    edition: u64,
    stage: String,
    due: Timestamp,
    is_played: bool,
    /// Whether it follows on itself.
    is_repeated: bool,
}

impl Stages {
    /// Takes note of a Stage that was made, changed or removed.
    fn note(&self, seen: &Seen) {
        let name = seen.object.key.name();
        let stage = (!seen.is_gone()).then(|| Stage::of(&seen.parsed()));
        let mut book = self.0.lock();
        book.edition += 1;
        match stage {
            Some(Ok(stage)) => {
                book.stages.insert(name.to_owned(), Arc::new(stage));
            }
            _ => {
                book.stages.remove(name);
            }
        }
    }

    /// Whether a Stage names a kind.
    pub(super) fn concern(&self, kind: &Kind) -> bool {
        let book = self.0.lock();
        book.stages.values().any(|stage| stage.is_of(kind))
    }

    /// Whether a change of a Stage, present or past, is about a kind.
    pub(super) fn is_about(seen: &Seen, kind: &Kind) -> bool {
        seen.resource == STAGES.resource
            && [Some(seen.parsed()), seen.parsed_previous()]
                .into_iter()
                .flatten()
                .any(|stage| stage::names(&stage, kind))
    }

    /// What the Stages have in mind for an object; `None` where none matches it.
    pub(super) fn play(
        &self,
        world: &World,
        (kind, item): (&Kind, &Item),
        object: &Arc<Object>,
        places: &mut dyn Places,
    ) -> Option<Plan> {
        let mut book = self.0.lock();
        let matching: Vec<Arc<Stage>> = book
            .stages
            .values()
            .filter(|stage| stage.is_of(kind))
            .filter(|stage| stage.matches(object))
            .cloned()
            .collect();
        if matching.is_empty() {
            book.chosen.remove(item);
            return None;
        }
        let edition = book.edition;
        let known = book.chosen.get(item).cloned();
        let is_current = |choice: &Choice| {
            choice.version == object.resource_version() && choice.edition == edition
        };
        let choice = match known {
            Some(choice) if is_current(&choice) => choice,
            known => choose(&matching, object, world.now, (edition, known)),
        };
        let left = Duration::try_from(choice.due.duration_since(world.now)).unwrap_or_default();
        let is_due = left.is_zero() && !choice.is_played;
        let again = match (choice.is_played, choice.is_repeated) {
            _ if is_due => Again::OnChange,
            (true, _) => Again::OnChange,
            (false, true) => Again::LazilyAfter(left),
            (false, false) => Again::After(left),
        };
        let name = choice.stage.clone();
        let is_played = choice.is_played || is_due;
        book.chosen.insert(
            item.clone(),
            Choice {
                is_played,
                ..choice
            },
        );
        let stage = book.stages.get(&name).cloned();
        // Steps look at nodes, and may take their time.
        drop(book);
        let stage = stage.filter(|_| is_due);
        let mut plan = match stage {
            Some(stage) => steps::plan(&stage, (world, kind), object, places),
            None => Plan::nothing(),
        };
        plan.again(again);
        Some(plan)
    }

    fn forget(&self) {
        *self.0.lock() = Book::default();
    }

    fn forget_object(&self, item: &Item) {
        self.0.lock().chosen.remove(item);
    }
}

/// Chance that is the same for the same version of an object.
fn entropy(object: &Object) -> Entropy {
    let mut hash = Sha256::new();
    hash.update(object.uid());
    hash.update(object.resource_version());
    let digest = hash.finalize();
    let mut seed = [0; 8];
    seed.copy_from_slice(&digest[..8]);
    Entropy::seeded(u64::from_be_bytes(seed))
}

/// Draws one of the stages that match, and how long it takes.
fn choose(
    matching: &[Arc<Stage>],
    object: &Arc<Object>,
    now: Timestamp,
    (edition, before): (u64, Option<Choice>),
) -> Choice {
    let entropy = entropy(object);
    let stage = draw(matching, object, &entropy);
    let delay = stage.map(|stage| stage.delay(object, now, &entropy));
    let due = now.checked_add(delay.unwrap_or_default());
    let name = stage.map_or_else(String::new, |stage| stage.name.clone());
    let is_repeated = before.is_some_and(|before| before.is_played && before.stage == name);
    Choice {
        version: object.resource_version().to_owned(),
        edition,
        stage: name,
        due: due.unwrap_or(Timestamp::MAX),
        is_played: false,
        is_repeated,
    }
}

/// One of several by their weights. Where none has weight, all are alike; those whose weight cannot
/// be read stand behind.
fn draw<'s>(
    matching: &'s [Arc<Stage>],
    object: &Arc<Object>,
    entropy: &Entropy,
) -> Option<&'s Arc<Stage>> {
    if matching.len() < 2 {
        return matching.first();
    }
    let weighed: Vec<(&Arc<Stage>, Option<u64>)> = matching
        .iter()
        .map(|stage| (stage, stage.weight(object)))
        .collect();
    let known = weighed.iter().filter_map(|(_, weight)| *weight);
    let total = known.fold(0, u64::saturating_add);
    if total == 0 {
        let known = weighed.iter().filter(|(_, weight)| weight.is_some());
        let mut alike: Vec<&Arc<Stage>> = known.map(|(stage, _)| *stage).collect();
        if alike.is_empty() {
            alike = matching.iter().collect();
        }
        return alike
            .get(entropy.below(alike.len() as u64) as usize)
            .copied();
    }
    let mut left = entropy.below(total);
    for (stage, weight) in weighed {
        let weight = weight.unwrap_or(0);
        if left < weight {
            return Some(stage);
        }
        left -= weight;
    }
    None
}

/// Reads Stages, and plays those of what is neither pod nor node.
#[derive(Debug)]
pub(super) struct Player {
    stages: Stages,
}

impl Player {
    pub(super) fn new(stages: Stages) -> Self {
        Self { stages }
    }

    /// Everything that a Stage names.
    fn add_all(world: &World, stage: &Object, items: &mut Items) {
        let Some((api_version, kind)) = stage::reference(stage) else {
            return;
        };
        if let Some(kind) = world.kind_of(&api_version, kind)
            && kind.resource != PODS.resource
            && kind.resource != NODES.resource
            && let Some(snapshot) = world.snapshot(&kind.resource)
        {
            for stored in snapshot.objects(None, None) {
                items.add(&kind.resource, &stored.key);
            }
        }
    }
}

impl Controller for Player {
    fn name(&self) -> &'static str {
        "stage"
    }

    fn identity(&self) -> Identity {
        Identity::Kwok
    }

    fn watches(&self) -> Watches<'_> {
        Watches::Everything
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == STAGES.resource {
            self.stages.note(seen);
            items.add(&seen.resource, &seen.object.key);
            for stage in [Some(seen.parsed()), seen.parsed_previous()]
                .into_iter()
                .flatten()
            {
                Self::add_all(world, &stage, items);
            }
            return;
        }
        if self.stages.0.lock().stages.is_empty() {
            return;
        }
        if seen.is_gone() {
            self.stages.forget_object(&seen.item());
        } else if seen.resource != PODS.resource && seen.resource != NODES.resource {
            let is_named = world.kind(&seen.resource);
            if is_named.is_some_and(|kind| self.stages.concern(&kind)) {
                items.add(&seen.resource, &seen.object.key);
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(object) = world.object(item) else {
            return Plan::nothing();
        };
        if item.resource == STAGES.resource {
            return match Stage::of(&object) {
                Ok(_) => Plan::nothing(),
                Err(why) => {
                    let about = About::object(&STAGES, &object);
                    let mut plan = Plan::nothing();
                    plan.event(Event::warning(about, COMPONENT, "InvalidStage", why));
                    plan
                }
            };
        }
        let Some(kind) = world.kind(&item.resource) else {
            return Plan::nothing();
        };
        let plan = self
            .stages
            .play(world, (&kind, item), &object, &mut Nowhere);
        plan.unwrap_or_default()
    }

    fn forget(&mut self) {
        self.stages.forget();
    }
}

/// The definitions of the kinds, as kwok has them.
static DEFINITIONS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let text = include_str!("definitions.json");
    serde_json::from_str(text).unwrap_or_default()
});

/// The definitions of kwok's kinds that are known here.
pub fn definitions() -> &'static [Value] {
    &DEFINITIONS
}

//! kube-scheduler: every pod gets a node, or is told why there is none.
//!
//! One pod at a time, those of a high priority first. The nodes and what is on them are kept up
//! with every change that is told, so that a pod costs a look at some nodes and none at other pods.
//!
//! *Upstream:* `pkg/scheduler/{schedule_one,scheduler,eventhandlers}.go`.

mod affinity;
mod cache;
mod filter;
mod node;
mod pod;
mod resources;
mod score;
mod taints;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::cache::Cache;
use self::filter::Refusal;
use self::pod::Wanting;
use crate::client::PatchKind;
use crate::controllers::shared::conditions;
use crate::object::{Key, Object, time};
use crate::runner::kinds::{NODES, PODS};
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Outcome, Plan, Seen, Step,
    Watches, World,
};

/// Who schedules pods that do not say by whom.
const NAME: &str = "default-scheduler";

/// Of so many nodes that can take a pod the best is taken.
///
/// Differs: upstream looks at a share of all nodes that is larger where there are some thousands.
const FEASIBLE_MAX: usize = 100;

/// So many attempts in the same instant are made without a pause.
const ATTEMPTS_AT_ONCE: u32 = 8;

/// The first pause between attempts.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The longest pause between attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// A pod that waits for something to change is tried again after this time whatever happens.
const WAIT_MAX: Duration = Duration::from_mins(5);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Scheduler {
    cache: Cache,
    /// Pods for which there was no node.
    waiting: BTreeMap<Key, Attempts>,
    /// Where the search for nodes goes on.
    next: usize,
    /// Whose turn it is of those that are equally good.
    turn: usize,
}

/// What was tried for a pod that waits.
#[derive(Clone, Copy, Debug)]
struct Attempts {
    count: u32,
    last: Timestamp,
}

impl Controller for Scheduler {
    fn name(&self) -> &'static str {
        "kube-scheduler"
    }

    fn identity(&self) -> Identity {
        Identity::Scheduler
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&PODS, &NODES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        let makes_room = if seen.resource == NODES.resource {
            self.cache.note_node(seen)
        } else {
            let key = &seen.object.key;
            let node = seen.object.field("spec.nodeName").unwrap_or("");
            if seen.is_gone() || !node.is_empty() {
                self.waiting.remove(key);
            } else {
                items.add(&seen.resource, key);
            }
            self.cache.note_pod(seen)
        };
        if makes_room {
            for key in self.waiting.keys() {
                items.push(&PODS, key.namespace(), key.name());
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(pod) = world.object(item).filter(|pod| is_ours(pod)) else {
            return Plan::nothing();
        };
        if !pod.items(&["spec", "schedulingGates"]).is_empty() {
            return Plan::nothing();
        }
        if let Some(attempts) = self.waiting.get(&item.key)
            && let Some(left) = attempts.pause(world.now)
        {
            return Plan::nothing().and_again(Again::After(left));
        }
        self.schedule(world, &pod)
    }

    fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Attempts {
    /// How long to wait before the next.
    fn pause(&self, now: Timestamp) -> Option<Duration> {
        let doublings = self.count.checked_sub(ATTEMPTS_AT_ONCE)?;
        let pause = BACKOFF_FIRST.saturating_mul(1 << doublings.min(4));
        let until = self.last.checked_add(pause.min(BACKOFF_MAX)).ok()?;
        let left = Duration::try_from(until.duration_since(now)).ok()?;
        (!left.is_zero()).then_some(left)
    }
}

impl Scheduler {
    fn schedule(&mut self, world: &World, pod: &Object) -> Plan {
        let wanting = Wanting::of(pod);
        let (feasible, refusals) = self.feasible(&wanting);
        if feasible.is_empty() {
            return self.fail(world, pod, &refusals);
        }
        let scores = score::score(&wanting, &self.cache, &feasible);
        let best = self.pick(&feasible, &scores);
        let Some(place) = best else {
            return Plan::nothing();
        };
        bind(pod, self.cache.nodes[place].name())
    }

    /// One of the best, in turn where there are several.
    fn pick(&mut self, places: &[usize], scores: &[i64]) -> Option<usize> {
        let best = scores.iter().max()?;
        let scored = places.iter().zip(scores);
        let equal: Vec<usize> = scored
            .filter(|(_, score)| *score == best)
            .map(|(place, _)| *place)
            .collect();
        self.turn = self.turn.wrapping_add(1);
        equal.get(self.turn % equal.len()).copied()
    }

    /// Nodes that can take a pod, at most so many, from where the last search ended; why the
    /// others cannot.
    fn feasible(&mut self, pod: &Wanting) -> (Vec<usize>, Vec<Refusal>) {
        let total = self.cache.nodes.len();
        let mut feasible = Vec::new();
        let mut refusals = Vec::new();
        let mut looked = 0;
        while looked < total && feasible.len() < FEASIBLE_MAX {
            let place = (self.next + looked) % total;
            looked += 1;
            let node = &self.cache.nodes[place];
            if !node.is_there {
                continue;
            }
            match filter::check(pod, node) {
                Ok(()) => feasible.push(place),
                Err(refusal) => refusals.push(refusal),
            }
        }
        if total > 0 {
            self.next = (self.next + looked) % total;
        }
        (feasible, refusals)
    }

    /// Says why a pod has no node, and waits for something to change.
    fn fail(&mut self, world: &World, pod: &Object, refusals: &[Refusal]) -> Plan {
        let now = world.now;
        let known = self.waiting.get(&pod.key());
        let count = known
            .filter(|known| known.last == now)
            .map_or(0, |known| known.count);
        let attempts = Attempts {
            count: count + 1,
            last: now,
        };
        self.waiting.insert(pod.key(), attempts);
        let count = self.cache.count;
        let message = if count == 0 {
            "no nodes available to schedule pods".to_owned()
        } else {
            let reasons = refusals.iter().flat_map(|one| &one.reasons);
            let message = filter::message(count, reasons.map(String::as_str));
            let helps = "Preemption is not helpful for scheduling";
            let told = refusals.iter().map(|one| {
                if one.is_curable {
                    "No preemption victims found for incoming pod"
                } else {
                    helps
                }
            });
            format!("{message} preemption: {}", filter::message(count, told))
        };
        let mut plan = tell_failure(pod, &message, now);
        plan.again(Again::LazilyAfter(WAIT_MAX));
        plan
    }
}

/// Whether a pod waits for this scheduler.
fn is_ours(pod: &Object) -> bool {
    pod.text(&["spec", "nodeName"]).is_empty()
        && !pod.is_being_deleted()
        && matches!(pod.text(&["spec", "schedulerName"]), "" | NAME)
        && !matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed")
}

/// Writes the condition that says why a pod has no node, where it does not say so yet.
fn tell_failure(pod: &Object, message: &str, now: Timestamp) -> Plan {
    let known = conditions::find(pod.items(&["status", "conditions"]), "PodScheduled");
    let same = |field: &str, text: &str| known.is_some_and(|known| known[field] == text);
    let mut plan = Plan::nothing();
    let is_known =
        same("status", "False") && same("reason", "Unschedulable") && same("message", message);
    if !is_known {
        let since = known.filter(|_| same("status", "False"));
        let since = since.map_or_else(
            || Value::String(time::seconds(now)),
            |known| known["lastTransitionTime"].clone(),
        );
        let patch = json!({"metadata": {"uid": pod.uid()}, "status": {"conditions": [{
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": null,
            "lastTransitionTime": since,
            "reason": "Unschedulable",
            "message": message,
        }]}});
        let how = PatchKind::Strategic;
        let step = Step::patch(&PODS, pod.namespace(), pod.name(), how, patch);
        plan.step(step.subresource("status"));
    }
    let about = About::object(&PODS, pod);
    let event = Event::warning(about, NAME, "FailedScheduling", message);
    plan.event(event.action("Scheduling"));
    plan
}

/// Gives a pod its node.
fn bind(pod: &Object, node: &str) -> Plan {
    let (namespace, name) = (pod.namespace(), pod.name());
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name, "namespace": namespace, "uid": pod.uid()},
        "target": {"kind": "Node", "name": node},
    });
    let message = format!("Successfully assigned {namespace}/{name} to {node}");
    let about = About::object(&PODS, pod);
    let step = Step::create_under(&PODS, (namespace, name), "binding", binding);
    Plan::of(step.tell(move |outcome: &Outcome| {
        let event = Event::normal(about, NAME, "Scheduled", message).action("Binding");
        outcome.is_success().then_some(event)
    }))
}

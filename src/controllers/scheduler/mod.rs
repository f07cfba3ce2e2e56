//! kube-scheduler: every pod gets a node, or is told why there is none.
//!
//! One pod at a time, those of a high priority first. The nodes and what is on them are kept up
//! with every change that is told, so that a pod costs a look at some nodes and none at other pods.
//!
//! *Upstream:* `pkg/scheduler/{schedule_one,scheduler,eventhandlers}.go`.

mod affinity;
mod cache;
mod claims;
mod filter;
mod neighbours;
mod node;
mod plans;
mod pod;
mod preemption;
mod resources;
mod score;
mod taints;
mod tally;
mod terms;
mod volumes;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;

use self::cache::Cache;
use self::claims::Standing;
use self::claims::devices::Devices;
use self::filter::Refusal;
use self::neighbours::Neighbours;
use self::pod::Wanting;
use self::volumes::Volumes;
use crate::object::{Key, Object};
use crate::runner::kinds::{
    DEVICE_CLASSES, NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, RESOURCE_CLAIMS,
    RESOURCE_SLICES, STORAGE_CLASSES,
};
use crate::runner::{Again, Controller, Identity, Item, Items, Kind, Plan, Seen, Watches, World};

/// Of so many nodes that can take a pod the best is taken.
///
/// Differs: upstream looks at a share of all nodes that is larger where there are some thousands.
const FEASIBLE_MAX: usize = 100;

/// So many attempts, one soon after the other, are made without a pause.
///
/// Differs: upstream pauses from the first on; here a test whose clock stands still sees a pod
/// scheduled as soon as there is room for it.
const ATTEMPTS_AT_ONCE: u32 = 8;

/// The first pause between attempts.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The longest pause between attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// A pod that waits for something to change is tried again after this time whatever happens.
const WAIT_MAX: Duration = Duration::from_mins(5);

/// What a pod is told in a cluster without nodes.
const NO_NODES: &str = "no nodes available to schedule pods";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Scheduler {
    cache: Cache,
    /// Pods for which there was no node.
    waiting: BTreeMap<Key, Attempts>,
    /// Pods with a priority that wait for their first turn: others let them go first.
    urgent: Urgent,
    /// Where the search for nodes goes on.
    next: usize,
    /// Whose turn it is of those that are equally good.
    turn: usize,
}

/// Pods by their priorities, the highest first.
#[derive(Debug, Default)]
struct Urgent {
    order: BTreeSet<(Reverse<i64>, Key)>,
    priorities: BTreeMap<Key, i64>,
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
        static KINDS: LazyLock<[&Kind; 8]> = LazyLock::new(|| {
            [
                &PODS,
                &NODES,
                &PERSISTENT_VOLUME_CLAIMS,
                &PERSISTENT_VOLUMES,
                &STORAGE_CLASSES,
                &RESOURCE_CLAIMS,
                &RESOURCE_SLICES,
                &DEVICE_CLASSES,
            ]
        });
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        let makes_room = if seen.resource == NODES.resource {
            self.cache.note_node(seen)
        } else if seen.resource != PODS.resource {
            // A volume, a claim or a class: pods may wait for it.
            !seen.is_gone()
        } else {
            self.note_pod(world, seen, items)
        };
        if makes_room {
            for key in self.waiting.keys() {
                items.push(&PODS, key.namespace(), key.name());
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        // Whatever comes of it: this was its first turn.
        self.urgent.remove(&item.key);
        let Some(pod) = world.object(item).filter(|pod| is_ours(pod)) else {
            return Plan::nothing();
        };
        if let Some(attempts) = self.waiting.get(&item.key)
            && let Some(left) = attempts.pause(world.now)
        {
            return Plan::nothing().and_again(Again::After(left));
        }
        let priority = pod.integer(&["spec", "priority"]).unwrap_or(0);
        if self.urgent.is_above(priority) {
            return Plan::nothing().and_again(Again::AtOnce);
        }
        self.schedule(world, &pod)
    }

    fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Urgent {
    fn add(&mut self, key: &Key, priority: i64) {
        self.remove(key);
        self.order.insert((Reverse(priority), key.clone()));
        self.priorities.insert(key.clone(), priority);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(priority) = self.priorities.remove(key) {
            self.order.remove(&(Reverse(priority), key.clone()));
        }
    }

    /// Whether a pod lets another one go first.
    fn is_above(&self, priority: i64) -> bool {
        let first = self.order.first();
        first.is_some_and(|(Reverse(first), _)| *first > priority)
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
    /// Takes note of a pod; whether its change makes room for others.
    fn note_pod(&mut self, world: &World, seen: &Seen, items: &mut Items) -> bool {
        let key = &seen.object.key;
        let node = seen.object.field("spec.nodeName").unwrap_or("");
        if seen.is_gone() || !node.is_empty() {
            self.waiting.remove(key);
            self.cache.withdraw(key);
            self.urgent.remove(key);
            return self.cache.note_pod(world, seen);
        }
        let pod = seen.parsed();
        let is_told = |previous: &Object| {
            previous.generation() == pod.generation() && previous.labels().eq(pod.labels())
        };
        let previous = seen.parsed_previous();
        if self.waiting.contains_key(key) && previous.is_some_and(|one| is_told(&one)) {
            // Its own failure, most often: only a change of what it wants is a reason to try again.
            return false;
        }
        items.add(&seen.resource, key);
        let priority = pod.integer(&["spec", "priority"]).unwrap_or(0);
        if priority > 0 && is_ours(&pod) && !self.waiting.contains_key(key) {
            self.urgent.add(key, priority);
        }
        self.cache.note_pod(world, seen)
    }

    fn schedule(&mut self, world: &World, pod: &Object) -> Plan {
        let key = pod.key();
        let (allocated, devices) = match claims::look(world, pod) {
            Standing::Made(terms, devices) => (terms, devices),
            // Whoever makes the claim tells the pod.
            Standing::Unmade => return Plan::nothing(),
            Standing::Refused(why) => return self.wait(pod, &why, world.now),
        };
        let volumes = Volumes::of(world, pod);
        let problem = volumes.as_ref().err().cloned();
        let mut volumes = volumes.unwrap_or_default();
        volumes.allocated = allocated;
        volumes.devices = devices;
        let wanting = Wanting::of(world, pod, volumes);
        if let Some(problem) = problem {
            return self.fail(world, pod, wanting, Err(&problem));
        }
        let priority = wanting.bound.priority;
        let (next, turn) = (&mut self.next, &mut self.turn);
        let look = |cache: &mut Cache| {
            let neighbours = Neighbours::of(cache, &wanting);
            let nominated = pod.text(&["status", "nominatedNodeName"]);
            let told = wanting
                .volumes
                .delayed
                .iter()
                .find_map(|(_, told)| told.as_deref());
            if let Some(place) = cache.place_of(told.unwrap_or(nominated))
                && check(cache, &neighbours, &wanting, place).is_ok()
            {
                return Ok(place);
            }
            let (feasible, refusals) = feasible(cache, &neighbours, &wanting, next);
            let scores = score::score(&wanting, cache, &neighbours, &feasible);
            pick(&feasible, &scores, turn).ok_or(refusals)
        };
        let found = self.cache.with_nominated(&key, priority, look);
        if let Some(why) = wanting.volumes.devices.as_ref().and_then(Devices::failure) {
            let attempts = Attempts {
                count: 0,
                last: world.now,
            };
            self.waiting.insert(key, attempts);
            let why = format!("running \"DynamicResources\" filter plugin: {why}");
            return plans::err(pod, &why, world.now).and_again(Again::LazilyAfter(WAIT_MAX));
        }
        match found {
            Ok(place) => {
                let node = &self.cache.nodes[place];
                if wanting.volumes.delayed.is_empty() {
                    let mut plan = claims::give(pod, node, wanting.volumes.devices.as_ref());
                    plan.append(plans::bind(pod, node.name()));
                    return plan;
                }
                let node = node.name();
                let attempts = Attempts {
                    count: 0,
                    last: world.now,
                };
                self.waiting.insert(key, attempts);
                plans::select_node(pod, &wanting.volumes, node)
            }
            Err(refusals) => self.fail(world, pod, wanting, Ok(&refusals)),
        }
    }

    /// Says why there is no node for a pod's claims, which nobody's making way helps.
    fn wait(&mut self, pod: &Object, why: &str, now: Timestamp) -> Plan {
        let attempts = Attempts {
            count: 0,
            last: now,
        };
        self.waiting.insert(pod.key(), attempts);
        let count = self.cache.count;
        let helpless = std::iter::repeat_n("Preemption is not helpful for scheduling", count);
        let preemption = filter::message(count, helpless);
        let message = match count {
            0 => NO_NODES.to_owned(),
            _ => format!("0/{count} nodes are available: {why}. preemption: {preemption}"),
        };
        plans::fail(pod, &message, None, now).and_again(Again::LazilyAfter(WAIT_MAX))
    }

    /// Says why a pod has no node, has others make way for it if that helps, and waits for
    /// something to change.
    fn fail(
        &mut self,
        world: &World,
        pod: &Object,
        wanting: Wanting,
        refusals: Result<&[(usize, Refusal)], &str>,
    ) -> Plan {
        let now = world.now;
        let known = self.waiting.get(&pod.key());
        // Who was left alone for a while begins anew.
        let is_recent = |known: &&Attempts| {
            let ago = Duration::try_from(now.duration_since(known.last));
            ago.is_ok_and(|ago| ago <= BACKOFF_MAX)
        };
        let count = known.filter(is_recent).map_or(0, |known| known.count);
        let attempts = Attempts {
            count: count + 1,
            last: now,
        };
        self.waiting.insert(pod.key(), attempts);
        let count = self.cache.count;
        if count == 0 {
            return plans::fail(pod, NO_NODES, None, now).and_again(Again::LazilyAfter(WAIT_MAX));
        }
        let refusals = match refusals {
            Ok(refusals) => refusals,
            Err(problem) => {
                // Preemption then finds nothing that was looked up for the pod, and says so.
                let message = format!("0/{count} nodes are available: {problem}. not found");
                return plans::fail(pod, &message, None, now)
                    .and_again(Again::LazilyAfter(WAIT_MAX));
            }
        };
        let reasons = refusals.iter().flat_map(|(_, one)| &one.reasons);
        let message = filter::message(count, reasons.map(String::as_str));
        let (preemption, candidate) = self.preempt(world, pod, &wanting, refusals);
        let message = format!("{message} preemption: {preemption}");
        let nominated = candidate.as_ref();
        let nominated = nominated.map(|candidate| self.cache.nodes[candidate.place].name());
        let mut plan = Plan::nothing();
        if let (Some(candidate), Some(node)) = (&candidate, nominated) {
            plan.append(plans::preempt(pod, node, &candidate.victims, now));
        }
        plan.append(plans::fail(pod, &message, nominated, now));
        if let Some(candidate) = candidate {
            self.cache.nominate(&pod.key(), candidate.place, wanting);
        }
        plan.and_again(Again::LazilyAfter(WAIT_MAX))
    }

    /// What comes of asking others to make way, in the words of kube-scheduler.
    fn preempt(
        &mut self,
        world: &World,
        pod: &Object,
        wanting: &Wanting,
        refusals: &[(usize, Refusal)],
    ) -> (String, Option<preemption::Candidate>) {
        if pod.text(&["spec", "preemptionPolicy"]) == "Never" {
            return (
                "not eligible due to preemptionPolicy=Never.".to_owned(),
                None,
            );
        }
        let nominated = self
            .cache
            .place_of(pod.text(&["status", "nominatedNodeName"]));
        let makes_way = |place: usize| {
            let mut pods = self.cache.nodes[place].pods.values();
            pods.any(|pod| pod.is_going && pod.priority < wanting.bound.priority)
        };
        if nominated.is_some_and(makes_way) {
            let message = "not eligible due to a terminating pod on the nominated node.";
            return (message.to_owned(), None);
        }
        let curable = refusals.iter().filter(|(_, refusal)| refusal.is_curable);
        let places: Vec<usize> = curable.map(|(place, _)| *place).collect();
        if let Some(candidate) = preemption::find(world, &mut self.cache, wanting, &places) {
            let node = self.cache.nodes[candidate.place].name();
            let count = candidate.victims.len();
            let message = format!(
                "found a potential placement for pod on node {node}, preempting {count} victims"
            );
            return (message, Some(candidate));
        }
        let helpless = self.cache.count.saturating_sub(places.len());
        let told = std::iter::repeat_n("Preemption is not helpful for scheduling", helpless);
        let in_vain = "No preemption victims found for incoming pod";
        let told = told.chain(std::iter::repeat_n(in_vain, places.len()));
        (filter::message(self.cache.count, told), None)
    }
}

/// Whether a node can take a pod.
fn check(
    cache: &Cache,
    neighbours: &Neighbours,
    pod: &Wanting,
    place: usize,
) -> Result<(), Refusal> {
    let node = &cache.nodes[place];
    filter::check(pod, node)?;
    neighbours.check(node)
}

/// Nodes that can take a pod, at most so many, from where the last search ended; why the others
/// cannot.
fn feasible(
    cache: &Cache,
    neighbours: &Neighbours,
    pod: &Wanting,
    next: &mut usize,
) -> (Vec<usize>, Vec<(usize, Refusal)>) {
    let total = cache.nodes.len();
    let mut feasible = Vec::new();
    let mut refusals = Vec::new();
    let mut looked = 0;
    while looked < total && feasible.len() < FEASIBLE_MAX {
        let place = (*next + looked) % total;
        looked += 1;
        if !cache.nodes[place].is_there {
            continue;
        }
        match check(cache, neighbours, pod, place) {
            Ok(()) => feasible.push(place),
            Err(refusal) => refusals.push((place, refusal)),
        }
    }
    if total > 0 {
        *next = (*next + looked) % total;
    }
    (feasible, refusals)
}

/// One of the best, in turn where there are several.
fn pick(places: &[usize], scores: &[i64], turn: &mut usize) -> Option<usize> {
    let best = scores.iter().max()?;
    let scored = places.iter().zip(scores);
    let equal: Vec<usize> = scored
        .filter(|(_, score)| *score == best)
        .map(|(place, _)| *place)
        .collect();
    *turn = turn.wrapping_add(1);
    equal.get(*turn % equal.len()).copied()
}

/// Whether a pod waits for this scheduler, with nothing that holds it back.
fn is_ours(pod: &Object) -> bool {
    pod.text(&["spec", "nodeName"]).is_empty()
        && !pod.is_being_deleted()
        && matches!(pod.text(&["spec", "schedulerName"]), "" | plans::NAME)
        && !matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed")
        && pod.items(&["spec", "schedulingGates"]).is_empty()
}

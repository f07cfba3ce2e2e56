//! Which pods make way for one of a higher priority.
//!
//! *Upstream:* `pkg/scheduler/framework/{preemption,plugins/defaultpreemption}`.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::cache::Cache;
use super::filter;
use super::neighbours::Neighbours;
use super::pod::{Bound, Wanting};
use crate::object::selector::LabelSelector;
use crate::object::{Key, Object, time};
use crate::runner::World;
use crate::runner::kinds::{POD_DISRUPTION_BUDGETS, PODS};

/// A node and who would have to go from it.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) place: usize,
    pub(super) victims: Vec<Arc<Object>>,
    violations: usize,
}

/// A pod that might go.
struct Weak {
    key: Key,
    bound: Arc<Bound>,
    object: Arc<Object>,
    started: Option<Timestamp>,
    is_protected: bool,
}

/// The best node of those that could take the pod if others went.
pub(super) fn find(
    world: &World,
    cache: &mut Cache,
    pod: &Wanting,
    places: &[usize],
) -> Option<Candidate> {
    let budgets = world.list(&POD_DISRUPTION_BUDGETS, "");
    let all = places.iter();
    let candidates = all.filter_map(|place| victims(world, cache, pod, *place, &budgets));
    let candidates: Vec<Candidate> = candidates.collect();
    candidates.into_iter().min_by_key(|one| {
        let highest = one
            .victims
            .iter()
            .map(|pod| priority(pod))
            .max()
            .unwrap_or(0);
        let sum: i64 = one
            .victims
            .iter()
            .map(|pod| priority(pod) + i64::from(i32::MAX))
            .sum();
        let earliest = one.victims.iter().filter(|pod| priority(pod) == highest);
        let earliest = earliest.filter_map(|pod| started(pod)).min();
        (
            one.violations,
            highest,
            sum,
            one.victims.len(),
            Reverse(earliest),
        )
    })
}

/// Who would have to go from a node: as few as possible, the least important first.
fn victims(
    world: &World,
    cache: &mut Cache,
    pod: &Wanting,
    place: usize,
    budgets: &[Arc<Object>],
) -> Option<Candidate> {
    let mut weak = weaker(world, cache, pod, place);
    if weak.is_empty() {
        return None;
    }
    protect(&mut weak, budgets);
    for one in &weak {
        cache.leave(&one.key, place);
    }
    let fits = |cache: &mut Cache| {
        let neighbours = Neighbours::of(cache, pod);
        let node = &cache.nodes[place];
        filter::check(pod, node).is_ok() && neighbours.check(node).is_ok()
    };
    let is_possible = fits(cache);
    let mut gone = Vec::new();
    // The protected and the important are given their place back first, as far as there is room.
    weak.sort_by_key(|one| (!one.is_protected, Reverse(one.bound.priority), one.started));
    let mut violations = 0;
    for one in &weak {
        cache.come(&one.key, place, &one.bound);
        if is_possible && !fits(cache) {
            cache.leave(&one.key, place);
            violations += usize::from(one.is_protected);
            gone.push(one);
        }
    }
    gone.sort_by_key(|one| (Reverse(one.bound.priority), one.started));
    let victims: Vec<Arc<Object>> = gone.iter().map(|one| Arc::clone(&one.object)).collect();
    for one in &gone {
        cache.come(&one.key, place, &one.bound);
    }
    (is_possible && !victims.is_empty()).then_some(Candidate {
        place,
        victims,
        violations,
    })
}

fn weaker(world: &World, cache: &Cache, pod: &Wanting, place: usize) -> Vec<Weak> {
    let pods = cache.nodes[place].pods.iter();
    let weaker = pods.filter(|(_, bound)| bound.priority < pod.bound.priority);
    weaker
        .filter_map(|(key, bound)| {
            let object = world.find(&PODS.resource, key)?;
            Some(Weak {
                key: key.clone(),
                bound: Arc::clone(bound),
                started: started(&object),
                object,
                is_protected: false,
            })
        })
        .collect()
}

/// Marks the pods whose going their budgets do not allow.
fn protect(weak: &mut [Weak], budgets: &[Arc<Object>]) {
    let mut left: Vec<i64> = budgets
        .iter()
        .map(|budget| {
            budget
                .integer(&["status", "disruptionsAllowed"])
                .unwrap_or(0)
        })
        .collect();
    weak.sort_by_key(|one| (Reverse(one.bound.priority), one.started));
    for one in weak {
        for (budget, left) in budgets.iter().zip(&mut left) {
            let selector = budget
                .get(&["spec", "selector"])
                .filter(|one| !one.is_null());
            let selector = LabelSelector::from_json(selector);
            let selector = selector.unwrap_or(LabelSelector::nothing());
            let disrupted = budget.get(&["status", "disruptedPods", one.object.name()]);
            let is_meant = budget.namespace() == one.object.namespace()
                && !selector.is_empty()
                && selector.matches_object(&one.object)
                && disrupted.is_none_or(Value::is_null);
            if is_meant {
                *left -= 1;
                one.is_protected |= *left < 0;
            }
        }
    }
}

fn priority(pod: &Object) -> i64 {
    pod.integer(&["spec", "priority"]).unwrap_or(0)
}

fn started(pod: &Object) -> Option<Timestamp> {
    time::time_at(pod, &["status", "startTime"])
}

//! Which of the nodes that can take a pod is best.
//!
//! *Upstream:* `pkg/scheduler/framework/plugins/{noderesources,nodeaffinity,tainttoleration,
//! podtopologyspread}`.

use super::cache::Cache;
use super::neighbours::Neighbours;
use super::node::Node;
use super::pod::Wanting;
use super::taints::Taint;

/// The best score of a kind.
const SCORE_MAX: i64 = 100;

/// Scores nodes by their places; the higher the better.
pub(super) fn score(
    pod: &Wanting,
    cache: &Cache,
    neighbours: &Neighbours,
    places: &[usize],
) -> Vec<i64> {
    let mut scores = vec![0; places.len()];
    let nodes = || places.iter().map(|place| &cache.nodes[*place]);
    for (score, node) in scores.iter_mut().zip(nodes()) {
        *score += room_left(pod, node) + balance(pod, node);
    }
    if nodes().any(|node| node.taints.iter().any(Taint::is_soft)) {
        let counts = nodes().map(|node| {
            let soft = node.taints.iter().filter(|taint| taint.is_soft());
            let disliked = soft.filter(|taint| !taint.is_tolerated(&pod.tolerations));
            i64::try_from(disliked.count()).unwrap_or(i64::MAX)
        });
        add(&mut scores, counts.collect(), true, 3);
    }
    if pod.nodes.has_likings() {
        add(
            &mut scores,
            nodes().map(|node| pod.nodes.liking(node)).collect(),
            false,
            2,
        );
    }
    if neighbours.has_likings() {
        let likings: Vec<i64> = nodes().map(|node| neighbours.liking(node)).collect();
        let least = likings.iter().copied().min().unwrap_or(0);
        let likings = likings.into_iter().map(|liking| liking - least);
        add(&mut scores, likings.collect(), false, 2);
    }
    if neighbours.has_crowds() {
        add(
            &mut scores,
            nodes().map(|node| neighbours.crowd(node)).collect(),
            true,
            2,
        );
    } else if !pod.bound.owner.is_empty() && pod.spread.is_empty() {
        let counts = places.iter();
        let counts = counts.map(|place| i64::from(cache.owned(&pod.bound.owner, *place)));
        add(&mut scores, counts.collect(), true, 2);
    }
    scores
}

/// Adds values brought to a scale from 0 to 100; the other way round where many are bad.
fn add(scores: &mut [i64], values: Vec<i64>, is_reversed: bool, weight: i64) {
    let max = values.iter().copied().max().unwrap_or(0);
    for (score, value) in scores.iter_mut().zip(values) {
        let scaled = if max == 0 { 0 } else { SCORE_MAX * value / max };
        let scaled = if is_reversed {
            SCORE_MAX - scaled
        } else {
            scaled
        };
        *score += weight * scaled;
    }
}

/// The share of CPU and memory that would be left.
fn room_left(pod: &Wanting, node: &Node) -> i64 {
    let share = |used: i64, room: i64| {
        if room <= 0 || used > room {
            0
        } else {
            (room - used) * SCORE_MAX / room
        }
    };
    let (cpu, memory) = pod.bound.weight;
    let cpu = share(node.weight.0 + cpu, node.room.cpu);
    let memory = share(node.weight.1 + memory, node.room.memory);
    cpu.midpoint(memory)
}

/// How evenly CPU and memory would be in use.
#[expect(clippy::cast_precision_loss, reason = "shares")]
#[expect(clippy::cast_possible_truncation, reason = "between 0 and 100")]
fn balance(pod: &Wanting, node: &Node) -> i64 {
    let share = |used: i64, room: i64| {
        if room <= 0 {
            1.0
        } else {
            (used as f64 / room as f64).min(1.0)
        }
    };
    let cpu = share(node.used.cpu + pod.bound.requests.cpu, node.room.cpu);
    let memory = share(
        node.used.memory + pod.bound.requests.memory,
        node.room.memory,
    );
    let deviation = ((cpu - memory) / 2.0).abs();
    ((1.0 - deviation) * SCORE_MAX as f64) as i64
}

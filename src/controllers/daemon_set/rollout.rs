//! Pods of an old template make way for new ones, a few nodes at a time.
//!
//! *Upstream:* `pkg/controller/daemon/update.go` (`rollingUpdate`).

use std::sync::Arc;

use super::super::shared::scaled::{self, Round};
use super::{Changes, View};
use crate::object::Object;

/// The pods of a node: one of the present template, one of an old one.
struct Pair<'a> {
    node: &'a str,
    new: Option<&'a Arc<Object>>,
    old: Option<&'a Arc<Object>>,
}

pub(super) fn changes(view: &View<'_>) -> Changes {
    let runs = view.nodes.iter().filter(|node| view.wish.judge(node).runs);
    let runs: Vec<&str> = runs.map(|node| node.name()).collect();
    let desired = runs.len();
    let count = |field: &str| {
        let value = view
            .set
            .get(&["spec", "updateStrategy", "rollingUpdate", field]);
        let total = i64::try_from(desired).unwrap_or(0);
        usize::try_from(scaled::count(value, total, Round::Up)).unwrap_or(0)
    };
    let (mut unavailable, surge) = (count("maxUnavailable"), count("maxSurge"));
    if desired > 0 && unavailable == 0 && surge == 0 {
        unavailable = 1;
    }
    let idle = runs
        .iter()
        .copied()
        .filter(|node| !view.pods.contains_key(*node));
    let mut nodes: Vec<&str> = view.pods.keys().map(String::as_str).chain(idle).collect();
    nodes.sort_unstable();
    let pairs = nodes.into_iter().map(|node| pair(view, node)).collect();
    if surge == 0 {
        replace(view, pairs, unavailable)
    } else {
        surge_first(view, pairs, surge, &runs)
    }
}

/// `Err` where a node has two pods of the same template.
fn pair<'a>(view: &'a View<'_>, node: &'a str) -> Result<Pair<'a>, ()> {
    let mut pair = Pair {
        node,
        new: None,
        old: None,
    };
    let pods = view.pods.get(node).map_or(&[][..], Vec::as_slice);
    for pod in pods.iter().filter(|pod| !pod.is_being_deleted()) {
        let place = if view.is_updated(pod) {
            &mut pair.new
        } else {
            &mut pair.old
        };
        if place.replace(pod).is_some() {
            return Err(());
        }
    }
    Ok(pair)
}

/// Takes old pods away, those first that are not available anyhow.
fn replace(view: &View<'_>, pairs: Vec<Result<Pair<'_>, ()>>, max: usize) -> Changes {
    let mut unavailable = 0;
    let mut delete = Vec::new();
    let mut candidates = Vec::new();
    for pair in pairs {
        match pair.map(|pair| (pair.new, pair.old)) {
            Ok((None, Some(old))) if !view.is_available(old) => {
                delete.push(Arc::clone(old));
                unavailable += 1;
            }
            Ok((None, Some(old))) => candidates.push(Arc::clone(old)),
            Ok((Some(new), None)) if view.is_available(new) => {}
            _ => unavailable += 1,
        }
    }
    candidates.truncate(max.saturating_sub(unavailable));
    delete.extend(candidates);
    Changes {
        make: Vec::new(),
        delete,
    }
}

/// Makes new pods beside old ones, and takes the old away once the new are available.
fn surge_first(
    view: &View<'_>,
    pairs: Vec<Result<Pair<'_>, ()>>,
    max: usize,
    runs: &[&str],
) -> Changes {
    let mut changes = Changes::default();
    let mut candidates = Vec::new();
    let mut unfit = Vec::new();
    let (mut surge, mut available) = (0, 0_usize);
    for pair in pairs {
        let Ok(pair) = pair else {
            surge += 1;
            continue;
        };
        let present = pair.old.or(pair.new);
        available += usize::from(present.is_some_and(|pod| view.is_available(pod)));
        let Some(old) = pair.old else { continue };
        let Some(new) = pair.new else {
            match (view.is_available(old), runs.contains(&pair.node)) {
                (false, false) => changes.delete.push(Arc::clone(old)),
                (false, true) => changes.make.push(pair.node.to_owned()),
                (true, false) => unfit.push(Arc::clone(old)),
                (true, true) => candidates.push(pair.node.to_owned()),
            }
            continue;
        };
        if view.is_available(new) {
            changes.delete.push(Arc::clone(old));
        } else {
            surge += 1;
        }
    }
    unfit.truncate(available.saturating_sub(runs.len()));
    changes.delete.extend(unfit);
    candidates.truncate(max.saturating_sub(surge));
    changes.make.extend(candidates);
    changes
}

//! The revisions of a DaemonSet's template.
//!
//! *Upstream:* `pkg/controller/daemon/update.go` (`constructHistory`, `cleanupHistory`).

use std::sync::Arc;

use serde_json::json;

use super::super::shared::{hash, history};
use super::View;
use super::template::HASH;
use crate::client::PatchKind;
use crate::object::Object;
use crate::runner::kinds::{CONTROLLER_REVISIONS, DAEMON_SETS, PODS};
use crate::runner::{Plan, Step, World};

/// See the module.
pub(super) struct Revisions {
    /// The hash of the present template.
    pub(super) hash: String,
    /// All but that of the present one.
    old: Vec<Arc<Object>>,
}

/// Finds the revisions, or what is to be written so that there is one of the present template.
pub(super) fn sync(
    world: &World,
    set: &Object,
    all: Vec<Arc<Object>>,
    pods: &[Arc<Object>],
) -> Result<Revisions, Plan> {
    let data = history::data(set);
    let keeps = |one: &Arc<Object>| history::keeps(one, &data);
    let (mut current, mut old): (Vec<_>, Vec<_>) = all.into_iter().partition(keeps);
    history::sort(&mut current);
    history::sort(&mut old);
    let next = old.last().map_or(1, |last| history::number(last) + 1);
    let Some(kept) = current.pop() else {
        return Err(create(world, set, next));
    };
    let hash = kept.label(HASH).unwrap_or("").to_owned();
    if !current.is_empty() {
        return Err(merge(&current, pods, &hash));
    }
    if history::number(&kept) < next {
        let mut renewed = Object::clone(&kept);
        renewed.set(&["revision"], next);
        return Err(Plan::of(Step::update(&CONTROLLER_REVISIONS, renewed)));
    }
    Ok(Revisions { hash, old })
}

fn create(world: &World, set: &Object, next: i64) -> Plan {
    let collisions = set.integer(&["status", "collisionCount"]);
    let template = set.get(&["spec", "template"]).cloned().unwrap_or_default();
    let hash = hash::of_template(&template, collisions);
    let name = history::name(set, &hash);
    if world
        .get(&CONTROLLER_REVISIONS, set.namespace(), &name)
        .is_some()
    {
        let mut collided = set.clone();
        collided.set(&["status", "collisionCount"], collisions.unwrap_or(0) + 1);
        return Plan::of(Step::update_status(&DAEMON_SETS, collided));
    }
    let revision = history::make((set, &DAEMON_SETS), (HASH, &hash), next);
    Plan::of(Step::create(&CONTROLLER_REVISIONS, revision))
}

/// Of several revisions of the same template the newest stays, and all pods are of it.
fn merge(spare: &[Arc<Object>], pods: &[Arc<Object>], hash: &str) -> Plan {
    let mut plan = Plan::nothing();
    for pod in pods.iter().filter(|pod| pod.label(HASH) != Some(hash)) {
        let patch = json!({"metadata": {"labels": {HASH: hash}}});
        let (namespace, name) = (pod.namespace(), pod.name());
        plan.step(Step::patch(&PODS, namespace, name, PatchKind::Merge, patch));
    }
    for one in spare {
        plan.step(Step::delete(&CONTROLLER_REVISIONS, one).or_go_on());
    }
    plan
}

/// Takes away the oldest revisions that no pod has, but for those that the history keeps.
pub(super) fn truncate(view: &View<'_>, revisions: &Revisions) -> Plan {
    let limit = view
        .set
        .integer(&["spec", "revisionHistoryLimit"])
        .unwrap_or(10);
    let limit = usize::try_from(limit).unwrap_or(0);
    let excess = revisions.old.len().saturating_sub(limit);
    let is_live = |one: &Object| {
        let mut pods = view.pods.values().flatten();
        one.label(HASH).is_some() && pods.any(|pod| pod.label(HASH) == one.label(HASH))
    };
    let mut plan = Plan::nothing();
    for one in revisions
        .old
        .iter()
        .filter(|one| !is_live(one))
        .take(excess)
    {
        plan.step(Step::delete(&CONTROLLER_REVISIONS, one).or_go_on());
    }
    plan
}

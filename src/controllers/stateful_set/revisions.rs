//! The revisions of a StatefulSet: that its pods have, and that they are to get.
//!
//! *Upstream:* `pkg/controller/statefulset/stateful_set_control.go` (`getStatefulSetRevisions`,
//! `truncateHistory`).

use std::sync::Arc;

use super::super::shared::history;
use super::identity;
use crate::object::Object;
use crate::runner::kinds::{CONTROLLER_REVISIONS, STATEFUL_SETS};
use crate::runner::{Plan, Step, World};

/// The label a revision's hash stands under.
const HASH: &str = "controller.kubernetes.io/hash";

/// See the module.
pub(super) struct Revisions {
    /// That pods had before the update.
    pub(super) current: Arc<Object>,
    /// That pods are to get.
    pub(super) update: Arc<Object>,
    /// How often a hash was taken already.
    pub(super) collisions: i64,
    /// All, the oldest first.
    all: Vec<Arc<Object>>,
}

/// Finds the revisions, or what is to be written so that there is one of the present template.
pub(super) fn sync(
    world: &World,
    set: &Object,
    mut all: Vec<Arc<Object>>,
) -> Result<Revisions, Plan> {
    history::sort(&mut all);
    let data = history::data(set);
    let next = all.last().map_or(1, |last| history::number(last) + 1);
    let mut collisions = set.integer(&["status", "collisionCount"]).unwrap_or(0);
    let equal = all.iter().rev().find(|one| history::keeps(one, &data));
    let Some(equal) = equal else {
        let mut hash = history::hash(&data, collisions);
        while world
            .get(
                &CONTROLLER_REVISIONS,
                set.namespace(),
                &history::name(set, &hash),
            )
            .is_some()
        {
            collisions += 1;
            hash = history::hash(&data, collisions);
        }
        let mut plan = Plan::nothing();
        if set.integer(&["status", "collisionCount"]).unwrap_or(0) != collisions {
            let mut collided = set.clone();
            collided.set(&["status", "collisionCount"], collisions);
            plan.step(Step::update_status(&STATEFUL_SETS, collided));
        }
        let revision = history::make((set, &STATEFUL_SETS), (HASH, &hash), next);
        plan.step(Step::create(&CONTROLLER_REVISIONS, revision));
        return Err(plan);
    };
    let is_last = all.last().is_some_and(|last| history::keeps(last, &data));
    if !is_last {
        let mut renewed = Object::clone(equal);
        renewed.set(&["revision"], next);
        return Err(Plan::of(Step::update(&CONTROLLER_REVISIONS, renewed)));
    }
    let update = Arc::clone(equal);
    let name = set.text(&["status", "currentRevision"]);
    let current = all.iter().find(|one| one.name() == name).unwrap_or(&update);
    Ok(Revisions {
        current: Arc::clone(current),
        update,
        collisions,
        all,
    })
}

/// Takes away the oldest revisions that no pod has, but for those that the history keeps.
pub(super) fn truncate(set: &Object, pods: &[Arc<Object>], revisions: &Revisions) -> Plan {
    let is_live = |one: &Object| {
        one.name() == revisions.current.name()
            || one.name() == revisions.update.name()
            || pods.iter().any(|pod| identity::revision(pod) == one.name())
    };
    let limit = set.integer(&["spec", "revisionHistoryLimit"]).unwrap_or(10);
    let Ok(limit) = usize::try_from(limit) else {
        return Plan::nothing();
    };
    let old: Vec<_> = revisions.all.iter().filter(|one| !is_live(one)).collect();
    let excess = old.len().saturating_sub(limit);
    let mut plan = Plan::nothing();
    for one in old.into_iter().take(excess) {
        plan.step(Step::delete(&CONTROLLER_REVISIONS, one).or_go_on());
    }
    plan
}

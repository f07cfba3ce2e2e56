//! The pods of a StatefulSet by their numbers: those asked for, and those that are too many.
//!
//! *Upstream:* `pkg/controller/statefulset/stateful_set_control.go` (`updateStatefulSet`).

use std::sync::Arc;

use jiff::Timestamp;

use super::super::shared::{history, pods};
use super::identity;
use super::revisions::Revisions;
use crate::object::Object;

/// A pod that is asked for.
pub(super) struct Replica {
    /// The pod, or as it will be made.
    pub(super) pod: Arc<Object>,
    /// Whether it is there.
    pub(super) is_there: bool,
}

/// See the module.
pub(super) struct Replicas {
    /// Those asked for, in order.
    pub(super) wanted: Vec<Replica>,
    /// Those too many, the last first.
    pub(super) condemned: Vec<Arc<Object>>,
    /// The name of the first that is not available.
    pub(super) first_unavailable: Option<String>,
    pub(super) min_ready: i64,
    pub(super) now: Timestamp,
}

impl Replicas {
    pub(super) fn of(
        set: &Object,
        own: &[Arc<Object>],
        revisions: &Revisions,
        now: Timestamp,
    ) -> Self {
        let min_ready = set.integer(&["spec", "minReadySeconds"]).unwrap_or(0);
        let start = identity::start(set);
        let old = history::restore(set, &revisions.current);
        let new = history::restore(set, &revisions.update);
        let wanted = (start..start + identity::size(set)).map(|ordinal| {
            let pod = own
                .iter()
                .find(|pod| identity::ordinal(pod) == Some(ordinal));
            let pod = pod.cloned();
            let is_there = pod.is_some();
            let pod = pod.unwrap_or_else(|| {
                let (of, revision) = if is_of_current(set, ordinal) {
                    (&old, revisions.current.name())
                } else {
                    (&new, revisions.update.name())
                };
                Arc::new(identity::make(of, revision, ordinal))
            });
            Replica { pod, is_there }
        });
        let mut condemned: Vec<_> = own
            .iter()
            .filter(|pod| !identity::is_wanted(set, pod))
            .cloned()
            .collect();
        condemned.sort_by_key(|pod| std::cmp::Reverse(identity::ordinal(pod)));
        let mut replicas = Self {
            wanted: wanted.collect(),
            condemned,
            first_unavailable: None,
            min_ready,
            now,
        };
        let wanted = replicas.wanted.iter().map(|replica| &replica.pod);
        let mut all = wanted.chain(replicas.condemned.iter().rev());
        let first = all.find(|pod| replicas.is_unavailable(pod));
        replicas.first_unavailable = first.map(|pod| pod.name().to_owned());
        replicas
    }

    /// Whether a pod is not ready for long enough, or going.
    pub(super) fn is_unavailable(&self, pod: &Object) -> bool {
        !self.is_available(pod) || pod.is_being_deleted()
    }

    pub(super) fn is_available(&self, pod: &Object) -> bool {
        pods::is_available(pod, self.min_ready, self.now)
    }
}

/// Whether a pod that is missing is made of the revision before the update.
fn is_of_current(set: &Object, ordinal: i64) -> bool {
    let partition = set.integer(&["spec", "updateStrategy", "rollingUpdate", "partition"]);
    let has_rolling = set
        .get(&["spec", "updateStrategy", "rollingUpdate"])
        .is_some();
    let is_rolling = set.text(&["spec", "updateStrategy", "type"]) == "RollingUpdate";
    let start = identity::start(set);
    if has_rolling {
        return ordinal < start + partition.unwrap_or(0);
    }
    is_rolling && ordinal < start + set.integer(&["status", "currentReplicas"]).unwrap_or(0)
}

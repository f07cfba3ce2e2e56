//! The ReplicaSets of a Deployment: the one of its template, and those before.
//!
//! *Upstream:* `pkg/controller/deployment/util/deployment_util.go`.

use std::sync::Arc;

use serde_json::Value;

use super::super::shared::scaled::{self, Round};
use crate::object::Object;

/// The label that tells the pods of one template from those of another.
pub(super) const HASH: &str = "pod-template-hash";
/// For how many pods the Deployment asked when a ReplicaSet was scaled.
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// How many pods there might be at most then.
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// See the module.
pub(super) struct ReplicaSets {
    /// That of the present template.
    pub(super) new: Option<Arc<Object>>,
    /// All others, the oldest first.
    pub(super) old: Vec<Arc<Object>>,
}

impl ReplicaSets {
    /// Tells the new one from the old.
    pub(super) fn of(deployment: &Object, mut all: Vec<Arc<Object>>) -> Self {
        all.sort_by(|left, right| age(left).cmp(&age(right)));
        let template = deployment
            .get(&["spec", "template"])
            .unwrap_or(&Value::Null);
        let template = without_hash(template);
        let place = all.iter().position(|set| {
            let own = set.get(&["spec", "template"]).unwrap_or(&Value::Null);
            without_hash(own) == template
        });
        let new = place.map(|place| all.remove(place));
        Self { new, old: all }
    }

    /// All of them, the new one last.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.old.iter().chain(&self.new)
    }

    /// Those old ones that ask for pods.
    pub(super) fn active_old(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.old.iter().filter(|set| size(set) > 0)
    }

    /// For how many pods all ask.
    pub(super) fn size(&self) -> i64 {
        self.all().map(|set| size(set)).sum()
    }

    /// The sum of a count of their status.
    pub(super) fn sum(&self, count: &str) -> i64 {
        self.all().map(|set| status(set, count)).sum()
    }

    /// Whether the Deployment asks for another number of pods than when they were last scaled.
    pub(super) fn is_scaling(&self, deployment: &Object) -> bool {
        self.all().filter(|set| size(set) > 0).any(|set| {
            let desired = number(set, DESIRED);
            desired.is_some_and(|desired| desired != size(deployment))
        })
    }
}

/// When a ReplicaSet was made, then its name.
fn age(set: &Object) -> (&str, &str) {
    (set.text(&["metadata", "creationTimestamp"]), set.name())
}

/// A template without the label that a Deployment adds.
fn without_hash(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels")
        && let Some(map) = labels.as_object_mut()
    {
        map.remove(HASH);
        if map.is_empty() {
            *labels = Value::Null;
        }
    }
    template
}

/// `spec.replicas`.
pub(super) fn size(object: &Object) -> i64 {
    object.integer(&["spec", "replicas"]).unwrap_or(1)
}

/// A count of the status.
pub(super) fn status(object: &Object, count: &str) -> i64 {
    object.integer(&["status", count]).unwrap_or(0)
}

/// An annotation that is a count.
pub(super) fn number(object: &Object, annotation: &str) -> Option<i64> {
    let text = object
        .get(&["metadata", "annotations", annotation])?
        .as_str()?;
    text.parse::<u32>()
        .ok()
        .and_then(|number| i32::try_from(number).ok())
        .map(i64::from)
}

/// How many pods more than asked for there may be, and how many fewer may be available.
fn fence(deployment: &Object) -> (i64, i64) {
    let asked = size(deployment);
    if deployment.text(&["spec", "strategy", "type"]) != "RollingUpdate" {
        return (0, 0);
    }
    let of = |field: &str, round| {
        let value = deployment.get(&["spec", "strategy", "rollingUpdate", field]);
        scaled::count(value, asked, round)
    };
    let surge = of("maxSurge", Round::Up);
    let unavailable = of("maxUnavailable", Round::Down);
    // Both may be rounded to nothing, and then nothing would ever move.
    let unavailable = if surge == 0 && unavailable == 0 {
        1
    } else {
        unavailable
    };
    (surge, unavailable)
}

/// How many pods more than asked for there may be.
pub(super) fn max_surge(deployment: &Object) -> i64 {
    fence(deployment).0
}

/// How many pods fewer than asked for may be available.
pub(super) fn max_unavailable(deployment: &Object) -> i64 {
    fence(deployment).1.min(size(deployment))
}

/// For how many pods the new ReplicaSet may ask, where all ask for so many.
pub(super) fn new_size(deployment: &Object, total: i64, present: i64) -> i64 {
    let asked = size(deployment);
    if deployment.text(&["spec", "strategy", "type"]) == "Recreate" {
        return asked;
    }
    let surge = deployment.get(&["spec", "strategy", "rollingUpdate", "maxSurge"]);
    let max = asked + scaled::count(surge, asked, Round::Up);
    if total >= max {
        return present;
    }
    present + (max - total).min(asked - present)
}

//! Conditions of a status: found, set, taken away.
//!
//! *Upstream:* `pkg/controller/{deployment,replicaset}/…_utils.go` (`SetCondition`, …).

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::object::time;

/// The condition of a type.
pub(crate) fn find<'a>(conditions: &'a [Value], kind: &str) -> Option<&'a Value> {
    conditions.iter().find(|one| one["type"] == kind)
}

/// Whether the condition of a type is `True`.
pub(crate) fn is_true(conditions: &[Value], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|one| one["status"] == "True")
}

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition<'a> {
    /// `type`.
    pub(crate) kind: &'a str,
    /// `status`.
    pub(crate) status: &'a str,
    /// `reason`.
    pub(crate) reason: &'a str,
    /// `message`.
    pub(crate) message: &'a str,
}

impl Condition<'_> {
    /// The condition as JSON, changed now.
    pub(crate) fn at(&self, now: Timestamp) -> Value {
        let mut value = json!({
            "type": self.kind,
            "status": self.status,
            "lastTransitionTime": time::seconds(now),
        });
        for (field, text) in [("reason", self.reason), ("message", self.message)] {
            if !text.is_empty() {
                value[field] = text.into();
            }
        }
        value
    }

    /// Sets it, at the end of the list as upstream does. One that has the status and reason already
    /// stays as it is; one that has the status keeps the time of its transition.
    pub(crate) fn set(&self, conditions: &mut Vec<Value>, now: Timestamp) {
        let mut value = self.at(now);
        if let Some(known) = find(conditions, self.kind) {
            let same = |field: &str, text: &str| known[field].as_str().unwrap_or("") == text;
            if same("status", self.status) && same("reason", self.reason) {
                return;
            }
            if same("status", self.status) {
                value["lastTransitionTime"] = known["lastTransitionTime"].clone();
            }
        }
        remove(conditions, self.kind);
        conditions.push(value);
    }
}

/// Takes the condition of a type away.
pub(crate) fn remove(conditions: &mut Vec<Value>, kind: &str) {
    conditions.retain(|one| one["type"] != kind);
}

//! What a namespace that is being deleted says about itself.
//!
//! *Upstream:* `pkg/controller/namespace/deletion/status_condition_utils.go`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Remaining;
use crate::object::{Object, time};
use crate::runner::kinds::NAMESPACES;
use crate::runner::{Kind, Plan, Step};

/// A condition, with what it says while all is well.
struct Row {
    kind: &'static str,
    reason: &'static str,
    message: &'static str,
}

const ROWS: [Row; 5] = [
    Row {
        kind: "NamespaceDeletionDiscoveryFailure",
        reason: "ResourcesDiscovered",
        message: "All resources successfully discovered",
    },
    Row {
        kind: "NamespaceDeletionGroupVersionParsingFailure",
        reason: "ParsedGroupVersions",
        message: "All legacy kube types successfully parsed",
    },
    Row {
        kind: "NamespaceDeletionContentFailure",
        reason: "ContentDeleted",
        message: "All content successfully deleted, may be waiting on finalization",
    },
    Row {
        kind: CONTENT_REMAINING,
        reason: "ContentRemoved",
        message: "All content successfully removed",
    },
    Row {
        kind: FINALIZERS_REMAINING,
        reason: "ContentHasNoFinalizers",
        message: "All content-preserving finalizers finished",
    },
];

const CONTENT_REMAINING: &str = "NamespaceContentRemaining";
const FINALIZERS_REMAINING: &str = "NamespaceFinalizersRemaining";

/// Writes the conditions, where they say anything new.
pub(super) fn update(namespace: &Object, left: &[(Kind, Remaining)], now: Timestamp) -> Plan {
    let mut conditions = namespace.items(&["status", "conditions"]).to_vec();
    let mut has_changed = false;
    for row in &ROWS {
        let (status, reason, message) = match row.kind {
            CONTENT_REMAINING if !left.is_empty() => ("True", "SomeResourcesRemain", content(left)),
            FINALIZERS_REMAINING if !left.is_empty() => {
                ("True", "SomeFinalizersRemain", finalizers(left))
            }
            _ => ("False", row.reason, row.message.to_owned()),
        };
        has_changed |= set(&mut conditions, row.kind, (status, reason, &message), now);
    }
    if !has_changed {
        return Plan::nothing();
    }
    let mut object = namespace.clone();
    object.set(&["status", "conditions"], conditions);
    Plan::of(Step::update_status(&NAMESPACES, object).or_go_on())
}

/// Sets a condition in its place; whether that changed anything.
fn set(
    conditions: &mut Vec<Value>,
    kind: &str,
    (status, reason, message): (&str, &str, &str),
    now: Timestamp,
) -> bool {
    let wanted = |since: Value| {
        json!({
            "type": kind,
            "status": status,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        })
    };
    let Some(known) = conditions.iter_mut().find(|one| one["type"] == kind) else {
        conditions.push(wanted(time::seconds(now).into()));
        return true;
    };
    let is_same_status = known["status"] == status;
    if is_same_status && known["reason"] == reason && known["message"] == message {
        return false;
    }
    *known = if is_same_status {
        wanted(known["lastTransitionTime"].clone())
    } else {
        wanted(time::seconds(now).into())
    };
    true
}

fn content(left: &[(Kind, Remaining)]) -> String {
    let mut parts: Vec<String> = left
        .iter()
        .map(|(kind, content)| {
            let (plural, group) = (&kind.plural, &kind.group_version.group);
            format!("{plural}.{group} has {} resource instances", content.count)
        })
        .collect();
    parts.sort();
    format!("Some resources are remaining: {}", parts.join(", "))
}

fn finalizers(left: &[(Kind, Remaining)]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (finalizer, count) in left.iter().flat_map(|(_, content)| &content.finalizers) {
        *counts.entry(finalizer).or_default() += count;
    }
    let parts: Vec<String> = counts
        .iter()
        .map(|(finalizer, count)| format!("{finalizer} in {count} resource instances"))
        .collect();
    let parts = parts.join(", ");
    format!("Some content in the namespace has finalizers remaining: {parts}")
}

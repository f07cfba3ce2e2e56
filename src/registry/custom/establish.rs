//! The status of a definition: its names are accepted, then its kind is established.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/controller/{status,establish,apiapproval}`.

use serde_json::{Map, Value, json};

use super::names;
use crate::object::{Object, time};
use crate::registry::Registry;

/// A condition without its time.
pub(super) struct Condition {
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// The next status of a definition, of which the brief is enough; `None` where nothing is left to
/// do.
///
/// Differs: upstream accepts the names in one write and establishes the kind in the next.
pub(super) fn next(registry: &Registry, brief: &Object) -> Option<Value> {
    let now = time::seconds(registry.clock.now());
    let mut settled = brief.clone();
    let is_changed = [
        approve(&mut settled, &now),
        accept_names(registry, &mut settled, &now),
        establish(&mut settled, &now),
    ];
    let is_changed = is_changed.contains(&true);
    is_changed.then(|| settled.remove(&["status"]))?
}

/// A definition but for its versions, which are by far the most of it.
pub(super) fn brief(definition: &Object) -> Object {
    let entries = |map: &Map<String, Value>, left_out: &str| -> Map<String, Value> {
        let kept = map.iter().filter(|(name, _)| *name != left_out);
        kept.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let spec = definition.get(&["spec"]).and_then(Value::as_object);
    let mut out = Object::from_map(entries(definition.as_map(), "spec"));
    out.set(
        &["spec"],
        spec.map(|spec| entries(spec, "versions"))
            .unwrap_or_default(),
    );
    out.set_managed_fields(definition.managed_fields().cloned());
    out
}

/// Whether a condition of a definition is true.
pub(super) fn is_true(definition: &Object, kind: &str) -> bool {
    condition(definition, kind).is_some_and(|condition| condition["status"] == "True")
}

fn condition<'a>(definition: &'a Object, kind: &str) -> Option<&'a Value> {
    let mut conditions = definition.items(&["status", "conditions"]).iter();
    conditions.find(|condition| condition["type"] == kind)
}

/// Sets a condition; true where that changed anything.
pub(super) fn set(definition: &mut Object, new: &Condition, now: &str) -> bool {
    let mut conditions = definition.items(&["status", "conditions"]).to_vec();
    let fresh = json!({
        "lastTransitionTime": now,
        "message": new.message,
        "reason": new.reason,
        "status": new.status,
        "type": new.kind,
    });
    match conditions.iter_mut().find(|old| old["type"] == new.kind) {
        None => conditions.push(fresh),
        Some(old) => {
            let is_same = ["status", "reason", "message"]
                .iter()
                .all(|field| old[field] == fresh[field]);
            if is_same {
                return false;
            }
            let time = if old["status"] == fresh["status"] {
                old["lastTransitionTime"].clone()
            } else {
                now.into()
            };
            *old = fresh;
            old["lastTransitionTime"] = time;
        }
    }
    definition.set(&["status", "conditions"], conditions);
    true
}

fn accept_names(registry: &Registry, definition: &mut Object, now: &str) -> bool {
    let asked = definition.get(&["spec", "names"]);
    if asked == definition.get(&["status", "acceptedNames"]) {
        return false;
    }
    let names = names::decide(registry, definition);
    let before = definition.get(&["status"]).cloned();
    definition.set(&["status", "acceptedNames"], names.accepted);
    let is_accepted = names.conflict.is_none();
    let accepted = match names.conflict {
        None => Condition {
            kind: "NamesAccepted",
            status: "True",
            reason: "NoConflicts",
            message: "no conflicts found".to_owned(),
        },
        Some((reason, message)) => Condition {
            kind: "NamesAccepted",
            status: "False",
            reason,
            message,
        },
    };
    set(definition, &accepted, now);
    let established = if is_accepted {
        (!is_true(definition, "Established"))
            .then_some(("Installing", "the initial names have been accepted"))
    } else {
        condition(definition, "Established")
            .is_none()
            .then_some(("NotAccepted", "not all names are accepted"))
    };
    if let Some((reason, message)) = established {
        let established = Condition {
            kind: "Established",
            status: "False",
            reason,
            message: message.to_owned(),
        };
        set(definition, &established, now);
    }
    before.as_ref() != definition.get(&["status"])
}

fn establish(definition: &mut Object, now: &str) -> bool {
    if !is_true(definition, "NamesAccepted") || is_true(definition, "Established") {
        return false;
    }
    let established = Condition {
        kind: "Established",
        status: "True",
        reason: "InitialNamesAccepted",
        message: "the initial names have been accepted".to_owned(),
    };
    set(definition, &established, now)
}

/// Says of a group of the community whether its API was approved.
fn approve(definition: &mut Object, now: &str) -> bool {
    const ANNOTATION: &str = "api-approved.kubernetes.io";
    let group = definition.text(&["spec", "group"]);
    let is_protected = [".k8s.io", ".kubernetes.io"]
        .iter()
        .any(|suffix| group.ends_with(suffix))
        || matches!(group, "k8s.io" | "kubernetes.io");
    if !is_protected {
        return false;
    }
    let annotation = definition
        .annotations()
        .find(|(key, _)| *key == ANNOTATION)
        .map_or("", |(_, value)| value);
    let (status, reason, message) = if annotation.is_empty() {
        let message = format!(
            "protected groups must have approval annotation \"{ANNOTATION}\", see \
             https://github.com/kubernetes/enhancements/pull/1111"
        );
        ("False", "MissingAnnotation", message)
    } else if annotation.starts_with("unapproved") {
        let message = format!("not approved: \"{annotation}\"");
        ("False", "UnapprovedAnnotation", message)
    } else {
        (
            "True",
            "ApprovedAnnotation",
            format!("approved in {annotation}"),
        )
    };
    let approved = Condition {
        kind: "KubernetesAPIApprovalPolicyConformant",
        status,
        reason,
        message,
    };
    set(definition, &approved, now)
}

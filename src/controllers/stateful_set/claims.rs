//! The claims of a StatefulSet's pods: made with them, and kept or taken along as the retention
//! policy says.
//!
//! *Upstream:* `pkg/controller/statefulset/{stateful_pod_control,stateful_set_utils}.go`.

use serde_json::Value;

use super::super::shared::pods::controller_reference;
use super::{identity, tell};
use crate::object::Object;
use crate::runner::kinds::{PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS};
use crate::runner::{Items, Plan, Seen, Step, World};

/// The name of a pod's claim of a template.
pub(super) fn name(set: &Object, template: &str, ordinal: i64) -> String {
    format!("{template}-{}-{ordinal}", set.name())
}

/// The claims a pod has by the templates.
fn all(set: &Object, pod: &Object) -> Vec<Object> {
    let ordinal = identity::ordinal(pod).unwrap_or(0);
    let labels = set
        .get(&["spec", "selector", "matchLabels"])
        .and_then(Value::as_object);
    let templates = set.items(&["spec", "volumeClaimTemplates"]).iter();
    let claim = |template: &Value| {
        let mut claim = Object::from_value(template.clone())?;
        claim.set_type("v1", "PersistentVolumeClaim");
        let name = name(set, claim.name(), ordinal);
        claim.set(&["metadata", "name"], name);
        claim.set(&["metadata", "namespace"], set.namespace());
        for (key, value) in labels.into_iter().flatten() {
            claim.set(&["metadata", "labels", key], value.clone());
        }
        claim.remove(&["status"]);
        Some(claim)
    };
    templates.filter_map(claim).collect()
}

/// Makes the claims that a pod misses.
pub(super) fn create(world: &World, set: &Object, pod: &Object) -> Plan {
    let mut plan = Plan::nothing();
    for claim in all(set, pod) {
        if world
            .get(&PERSISTENT_VOLUME_CLAIMS, claim.namespace(), claim.name())
            .is_some()
        {
            continue;
        }
        let owner = set.clone();
        let what = format!("Claim {} Pod {}", claim.name(), pod.name());
        let step = Step::create(&PERSISTENT_VOLUME_CLAIMS, claim).tell(move |outcome| {
            let is_news = outcome.code != 409;
            is_news.then(|| tell(&owner, "Create", &what, "success", outcome))
        });
        plan.step(step);
    }
    plan
}

/// Whether a pod's claim is still owned by a pod of the same name that is gone.
pub(super) fn is_stale(world: &World, set: &Object, pod: &Object) -> bool {
    let policy = set.text(&["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"]);
    policy == "Delete"
        && all(set, pod).iter().any(|claim| {
            let known = world.get(&PERSISTENT_VOLUME_CLAIMS, claim.namespace(), claim.name());
            let references = known.as_deref().map_or(&[][..], references);
            references
                .iter()
                .any(|one| refers(one, "v1", "Pod", pod.name()))
        })
}

fn references(object: &Object) -> &[Value] {
    object.items(&["metadata", "ownerReferences"])
}

fn refers(reference: &Value, api_version: &str, kind: &str, name: &str) -> bool {
    reference["apiVersion"] == api_version && reference["kind"] == kind && reference["name"] == name
}

/// Has a pod's claims be owned as the retention policy says.
pub(super) fn own(world: &World, set: &Object, pod: &Object) -> Plan {
    let mut plan = Plan::nothing();
    for claim in all(set, pod) {
        let known = world.get(&PERSISTENT_VOLUME_CLAIMS, claim.namespace(), claim.name());
        let Some(known) = known else { continue };
        if let Some(references) = corrected(set, pod, &known) {
            let mut claim = Object::clone(&known);
            claim.set(&["metadata", "ownerReferences"], references);
            plan.step(Step::update(&PERSISTENT_VOLUME_CLAIMS, claim));
        }
    }
    plan
}

/// The owners a claim should have, where it has others.
fn corrected(set: &Object, pod: &Object, claim: &Object) -> Option<Vec<Value>> {
    let policy =
        |when: &str| set.text(&["spec", "persistentVolumeClaimRetentionPolicy", when]) == "Delete";
    let (when_scaled, when_deleted) = (policy("whenScaled"), policy("whenDeleted"));
    let is_set = |one: &Value| refers(one, "apps/v1", "StatefulSet", set.name());
    let is_pod = |one: &Value| refers(one, "v1", "Pod", pod.name());
    let is_stale = |one: &Value| {
        (is_set(one) && one["uid"] != set.uid()) || (is_pod(one) && one["uid"] != pod.uid())
    };
    let known = references(claim);
    let is_other = |one: &&Value| !is_set(one) && !is_pod(one);
    let has_other = known
        .iter()
        .filter(is_other)
        .any(|one| one["controller"] == true);
    if known.iter().any(is_stale) {
        return None;
    }
    let is_down = !identity::is_wanted(set, pod);
    let is_left_alone = has_other && (when_scaled || when_deleted);
    let by_set = when_deleted && !(when_scaled && is_down) && !is_left_alone;
    let by_pod = when_scaled && is_down && !is_left_alone;
    let is_right = |wanted: bool, mut found: Vec<&Value>| {
        let found = found.pop();
        found.is_some() == wanted && found.is_none_or(|one| one["controller"] == true)
    };
    let own = |is_own: &dyn Fn(&Value) -> bool| known.iter().filter(|one| is_own(one)).collect();
    if is_right(by_set, own(&is_set)) && is_right(by_pod, own(&is_pod)) {
        return None;
    }
    let mut references: Vec<Value> = known.iter().filter(is_other).cloned().collect();
    if by_pod {
        references.push(controller_reference(pod, &PODS));
    }
    if by_set {
        references.push(controller_reference(set, &STATEFUL_SETS));
    }
    Some(references)
}

/// A claim that is gone concerns the set whose pod it was made for.
pub(super) fn concern(world: &World, seen: &Seen, items: &mut Items) {
    let claim = seen.parsed();
    for set in world.list(&STATEFUL_SETS, claim.namespace()) {
        let templates = set.items(&["spec", "volumeClaimTemplates"]).iter();
        let mut names = templates.filter_map(|one| one["metadata"]["name"].as_str());
        if names.any(|name| claim.name().starts_with(&format!("{name}-{}-", set.name()))) {
            items.push(&STATEFUL_SETS, set.namespace(), set.name());
        }
    }
}

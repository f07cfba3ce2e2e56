//! Namespaces that are being deleted: everything in them goes, pods first, and then they go
//! themselves.
//!
//! *Upstream:* `pkg/controller/namespace/namespace_controller.go`,
//! `pkg/controller/namespace/deletion/namespaced_resources_deleter.go`.

mod conditions;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::object::{GroupResource, Object, time};
use crate::runner::kinds::{NAMESPACES, PODS};
use crate::runner::{
    Again, ChangeKind, Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// How long objects with finalizers are given before somebody looks again.
const FINALIZERS_ESTIMATE_SECONDS: i64 = 15;

/// The finalizer in a namespace's `spec` that is this controller's.
const FINALIZER: &str = "kubernetes";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Namespaces;

impl Controller for Namespaces {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("namespace-controller")
    }

    fn watches(&self) -> Watches<'_> {
        Watches::Everything
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == NAMESPACES.resource {
            if !seen.is_gone() && seen.parsed().is_being_deleted() {
                items.add(&seen.resource, &seen.object.key);
            }
            return;
        }
        let namespace = seen.object.key.namespace();
        if namespace.is_empty() || !is_terminating(world, namespace) {
            return;
        }
        // Of many that go, the last of its resource is of interest.
        let is_last = seen.is_gone() && is_empty(world, &seen.resource, namespace);
        if is_last || seen.kind == ChangeKind::Added {
            items.push(&NAMESPACES, "", namespace);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(namespace) = world.object(item) else {
            return Plan::nothing();
        };
        if !namespace.is_being_deleted() {
            return Plan::nothing();
        }
        if namespace.text(&["status", "phase"]) != "Terminating" {
            let mut object = Object::clone(&namespace);
            object.set(&["status", "phase"], "Terminating");
            // The change is told, and the rest follows.
            return Plan::of(Step::update_status(&NAMESPACES, object));
        }
        if namespace.items(&["spec", "finalizers"]).is_empty() {
            return Plan::nothing();
        }
        empty(world, &namespace)
    }
}

fn is_terminating(world: &World, namespace: &str) -> bool {
    let namespace = world.get(&NAMESPACES, "", namespace);
    namespace.is_some_and(|namespace| namespace.is_being_deleted())
}

/// What of a resource is left in a namespace.
#[derive(Debug, Default)]
struct Remaining {
    count: usize,
    finalizers: BTreeMap<String, usize>,
    /// The longest grace period of a pod that runs.
    grace_seconds: i64,
    /// Whether any is not on its way out yet.
    is_untouched: bool,
}

fn is_empty(world: &World, resource: &GroupResource, namespace: &str) -> bool {
    let snapshot = world.snapshot(resource);
    snapshot.is_none_or(|all| all.objects(Some(namespace), None).next().is_none())
}

fn content(world: &World, kind: &Kind, namespace: &str) -> Remaining {
    let mut remaining = Remaining::default();
    for object in world.list(kind, namespace) {
        remaining.count += 1;
        for finalizer in object.finalizers() {
            *remaining
                .finalizers
                .entry(finalizer.to_owned())
                .or_default() += 1;
        }
        remaining.is_untouched |= !object.is_being_deleted();
        let is_over = matches!(object.text(&["status", "phase"]), "Succeeded" | "Failed");
        if kind.resource == PODS.resource && !is_over {
            let grace = object.integer(&["spec", "terminationGracePeriodSeconds"]);
            remaining.grace_seconds = remaining.grace_seconds.max(grace.unwrap_or(0));
        }
    }
    remaining
}

/// Deletes what is left; once nothing is, gives the namespace free.
fn empty(world: &World, namespace: &Object) -> Plan {
    let pods = content(world, &PODS, namespace.name());
    let mut plan = Plan::nothing();
    let mut estimate = 0;
    if pods.count > 0 {
        estimate = estimate_of(&pods, namespace, world.now);
        if pods.is_untouched {
            plan.step(delete_all(&PODS, namespace.name()));
        }
        // Upstream says nothing of what remains while pods do.
        plan.append(conditions::update(namespace, &[], world.now));
        return wait(plan, estimate);
    }
    let mut left = Vec::new();
    for kind in world.kinds().iter() {
        if !kind.is_namespaced {
            continue;
        }
        if is_empty(world, &kind.resource, namespace.name()) {
            continue;
        }
        let content = content(world, kind, namespace.name());
        if content.is_untouched {
            plan.step(delete_all(kind, namespace.name()));
        }
        left.push((kind.clone(), content));
    }
    if plan.is_empty() && left.is_empty() {
        plan.append(conditions::update(namespace, &[], world.now));
        return finalize(plan, namespace);
    }
    // What has no finalizer is gone once the deletions are done, so that the next look tells.
    left.retain(|(_, content)| !content.finalizers.is_empty());
    for (_, content) in &left {
        estimate = estimate.max(estimate_of(content, namespace, world.now));
    }
    plan.append(conditions::update(namespace, &left, world.now));
    wait(plan, estimate)
}

fn delete_all(kind: &Kind, namespace: &str) -> Step {
    Step::delete_collection(kind, namespace).propagation("Background")
}

/// How long what is left may take, in seconds; 0 where nobody knows.
fn estimate_of(content: &Remaining, namespace: &Object, now: Timestamp) -> i64 {
    let deleted = time::time_at(namespace, &["metadata", "deletionTimestamp"]).unwrap_or(now);
    let age = now.duration_since(deleted).as_secs();
    if content.grace_seconds > age {
        return content.grace_seconds;
    }
    if content.finalizers.is_empty() {
        0
    } else {
        FINALIZERS_ESTIMATE_SECONDS
    }
}

/// Looks again when the estimate is half over.
fn wait(mut plan: Plan, estimate: i64) -> Plan {
    let seconds = u64::try_from(estimate / 2 + 1).unwrap_or(1);
    plan.again(Again::After(Duration::from_secs(seconds)));
    plan
}

/// Takes this controller's finalizer out of the `spec`.
fn finalize(mut plan: Plan, namespace: &Object) -> Plan {
    let finalizers = namespace.items(&["spec", "finalizers"]).iter();
    let left: Vec<&Value> = finalizers.filter(|one| **one != FINALIZER).collect();
    let metadata = namespace.get(&["metadata"]).cloned().unwrap_or_default();
    let object = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata,
        "spec": {"finalizers": left},
    });
    if let Some(mut object) = Object::from_value(object) {
        object.remove(&["metadata", "resourceVersion"]);
        plan.step(Step::update(&NAMESPACES, object).subresource("finalize"));
    }
    plan
}

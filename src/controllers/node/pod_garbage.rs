//! Pods that nobody ends: of nodes that are gone or out of service, going without ever having been
//! bound, or left over in great numbers.
//!
//! *Upstream:* `pkg/controller/podgc/gc_controller.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{disrupt, with_status};
use crate::controllers::shared::conditions;
use crate::object::{Key, Object};
use crate::runner::kinds::{NODES, PODS};
use crate::runner::{
    Again, Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// How long a node must be gone.
const QUARANTINE: Duration = Duration::from_secs(40);

/// So many pods that are over are kept.
const TERMINATED_MAX: usize = 12_500;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct PodGarbage {
    /// Pods that are over, the oldest first.
    over: BTreeSet<(String, Key)>,
    /// Nodes that pods are bound to and that are not there, and since when that is known.
    missing: BTreeMap<String, Timestamp>,
}

impl Controller for PodGarbage {
    fn name(&self) -> &'static str {
        "pod-garbage-collector-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("pod-garbage-collector")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&NODES, &PODS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == NODES.resource {
            if !seen.is_gone() {
                self.missing.remove(seen.object.key.name());
            }
            for pod in world.pods_on(seen.object.key.name()) {
                items.push(&PODS, pod.namespace(), pod.name());
            }
            return;
        }
        let pod = seen.parsed();
        let created = pod.text(&["metadata", "creationTimestamp"]).to_owned();
        let entry = (created, seen.object.key.clone());
        let is_over = is_over(&pod);
        if is_over && !seen.is_gone() {
            self.over.insert(entry);
            if self.over.len() > TERMINATED_MAX
                && let Some((_, oldest)) = self.over.first()
            {
                items.add(&PODS.resource, oldest);
            }
        } else if is_over {
            self.over.remove(&entry);
        }
        if !seen.is_gone() {
            items.add(&seen.resource, &seen.object.key);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(pod) = world.object(item) else {
            return Plan::nothing();
        };
        let node_name = pod.text(&["spec", "nodeName"]);
        if node_name.is_empty() {
            return if pod.is_being_deleted() {
                end(&pod, None)
            } else {
                Plan::nothing()
            };
        }
        let Some(node) = world.get(&NODES, "", node_name) else {
            return self.orphaned(&pod, world.now);
        };
        if pod.is_being_deleted() && is_out_of_service(&node) {
            return end(&pod, None);
        }
        let oldest = self.over.first().map(|(_, key)| key);
        if self.over.len() > TERMINATED_MAX && oldest == Some(&item.key) {
            return end(&pod, None);
        }
        Plan::nothing()
    }

    fn forget(&mut self) {
        self.over.clear();
        self.missing.clear();
    }
}

impl PodGarbage {
    /// A pod whose node is gone goes too, if that lasts.
    fn orphaned(&mut self, pod: &Object, now: Timestamp) -> Plan {
        let node = pod.text(&["spec", "nodeName"]).to_owned();
        let since = *self.missing.entry(node).or_insert(now);
        let end_of_wait = since.checked_add(QUARANTINE).unwrap_or(Timestamp::MAX);
        let left = Duration::try_from(end_of_wait.duration_since(now)).unwrap_or_default();
        if !left.is_zero() {
            return Plan::nothing().and_again(Again::After(left));
        }
        let why = "PodGC: node no longer exists";
        end(pod, disrupt(pod, "DeletionByPodGC", why, now))
    }
}

fn is_over(pod: &Object) -> bool {
    matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed")
}

fn is_out_of_service(node: &Object) -> bool {
    let taints = node.items(&["spec", "taints"]);
    !conditions::is_true(node.items(&["status", "conditions"]), "Ready")
        && taints
            .iter()
            .any(|taint| taint["key"] == "node.kubernetes.io/out-of-service")
}

/// Ends a pod as nobody else will.
fn end(pod: &Object, conditions: Option<Value>) -> Plan {
    let mut plan = Plan::nothing();
    if !is_over(pod) {
        plan.step(with_status(pod, |pod| {
            pod.set(&["status", "phase"], "Failed");
            if let Some(conditions) = conditions {
                pod.set(&["status", "conditions"], conditions);
            }
        }));
    }
    plan.step(Step::delete(&PODS, pod).grace(0).or_go_on());
    plan
}

//! Whether nodes are alive: one whose kubelet is silent for too long is unknown, its pods are not
//! ready, and taints follow from its state.
//!
//! Differs: taints are put on at once, not a zone's nodes one after the other; a silent node is
//! noticed where a virtual clock stops next, since time passes over what repeats without end.
//!
//! *Upstream:* `pkg/controller/nodelifecycle/node_lifecycle_controller.go`.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{taints, with_status};
use crate::client::PatchKind;
use crate::controllers::shared::conditions;
use crate::object::{Object, time};
use crate::runner::kinds::{LEASES, NODES, PODS};
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// How long a kubelet may be silent.
const GRACE: Duration = Duration::from_secs(50);

/// How long one may be that was never heard.
const STARTUP_GRACE: Duration = Duration::from_mins(1);

/// Where the leases of nodes are.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// What the kubelet says of its node, and others say where it does not.
const OF_KUBELET: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

const COMPONENT: &str = "node-controller";

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    known: BTreeSet<String>,
}

impl Controller for Lifecycle {
    fn name(&self) -> &'static str {
        "node-lifecycle-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("node-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&NODES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _world: &World, seen: &Seen, items: &mut Items) {
        items.add(&seen.resource, &seen.object.key);
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let name = item.key.name();
        let Some(node) = world.object(item) else {
            let mut plan = Plan::nothing();
            if self.known.remove(name) {
                let message = format!("Node {name} event: Removing Node {name} from Controller");
                plan.event(event(name, name, "RemovingNode", message));
            }
            return plan;
        };
        let mut plan = Plan::nothing();
        if self.known.insert(name.to_owned()) && !was_there(&node, world.now) {
            let message = format!("Node {name} event: Registered Node {name} in Controller");
            plan.event(event(name, node.uid(), "RegisteredNode", message));
        }
        match silence(world, &node) {
            Silence::Until(left) => plan.again(Again::LazilyAfter(left)),
            Silence::TooLong => {
                if let Some(step) = give_up(&node, world.now) {
                    plan.step(step);
                    plan.append(mark_pods(world, &node));
                    return plan;
                }
            }
        }
        if let Some(taints) = taints::wanted(&node, world.now) {
            let patch = json!({
                "metadata": {"resourceVersion": node.resource_version()},
                "spec": {"taints": taints},
            });
            plan.step(Step::patch(&NODES, "", name, PatchKind::Merge, patch));
        }
        plan
    }

    fn forget(&mut self) {
        self.known.clear();
    }
}

/// Whether a node is older than whoever looks at it: it was registered before.
fn was_there(node: &Object, now: Timestamp) -> bool {
    let created = time::time_at(node, &["metadata", "creationTimestamp"]);
    created.is_some_and(|created| now.duration_since(created).as_secs() > 5)
}

fn event(name: &str, uid: &str, reason: &str, message: String) -> Event {
    let about = About {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        resource_version: String::new(),
        field_path: String::new(),
    };
    Event::normal(about, COMPONENT, reason, message)
}

/// How long a kubelet has been silent.
enum Silence {
    /// It may be for so much longer.
    Until(Duration),
    /// Too long.
    TooLong,
}

fn silence(world: &World, node: &Object) -> Silence {
    let conditions = node.items(&["status", "conditions"]);
    let ready = conditions::find(conditions, "Ready");
    let grace = if ready.is_some() {
        GRACE
    } else {
        STARTUP_GRACE
    };
    let lease = world.get(&LEASES, LEASE_NAMESPACE, node.name());
    let renewed = lease.and_then(|lease| time::time_at(&lease, &["spec", "renewTime"]));
    let heard = ready.and_then(|ready| time::time_of(&ready["lastHeartbeatTime"]));
    let created = time::time_at(node, &["metadata", "creationTimestamp"]);
    let last = [renewed, heard, created].into_iter().flatten().max();
    let last = last.unwrap_or(world.now);
    let end = last.checked_add(grace).unwrap_or(Timestamp::MAX);
    match Duration::try_from(end.duration_since(world.now)) {
        Ok(left) if !left.is_zero() => Silence::Until(left),
        _ => Silence::TooLong,
    }
}

/// Says that nothing is known of a node any more; nothing where that is said already.
fn give_up(node: &Object, now: Timestamp) -> Option<Step> {
    let mut conditions = node.items(&["status", "conditions"]).to_vec();
    let created = node.text(&["metadata", "creationTimestamp"]).to_owned();
    let mut has_changed = false;
    for kind in OF_KUBELET {
        match conditions.iter_mut().find(|one| one["type"] == kind) {
            None => {
                has_changed = true;
                conditions.push(json!({
                    "type": kind,
                    "status": "Unknown",
                    "lastHeartbeatTime": created,
                    "lastTransitionTime": time::seconds(now),
                    "reason": "NodeStatusNeverUpdated",
                    "message": "Kubelet never posted node status.",
                }));
            }
            Some(known) if known["status"] != "Unknown" => {
                has_changed = true;
                known["status"] = "Unknown".into();
                known["reason"] = "NodeStatusUnknown".into();
                known["message"] = "Kubelet stopped posting node status.".into();
                known["lastTransitionTime"] = time::seconds(now).into();
            }
            Some(_) => {}
        }
    }
    if !has_changed {
        return None;
    }
    let mut node = node.clone();
    node.set(&["status", "conditions"], conditions);
    Some(Step::update_status(&NODES, node))
}

/// The pods of a node nobody hears of are not ready.
fn mark_pods(world: &World, node: &Object) -> Plan {
    let mut plan = Plan::nothing();
    let was_ready = conditions::is_true(node.items(&["status", "conditions"]), "Ready");
    if !was_ready {
        return plan;
    }
    let message = format!("Node {} status is now: NodeNotReady", node.name());
    plan.event(event(node.name(), node.uid(), "NodeNotReady", message));
    for pod in world.pods_on(node.name()) {
        let mut conditions = pod.items(&["status", "conditions"]).to_vec();
        let ready = conditions.iter_mut().find(|one| one["type"] == "Ready");
        let Some(ready) = ready.filter(|ready| ready["status"] != "False") else {
            continue;
        };
        ready["status"] = "False".into();
        ready["lastTransitionTime"] = time::seconds(world.now).into();
        plan.step(with_status(&pod, |pod| {
            pod.set(&["status", "conditions"], Value::from(conditions));
        }));
        let about = About::object(&PODS, &pod);
        let message = "Node is not ready";
        plan.event(Event::warning(about, COMPONENT, "NodeNotReady", message));
    }
    plan
}

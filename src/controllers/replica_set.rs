//! `ReplicaSet` and `ReplicationController`: as many pods of a template as are asked for.
//!
//! *Upstream:* `pkg/controller/replicaset/{replica_set,replica_set_utils}.go`,
//! `pkg/controller/replication`.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::{Value, json};

use super::shared::conditions::{self, Condition};
use super::shared::pod_steps::Maker;
use super::shared::{adoption, pods};
use crate::object::Object;
use crate::object::selector::LabelSelector;
use crate::runner::kinds::{NAMESPACES, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS};
use crate::runner::{
    Again, Controller, Identity, Item, Items, Kind, Outcomes, Plan, Seen, Step, Watches, World,
};

/// So many pods are made or taken away in one go.
const BURST_REPLICAS: usize = 500;

/// The condition of an object whose pods cannot be made or taken away.
const REPLICA_FAILURE: &str = "ReplicaFailure";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ReplicaSets;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ReplicationControllers;

/// What the two kinds differ in.
struct Trait {
    kind: &'static LazyLock<Kind>,
    component: &'static str,
    selector: fn(&Object) -> Option<LabelSelector>,
    /// Whether the status counts pods that are going.
    counts_terminating: bool,
}

const REPLICA_SET: Trait = Trait {
    kind: &REPLICA_SETS,
    component: "replicaset-controller",
    selector: |owner| LabelSelector::from_json(owner.get(&["spec", "selector"])).ok(),
    counts_terminating: true,
};

const REPLICATION_CONTROLLER: Trait = Trait {
    kind: &REPLICATION_CONTROLLERS,
    component: "replication-controller",
    selector: |owner| {
        let labels = owner.get(&["spec", "selector"])?.as_object()?;
        let labels = labels
            .iter()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
        Some(LabelSelector::from_labels(labels))
    },
    counts_terminating: false,
};

impl Controller for ReplicaSets {
    fn name(&self) -> &'static str {
        "replicaset-controller"
    }

    fn width(&self) -> usize {
        16
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&REPLICA_SETS, &PODS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        react(&REPLICA_SET, world, seen, items);
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        reconcile(&REPLICA_SET, world, item)
    }
}

impl Controller for ReplicationControllers {
    fn name(&self) -> &'static str {
        "replicationcontroller-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("replication-controller")
    }

    fn width(&self) -> usize {
        16
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&REPLICATION_CONTROLLERS, &PODS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        react(&REPLICATION_CONTROLLER, world, seen, items);
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        reconcile(&REPLICATION_CONTROLLER, world, item)
    }
}

fn react(of: &Trait, world: &World, seen: &Seen, items: &mut Items) {
    if seen.resource == of.kind.resource {
        items.add(&seen.resource, &seen.object.key);
    } else {
        adoption::concerns(world, seen, of.kind, of.selector, items);
    }
}

fn reconcile(of: &'static Trait, world: &World, item: &Item) -> Plan {
    let Some(owner) = world.object(item) else {
        return Plan::nothing();
    };
    let Some(selector) = (of.selector)(&owner) else {
        return Plan::nothing();
    };
    let claim = adoption::claim(world, (&owner, of.kind), &PODS, &selector, pods::is_active);
    if !claim.plan.is_empty() {
        return claim.plan;
    }
    let is_going = |pod: &&Arc<Object>| {
        pod.is_being_deleted() && !matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed")
    };
    let going = claim.own.iter().filter(is_going).count();
    let mut active = claim.own;
    active.retain(|pod| pods::is_active(pod));
    let mut plan = if owner.is_being_deleted() {
        Plan::nothing()
    } else {
        change_count(of, world, &owner, &active)
    };
    if !plan.is_empty() {
        // What is made or goes is told, and the status follows then; a failure it shows at once.
        let now = world.now;
        return plan.then(move |outcomes| {
            let status = status(of, &owner, &active, going, failure(outcomes), now);
            match outcomes.failure().filter(|_| outcomes.is_cut_short) {
                Some(_) => update_status(of, &owner, status),
                None => Plan::nothing(),
            }
        });
    }
    let min_ready_seconds = owner.integer(&["spec", "minReadySeconds"]).unwrap_or(0);
    let next = active
        .iter()
        .filter_map(|pod| pods::available_in(pod, min_ready_seconds, world.now))
        .min();
    let status = status(of, &owner, &active, going, None, world.now);
    plan.append(update_status(of, &owner, status));
    if let Some(pause) = next {
        plan.again(Again::After(pause.max(Duration::from_millis(1))));
    }
    plan
}

/// Makes the pods that are missing, or takes away those that are too many.
fn change_count(of: &'static Trait, world: &World, owner: &Object, active: &[Arc<Object>]) -> Plan {
    let wanted = owner.integer(&["spec", "replicas"]).unwrap_or(1);
    let wanted = usize::try_from(wanted).unwrap_or(0);
    let mut plan = Plan::nothing();
    let maker = Maker {
        owner,
        kind: of.kind,
        component: of.component,
    };
    if active.len() < wanted {
        // There nothing can be made, and nobody is told that it was tried.
        let namespace = world.get(&NAMESPACES, "", owner.namespace());
        if namespace.is_some_and(|namespace| namespace.is_being_deleted()) {
            return plan;
        }
        let template = owner.get(&["spec", "template"]).unwrap_or(&Value::Null);
        let pod = pods::of_template(template, owner, of.kind);
        for _ in 0..(wanted - active.len()).min(BURST_REPLICAS) {
            plan.step(maker.create(pod.clone()));
        }
    } else if active.len() > wanted {
        let count = (active.len() - wanted).min(BURST_REPLICAS);
        for pod in to_delete(of, world, owner, active, count) {
            plan.step(maker.delete(&pod));
        }
    }
    plan
}

/// Which pods go: as [`pods::compare_for_deletion`] says, where pods of related owners (those of
/// the same Deployment) count as standing together.
fn to_delete(
    of: &Trait,
    world: &World,
    owner: &Object,
    active: &[Arc<Object>],
    count: usize,
) -> Vec<Arc<Object>> {
    let mut pods = active.to_vec();
    if count < pods.len() {
        let related = related_pods(of, world, owner);
        let ranks = pods::count_by_node(related.iter().filter(|pod| pods::is_active(pod)));
        let rank = |pod: &Object| {
            ranks
                .get(pod.text(&["spec", "nodeName"]))
                .copied()
                .unwrap_or(0)
        };
        pods.sort_by(|left, right| {
            pods::compare_for_deletion((left, rank(left)), (right, rank(right)), world.now)
        });
    }
    pods.truncate(count);
    pods
}

/// The pods of all owners that have the same controller as this one; its own where it has none.
fn related_pods(of: &Trait, world: &World, owner: &Object) -> Vec<Arc<Object>> {
    let item = adoption::item_of(of.kind, owner);
    let controller = world.owners(&item).iter().find(|link| link.is_controller);
    let Some(controller) = controller else {
        return world.controlled(&PODS, owner);
    };
    world
        .dependents(&controller.uid)
        .filter(|sibling| sibling.resource == of.kind.resource)
        .filter_map(|sibling| world.object(sibling))
        .flat_map(|sibling| world.controlled(&PODS, &sibling))
        .collect()
}

/// The words of a failure that ended the plan.
fn failure(outcomes: &Outcomes) -> Option<String> {
    let failure = outcomes.failure().filter(|_| outcomes.is_cut_short)?;
    Some(failure.message())
}

/// The status that the pods give.
fn status(
    of: &Trait,
    owner: &Object,
    active: &[Arc<Object>],
    going: usize,
    failure: Option<String>,
    now: jiff::Timestamp,
) -> Value {
    let min_ready_seconds = owner.integer(&["spec", "minReadySeconds"]).unwrap_or(0);
    let template = owner.get(&["spec", "template", "metadata", "labels"]);
    let template = template.and_then(Value::as_object).into_iter().flatten();
    let template = template.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    let template = LabelSelector::from_labels(template);
    let count = |counts: &dyn Fn(&Object) -> bool| active.iter().filter(|pod| counts(pod)).count();
    let mut conditions = owner.items(&["status", "conditions"]).to_vec();
    match failure {
        Some(message) if conditions::find(&conditions, REPLICA_FAILURE).is_none() => {
            let wanted = owner.integer(&["spec", "replicas"]).unwrap_or(1);
            let is_short = i64::try_from(active.len()).is_ok_and(|active| active < wanted);
            let condition = Condition {
                kind: REPLICA_FAILURE,
                status: "True",
                reason: if is_short {
                    "FailedCreate"
                } else {
                    "FailedDelete"
                },
                message: &message,
            };
            condition.set(&mut conditions, now);
        }
        Some(_) => {}
        None => conditions::remove(&mut conditions, REPLICA_FAILURE),
    }
    let mut status = json!({
        "replicas": active.len(),
        "fullyLabeledReplicas": count(&|pod| template.matches_object(pod)),
        "readyReplicas": count(&|pod| pods::is_ready(pod)),
        "availableReplicas": count(&|pod| pods::is_available(pod, min_ready_seconds, now)),
        "observedGeneration": owner.generation(),
    });
    if of.counts_terminating {
        status["terminatingReplicas"] = going.into();
    }
    if !conditions.is_empty() {
        status["conditions"] = conditions.into();
    }
    status
}

/// Writes a status that is another than the stored one.
fn update_status(of: &Trait, owner: &Object, status: Value) -> Plan {
    let known = owner.get(&["status"]).cloned().unwrap_or_default();
    let is_same = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "observedGeneration",
        "terminatingReplicas",
        "conditions",
    ]
    .iter()
    .all(|field| is_equal(&known[*field], &status[*field]));
    if is_same {
        return Plan::nothing();
    }
    let mut object = owner.clone();
    object.set(&["status"], status);
    Plan::of(Step::update_status(of.kind, object))
}

/// Whether two values of a status are the same, where 0 and an absent number are; but a number that
/// is a pointer upstream (`terminatingReplicas`) is stored as 0 and compared so.
fn is_equal(known: &Value, value: &Value) -> bool {
    known == value || (known.is_null() && value == &Value::from(0) && !value.is_null())
}

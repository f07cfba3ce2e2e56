//! `PodDisruptionBudget`: how many of its pods may go now.
//!
//! *Upstream:* `pkg/controller/disruption/disruption.go`.

mod expected;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::shared::{conditions, pods};
use crate::object::selector::LabelSelector;
use crate::object::{Object, time};
use crate::runner::kinds::{
    DEPLOYMENTS, POD_DISRUPTION_BUDGETS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS,
};
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// How long a pod that was evicted may take to be deleted.
const DELETION_TIMEOUT: Duration = Duration::from_mins(2);

/// How long a pod that was to be disrupted may stay before it is not.
const STALE_TIMEOUT: Duration = Duration::from_mins(2);

const COMPONENT: &str = "controllermanager";
const CONDITION: &str = "DisruptionAllowed";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Disruption;

impl Controller for Disruption {
    fn name(&self) -> &'static str {
        "disruption-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("disruption-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 6]> = LazyLock::new(|| {
            [
                &POD_DISRUPTION_BUDGETS,
                &PODS,
                &DEPLOYMENTS,
                &REPLICA_SETS,
                &STATEFUL_SETS,
                &REPLICATION_CONTROLLERS,
            ]
        });
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        let key = &seen.object.key;
        if seen.resource == POD_DISRUPTION_BUDGETS.resource {
            items.add(&seen.resource, key);
        } else if seen.resource == PODS.resource {
            concerned(world, seen, items);
            if !seen.is_gone() && is_disrupted(&seen.parsed()) {
                items.add(&seen.resource, key);
            }
        } else if has_scaled(seen) {
            // Budgets by percentage count what the owners of their pods want.
            for budget in world.list(&POD_DISRUPTION_BUDGETS, key.namespace()) {
                items.push(&POD_DISRUPTION_BUDGETS, budget.namespace(), budget.name());
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(object) = world.object(item) else {
            return Plan::nothing();
        };
        if item.resource == PODS.resource {
            return clear_stale(&object, world.now);
        }
        count(world, &object)
    }
}

/// Adds the budgets that a pod is of, or was.
fn concerned(world: &World, seen: &Seen, items: &mut Items) {
    let namespace = seen.object.key.namespace();
    for budget in world.list(&POD_DISRUPTION_BUDGETS, namespace) {
        let Some(selector) = selector(&budget) else {
            continue;
        };
        let before = seen.previous.as_deref();
        if selector.matches(|key| seen.object.label(key))
            || before.is_some_and(|before| selector.matches(|key| before.label(key)))
        {
            items.push(&POD_DISRUPTION_BUDGETS, namespace, budget.name());
        }
    }
}

fn selector(budget: &Object) -> Option<LabelSelector> {
    LabelSelector::from_json(budget.get(&["spec", "selector"])).ok()
}

/// Whether an owner of pods wants another number of them.
fn has_scaled(seen: &Seen) -> bool {
    let Some(previous) = seen.parsed_previous().filter(|_| !seen.is_gone()) else {
        return true;
    };
    let replicas = |object: &Object| object.integer(&["spec", "replicas"]);
    replicas(&previous) != replicas(&seen.parsed())
}

/// Whether somebody said that a pod is about to go.
fn is_disrupted(pod: &Object) -> bool {
    let conditions = pod.items(&["status", "conditions"]);
    conditions::is_true(conditions, "DisruptionTarget")
}

/// Takes back that a pod is about to go, once it should have gone long ago.
fn clear_stale(pod: &Object, now: Timestamp) -> Plan {
    let conditions = pod.items(&["status", "conditions"]);
    let Some(condition) = conditions::find(conditions, "DisruptionTarget") else {
        return Plan::nothing();
    };
    let is_over = matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed");
    if pod.is_being_deleted()
        || is_over
        || condition["status"] != "True"
        || condition["reason"] == "TerminationByKubelet"
    {
        return Plan::nothing();
    }
    let since = time::time_of(&condition["lastTransitionTime"]).unwrap_or(now);
    if let Some(left) = left_of(STALE_TIMEOUT, since, now) {
        return Plan::nothing().and_again(Again::After(left));
    }
    let mut conditions = conditions.to_vec();
    for one in &mut conditions {
        if one["type"] == "DisruptionTarget" {
            *one = json!({
                "type": "DisruptionTarget",
                "status": "False",
                "lastTransitionTime": time::seconds(now),
            });
        }
    }
    let mut pod = pod.clone();
    pod.set(&["status", "conditions"], conditions);
    Plan::of(Step::update_status(&PODS, pod))
}

/// What is left of a time that began then.
fn left_of(timeout: Duration, since: Timestamp, now: Timestamp) -> Option<Duration> {
    let end = since.checked_add(timeout).ok()?;
    let left = Duration::try_from(end.duration_since(now)).ok()?;
    (!left.is_zero()).then_some(left)
}

/// Counts the pods of a budget.
fn count(world: &World, budget: &Object) -> Plan {
    let Some(selector) = selector(budget) else {
        return Plan::nothing();
    };
    let about = || About::object(&POD_DISRUPTION_BUDGETS, budget);
    let pods = world.select(&PODS, budget.namespace(), &selector);
    let mut plan = Plan::nothing();
    if pods.is_empty() {
        let message = "No matching pods found";
        plan.event(Event::normal(about(), COMPONENT, "NoPods", message));
    }
    let expected = match expected::of(world, budget, &pods) {
        Ok(expected) => expected,
        Err(error) => {
            plan.event(Event::warning(
                about(),
                COMPONENT,
                "CalculateExpectedPodCountFailed",
                format!("Failed to calculate the number of expected pods: {error}"),
            ));
            plan.append(allow_none(budget, &error, world.now));
            return plan.and_again(Again::AfterBackoff);
        }
    };
    if expected.has_unmanaged {
        let selector = expected::go_selector(budget);
        plan.event(Event::warning(
            about(),
            COMPONENT,
            "UnmanagedPods",
            format!("Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value."),
        ));
    }
    let (disrupted, recheck) = disrupted(budget, &pods, world.now);
    let healthy = pods.iter().filter(|pod| {
        !pod.is_being_deleted() && !disrupted.contains_key(pod.name()) && pods::is_ready(pod)
    });
    let healthy = i64::try_from(healthy.count()).unwrap_or(i64::MAX);
    let status = status(budget, healthy, &expected, disrupted, world.now);
    if budget.get(&["status"]) != Some(&status) {
        let mut object = budget.clone();
        object.set(&["status"], status);
        plan.step(Step::update_status(&POD_DISRUPTION_BUDGETS, object));
    }
    if let Some(pause) = recheck {
        plan.again(Again::After(pause));
    }
    plan
}

/// The evicted pods that are still to go, and when to look whether they went.
fn disrupted(
    budget: &Object,
    pods: &[Arc<Object>],
    now: Timestamp,
) -> (Map<String, Value>, Option<Duration>) {
    let mut left = Map::new();
    let mut recheck: Option<Duration> = None;
    let known = budget.get(&["status", "disruptedPods"]);
    let Some(known) = known.and_then(Value::as_object) else {
        return (left, recheck);
    };
    for pod in pods.iter().filter(|pod| !pod.is_being_deleted()) {
        let Some(since) = known.get(pod.name()) else {
            continue;
        };
        let at = time::time_of(since).unwrap_or(now);
        if let Some(pause) = left_of(DELETION_TIMEOUT, at, now) {
            recheck = Some(recheck.map_or(pause, |known| known.min(pause)));
            left.insert(pod.name().to_owned(), since.clone());
        }
    }
    (left, recheck)
}

fn status(
    budget: &Object,
    healthy: i64,
    expected: &expected::Expected,
    disrupted: Map<String, Value>,
    now: Timestamp,
) -> Value {
    let allowed = if expected.count <= 0 {
        0
    } else {
        (healthy - expected.healthy).max(0)
    };
    let (status, reason) = if allowed > 0 {
        ("True", "SufficientPods")
    } else {
        ("False", "InsufficientPods")
    };
    let mut out = json!({
        "currentHealthy": healthy,
        "desiredHealthy": expected.healthy,
        "expectedPods": expected.count,
        "disruptionsAllowed": allowed,
        "observedGeneration": budget.generation(),
        "conditions": with_condition(budget, (status, reason, ""), budget.generation(), now),
    });
    if !disrupted.is_empty() {
        out["disruptedPods"] = disrupted.into();
    }
    out
}

/// What a budget says that cannot be counted.
fn allow_none(budget: &Object, error: &str, now: Timestamp) -> Plan {
    let observed = budget
        .integer(&["status", "observedGeneration"])
        .unwrap_or(0);
    let conditions = with_condition(budget, ("False", "SyncFailed", error), observed, now);
    if budget
        .integer(&["status", "disruptionsAllowed"])
        .unwrap_or(0)
        == 0
        && budget.get(&["status", "conditions"]) == Some(&conditions)
    {
        return Plan::nothing();
    }
    let mut object = budget.clone();
    object.set(&["status", "disruptionsAllowed"], 0);
    object.set(&["status", "conditions"], conditions);
    Plan::of(Step::update_status(&POD_DISRUPTION_BUDGETS, object))
}

/// The conditions with the one that says whether pods may go.
fn with_condition(
    budget: &Object,
    (status, reason, message): (&str, &str, &str),
    observed: i64,
    now: Timestamp,
) -> Value {
    let mut conditions = budget.items(&["status", "conditions"]).to_vec();
    let known = conditions::find(&conditions, CONDITION);
    let since = known.filter(|known| known["status"] == status).map_or_else(
        || time::seconds(now).into(),
        |known| known["lastTransitionTime"].clone(),
    );
    let mut value = json!({
        "type": CONDITION,
        "status": status,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    });
    if observed != 0 {
        value["observedGeneration"] = observed.into();
    }
    match conditions.iter_mut().find(|one| one["type"] == CONDITION) {
        Some(known) => *known = value,
        None => conditions.push(value),
    }
    conditions.into()
}

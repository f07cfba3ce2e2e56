//! Revisions: the ReplicaSet of a template, made where there is none, and numbered.
//!
//! *Upstream:* `pkg/controller/deployment/sync.go` (`getNewReplicaSet`),
//! `pkg/controller/deployment/util/deployment_util.go` (`SetNewReplicaSetAnnotations`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::shared::{hash, pods};
use super::replica_sets::{self, DESIRED, HASH, MAX, ReplicaSets};
use super::{COMPONENT, scale, status, tell_scaled};
use crate::object::Object;
use crate::object::quote::quoted;
use crate::runner::kinds::{DEPLOYMENTS, REPLICA_SETS};
use crate::runner::{About, Event, Plan, Step, World};

/// The number of a ReplicaSet, and of a Deployment that of its new one.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// The numbers a ReplicaSet had before it became the new one again.
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// So long the history grows.
const HISTORY_CHARS_MAX: usize = 2000;
/// Annotations of a Deployment that its ReplicaSets do not take over.
const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];
const NAME_CHARS_MAX: usize = 253;

/// The number of a ReplicaSet; `None` where it is none.
pub(super) fn of(set: &Object) -> Option<i64> {
    match annotation(set, REVISION) {
        "" => Some(0),
        text => text.parse().ok(),
    }
}

fn annotation<'a>(object: &'a Object, key: &str) -> &'a str {
    object.text(&["metadata", "annotations", key])
}

fn next(sets: &ReplicaSets) -> i64 {
    sets.old
        .iter()
        .filter_map(|set| of(set))
        .max()
        .unwrap_or(0)
        .max(0)
        + 1
}

/// What is to be written so that the new ReplicaSet and the Deployment show its number.
pub(super) fn sync(world: &World, deployment: &Object, sets: &ReplicaSets) -> Option<Plan> {
    let new = sets.new.as_ref()?;
    let mut changed = Object::clone(new);
    annotate(deployment, &mut changed, next(sets));
    let ready = deployment
        .integer(&["spec", "minReadySeconds"])
        .unwrap_or(0);
    if new.integer(&["spec", "minReadySeconds"]).unwrap_or(0) != ready {
        changed.set(&["spec", "minReadySeconds"], ready);
    }
    if changed.get(&["metadata", "annotations"]) != new.get(&["metadata", "annotations"])
        || changed.get(&["spec"]) != new.get(&["spec"])
    {
        return Some(Plan::of(Step::update(&REPLICA_SETS, changed)));
    }
    let mut noted = deployment.clone();
    let revision = annotation(new, REVISION);
    let mut is_noted = annotation(deployment, REVISION) == revision;
    noted.set(&["metadata", "annotations", REVISION], revision);
    if status::has_deadline(deployment) && status::progressing(deployment).is_none() {
        let message = format!("Found new replica set {}", quoted(new.name()));
        status::progress(
            &mut noted,
            "True",
            "FoundNewReplicaSet",
            &message,
            world.now,
        );
        is_noted = false;
    }
    (!is_noted).then(|| Plan::of(Step::update_status(&DEPLOYMENTS, noted)))
}

/// Gives a ReplicaSet the Deployment's annotations and, unless it has a higher one, its number.
fn annotate(deployment: &Object, set: &mut Object, next: i64) {
    for (key, value) in deployment.annotations() {
        if !OWN.contains(&key) {
            set.set(&["metadata", "annotations", key], value);
        }
    }
    let before = annotation(set, REVISION).to_owned();
    let number = if before.is_empty() {
        Some(0)
    } else {
        before.parse::<i64>().ok()
    };
    if number.is_none_or(|number| number >= next) {
        return;
    }
    set.set(&["metadata", "annotations", REVISION], next.to_string());
    if before.is_empty() {
        return;
    }
    let history = annotation(set, HISTORY).to_owned();
    if history.is_empty() {
        set.set(&["metadata", "annotations", HISTORY], before);
        return;
    }
    let mut numbers: Vec<&str> = history.split(',').collect();
    numbers.push(&before);
    while numbers.join(",").len() > HISTORY_CHARS_MAX && numbers.len() > 1 {
        numbers.remove(0);
    }
    let history = numbers.join(",");
    set.set(&["metadata", "annotations", HISTORY], history);
}

/// Makes the ReplicaSet of the present template.
pub(super) fn create(world: &World, deployment: &Object, sets: &ReplicaSets) -> Plan {
    let collisions = deployment.integer(&["status", "collisionCount"]);
    let template = deployment
        .get(&["spec", "template"])
        .unwrap_or(&Value::Null);
    let hash = hash::of_template(template, collisions);
    let room = NAME_CHARS_MAX - 1 - hash.len();
    let stem = deployment.name().get(..room).unwrap_or(deployment.name());
    let name = format!("{stem}-{hash}");
    if world
        .get(&REPLICA_SETS, deployment.namespace(), &name)
        .is_some()
    {
        let mut collided = deployment.clone();
        let count = collisions.unwrap_or(0) + 1;
        collided.set(&["status", "collisionCount"], count);
        return Plan::of(Step::update_status(&DEPLOYMENTS, collided));
    }
    let size = replica_sets::new_size(deployment, sets.size(), 0);
    let set = new_set(deployment, &name, &hash, size, next(sets));
    let event = tell_scaled(deployment, "up", &name, 0, size);
    let step = Step::create(&REPLICA_SETS, set);
    let step = step.tell(move |outcome| (outcome.is_success() && size > 0).then_some(event));
    let noted = Arc::new(deployment.clone());
    let (now, revision) = (world.now, next(sets).to_string());
    Plan::of(step).then(move |outcomes| match outcomes.failure() {
        None => note_created(&noted, &name, revision, now),
        Some(failure) if failure.code == 409 || failure.has_cause("NamespaceTerminating") => {
            Plan::nothing()
        }
        Some(failure) => note_failed(&noted, &name, &failure.message(), now),
    })
}

fn new_set(deployment: &Object, name: &str, hash: &str, size: i64, revision: i64) -> Object {
    let mut template = deployment
        .get(&["spec", "template"])
        .cloned()
        .unwrap_or_default();
    template["metadata"]["labels"][HASH] = hash.into();
    let mut selector = deployment
        .get(&["spec", "selector"])
        .cloned()
        .unwrap_or_default();
    selector["matchLabels"][HASH] = hash.into();
    let set = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": deployment.namespace(),
            "labels": template["metadata"]["labels"],
            "ownerReferences": [pods::controller_reference(deployment, &DEPLOYMENTS)],
        },
        "spec": {
            "replicas": size,
            "minReadySeconds": deployment.integer(&["spec", "minReadySeconds"]).unwrap_or(0),
            "selector": selector,
            "template": template,
        },
    });
    let mut set = Object::from_value(set).unwrap_or_default();
    annotate(deployment, &mut set, revision);
    let asked = replica_sets::size(deployment);
    let max = asked + replica_sets::max_surge(deployment);
    scale::note(&mut set, asked, max);
    set
}

fn note_created(deployment: &Object, name: &str, revision: String, now: jiff::Timestamp) -> Plan {
    let mut noted = deployment.clone();
    let is_known = annotation(deployment, REVISION) == revision;
    noted.set(&["metadata", "annotations", REVISION], revision);
    if status::has_deadline(deployment) {
        let message = format!("Created new replica set {}", quoted(name));
        status::progress(&mut noted, "True", "NewReplicaSetCreated", &message, now);
    } else if is_known {
        return Plan::nothing();
    }
    Plan::of(Step::update_status(&DEPLOYMENTS, noted))
}

fn note_failed(deployment: &Object, name: &str, why: &str, now: jiff::Timestamp) -> Plan {
    const REASON: &str = "ReplicaSetCreateError";
    let message = format!("Failed to create new replica set {}: {why}", quoted(name));
    let mut plan = Plan::nothing();
    if status::has_deadline(deployment) {
        let mut noted = deployment.clone();
        status::progress(&mut noted, "False", REASON, &message, now);
        if noted.get(&["status"]) != deployment.get(&["status"]) {
            plan.step(Step::update_status(&DEPLOYMENTS, noted).or_go_on());
        }
    }
    let about = About::object(&DEPLOYMENTS, deployment);
    plan.event(Event::warning(about, COMPONENT, REASON, message));
    plan
}

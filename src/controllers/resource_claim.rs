//! `ResourceClaim`s: made for pods that bring a template, and given back by pods that are done.
//!
//! *Upstream:* `pkg/controller/resourceclaim/controller.go`,
//! `dynamic-resource-allocation/resourceclaim/claim.go`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use crate::object::Object;
use crate::runner::kinds::{PODS, RESOURCE_CLAIM_TEMPLATES, RESOURCE_CLAIMS};
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Outcomes, Plan, Seen, Step,
    Watches, World,
};

/// The annotation of a claim that was made for a pod: by which name the pod knows it.
const POD_CLAIM: &str = "resource.kubernetes.io/pod-claim-name";

/// What keeps a claim while it is allocated.
const FINALIZER: &str = "resource.kubernetes.io/delete-protection";

const COMPONENT: &str = "resource_claim";

/// Names that others are made of are no longer than this.
const BASE_MAX: usize = 57;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResourceClaims;

impl Controller for ResourceClaims {
    fn name(&self) -> &'static str {
        "resourceclaim-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("resource-claim-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 3]> =
            LazyLock::new(|| [&PODS, &RESOURCE_CLAIMS, &RESOURCE_CLAIM_TEMPLATES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        let key = &seen.object.key;
        if seen.resource == RESOURCE_CLAIMS.resource {
            items.add(&seen.resource, key);
            let is_allocated = |object: &Object| object.get(&["status", "allocation"]).is_some();
            let before = seen.parsed_previous().is_some_and(|one| is_allocated(&one));
            if seen.is_gone() || before != is_allocated(&seen.parsed()) {
                for pod in world.list(&PODS, key.namespace()) {
                    if claim_names(&pod).iter().any(|name| name == key.name()) {
                        items.push(&PODS, pod.namespace(), pod.name());
                    }
                }
            }
            return;
        }
        if seen.resource == RESOURCE_CLAIM_TEMPLATES.resource {
            for pod in world.list(&PODS, key.namespace()) {
                if requests(&pod).any(|(_, template)| template == key.name()) {
                    items.push(&PODS, pod.namespace(), pod.name());
                }
            }
            return;
        }
        let pod = seen.parsed();
        if pod.items(&["spec", "resourceClaims"]).is_empty() {
            return;
        }
        items.add(&seen.resource, key);
        for name in claim_names(&pod) {
            items.push(&RESOURCE_CLAIMS, key.namespace(), &name);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(object) = world.object(item) else {
            return Plan::nothing();
        };
        if item.resource == PODS.resource {
            return look_at_pod(world, &object);
        }
        look_at_claim(world, &object)
    }
}

/// The claims that a pod wants made: its name for each, and the template.
fn requests(pod: &Object) -> impl Iterator<Item = (&str, &str)> {
    let claims = pod.items(&["spec", "resourceClaims"]).iter();
    claims.filter_map(|claim| {
        let template = claim["resourceClaimTemplateName"].as_str()?;
        Some((claim["name"].as_str()?, template))
    })
}

/// The claims that were made for a pod, by its names for them.
fn made(pod: &Object) -> BTreeMap<String, String> {
    let statuses = pod.items(&["status", "resourceClaimStatuses"]).iter();
    let made = statuses.filter_map(|status| {
        let name = status["name"].as_str()?;
        Some((
            name.to_owned(),
            status["resourceClaimName"].as_str()?.to_owned(),
        ))
    });
    made.collect()
}

/// The names of all claims of a pod, as far as they are known.
fn claim_names(pod: &Object) -> Vec<String> {
    let claims = pod.items(&["spec", "resourceClaims"]).iter();
    let named = claims.filter_map(|claim| claim["resourceClaimName"].as_str());
    let mut names: Vec<String> = named.map(str::to_owned).collect();
    names.extend(made(pod).into_values());
    names
}

/// A pod that will not run any more.
fn is_done(pod: &Object) -> bool {
    let is_over = matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed");
    is_over || (pod.is_being_deleted() && pod.text(&["spec", "nodeName"]).is_empty())
}

/// Makes the claims of a pod that are missing, and reserves those it has.
fn look_at_pod(world: &World, pod: &Arc<Object>) -> Plan {
    if pod.is_being_deleted() {
        return Plan::nothing();
    }
    let mut known = made(pod);
    let before = known.clone();
    let mut plan = Plan::nothing();
    let mut asked = Vec::new();
    for (name, template) in requests(pod) {
        let claim = known.get(name);
        let claim = claim.and_then(|claim| world.get(&RESOURCE_CLAIMS, pod.namespace(), claim));
        if claim.is_some_and(|claim| is_of(&claim, pod)) {
            continue;
        }
        if let Some(orphan) = orphan(world, pod, name) {
            known.insert(name.to_owned(), orphan);
            continue;
        }
        let Some(template) = world.get(&RESOURCE_CLAIM_TEMPLATES, pod.namespace(), template) else {
            let what = "resourceclaimtemplate.resource.k8s.io";
            let why =
                format!("resource claim template {template:?}: {what} {template:?} not found");
            plan.event(failed(pod, name, &why));
            plan.again(Again::AfterBackoff);
            return plan;
        };
        let (about, of) = (Arc::clone(pod), name.to_owned());
        let step = Step::create(&RESOURCE_CLAIMS, claim_of(pod, name, &template));
        plan.step(step.tell(move |outcome| {
            let why = format!("create ResourceClaim : {}", outcome.message());
            (!outcome.is_success()).then(|| failed(&about, &of, &why))
        }));
        asked.push(name.to_owned());
    }
    if asked.is_empty() && known == before {
        return reserve(world, pod);
    }
    let pod = Arc::clone(pod);
    plan.then(move |outcomes: &Outcomes| {
        for (name, outcome) in asked.into_iter().zip(&outcomes.all) {
            if outcome.is_success() {
                known.insert(name, outcome.name());
            }
        }
        let statuses = known
            .iter()
            .map(|(name, claim)| json!({"name": name, "resourceClaimName": claim}));
        let applied = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod.name(), "namespace": pod.namespace()},
            "status": {"resourceClaimStatuses": statuses.collect::<Vec<Value>>()},
        });
        let query = "fieldManager=ResourceClaimController&force=true";
        let step = Step::apply(&PODS, pod.namespace(), pod.name(), query, applied);
        Plan::of(step.subresource("status"))
    })
}

fn failed(pod: &Object, name: &str, why: &str) -> Event {
    let message = format!("PodResourceClaim {name}: {why}");
    let about = About::object(&PODS, pod);
    Event::warning(about, COMPONENT, "FailedResourceClaimCreation", message)
}

fn is_of(claim: &Object, pod: &Object) -> bool {
    let owners = claim.items(&["metadata", "ownerReferences"]);
    owners.iter().any(|owner| owner["uid"] == pod.uid())
}

/// A claim that was made for a pod, which does not know of it yet.
fn orphan(world: &World, pod: &Object, name: &str) -> Option<String> {
    let claims = world.controlled(&RESOURCE_CLAIMS, pod);
    let found = claims
        .iter()
        .find(|claim| claim.text(&["metadata", "annotations", POD_CLAIM]) == name);
    found.map(|claim| claim.name().to_owned())
}

fn claim_of(pod: &Object, name: &str, template: &Object) -> Object {
    let said = |field: &str| {
        let map = template.get(&["spec", "metadata", field]);
        map.and_then(Value::as_object).cloned().unwrap_or_default()
    };
    let mut annotations = said("annotations");
    annotations.insert(POD_CLAIM.to_owned(), name.into());
    let mut base = format!("{}-{name}-", pod.name());
    if base.len() > BASE_MAX {
        // Both are cut in proportion.
        let cut = |text: &str, whole: usize| {
            text.get(..text.len() * BASE_MAX / whole)
                .unwrap_or(text)
                .to_owned()
        };
        base = format!("{}-{}", cut(pod.name(), base.len()), cut(name, base.len()));
    }
    let mut metadata = json!({
        "generateName": base,
        "namespace": pod.namespace(),
        "annotations": annotations,
        "ownerReferences": [{
            "apiVersion": "v1",
            "kind": "Pod",
            "name": pod.name(),
            "uid": pod.uid(),
            "controller": true,
        }],
    });
    let labels: Map<String, Value> = said("labels");
    if !labels.is_empty() {
        metadata["labels"] = labels.into();
    }
    let claim = json!({
        "apiVersion": RESOURCE_CLAIMS.api_version(),
        "kind": "ResourceClaim",
        "metadata": metadata,
        "spec": template.get(&["spec", "spec"]),
    });
    Object::from_value(claim).unwrap_or_default()
}

/// Reserves what is allocated for a pod that has a node already.
fn reserve(world: &World, pod: &Object) -> Plan {
    let mut plan = Plan::nothing();
    if pod.text(&["spec", "nodeName"]).is_empty() || is_done(pod) {
        return plan;
    }
    for name in claim_names(pod) {
        let Some(claim) = world.get(&RESOURCE_CLAIMS, pod.namespace(), &name) else {
            continue;
        };
        let reserved = claim.items(&["status", "reservedFor"]);
        let is_reserved = reserved.iter().any(|one| one["uid"] == pod.uid());
        if is_reserved || claim.get(&["status", "allocation"]).is_none() {
            continue;
        }
        let mut reserved = reserved.to_vec();
        reserved.push(json!({"resource": "pods", "name": pod.name(), "uid": pod.uid()}));
        let mut claim = Object::clone(&claim);
        claim.set(&["status", "reservedFor"], reserved);
        plan.step(Step::update_status(&RESOURCE_CLAIMS, claim));
    }
    plan
}

/// Takes pods that are done off a claim; with the last of them goes its allocation.
fn look_at_claim(world: &World, claim: &Object) -> Plan {
    let reserved = claim.items(&["status", "reservedFor"]);
    let stays = |one: &&Value| {
        let is_pod = one["resource"] == "pods" && one["apiGroup"].as_str().unwrap_or("").is_empty();
        let pod = world.get(&PODS, claim.namespace(), one["name"].as_str().unwrap_or(""));
        !is_pod || pod.is_some_and(|pod| one["uid"] == pod.uid() && !is_done(&pod))
    };
    let left: Vec<Value> = reserved.iter().filter(stays).cloned().collect();
    let is_held = claim.finalizers().any(|one| one == FINALIZER);
    let is_allocated = claim.get(&["status", "allocation"]).is_some();
    let mut changed = claim.clone();
    if left.len() < reserved.len() {
        if left.is_empty() {
            changed.remove(&["status", "reservedFor"]);
        } else {
            changed.set(&["status", "reservedFor"], left.clone());
        }
        let is_freed = left.is_empty() && is_held;
        if is_freed {
            changed.remove(&["status", "allocation"]);
        }
        let releases = is_held && (is_freed || !is_allocated);
        return release(changed, true, releases);
    }
    if is_held && claim.is_being_deleted() && left.is_empty() {
        changed.remove(&["status", "allocation"]);
        return release(changed, is_allocated, true);
    }
    if !left.is_empty() || claim.is_being_deleted() {
        return Plan::nothing();
    }
    let owners = claim.items(&["metadata", "ownerReferences"]).iter();
    let mut pods = owners.filter(|owner| owner["kind"] == "Pod" && owner["controller"] == true);
    let Some(owner) = pods.next() else {
        return Plan::nothing();
    };
    let pod = world.get(
        &PODS,
        claim.namespace(),
        owner["name"].as_str().unwrap_or(""),
    );
    let is_unused = pod.is_some_and(|pod| owner["uid"] != pod.uid() || is_done(&pod));
    if is_unused {
        return Plan::of(Step::delete(&RESOURCE_CLAIMS, claim).or_go_on());
    }
    Plan::nothing()
}

/// Writes a claim's status, then lets go of it.
fn release(changed: Object, writes_status: bool, releases: bool) -> Plan {
    let let_go = |mut claim: Object| {
        let left: Vec<String> = claim
            .finalizers()
            .filter(|one| *one != FINALIZER)
            .map(str::to_owned)
            .collect();
        claim.set(&["metadata", "finalizers"], left);
        Plan::of(Step::update(&RESOURCE_CLAIMS, claim))
    };
    if !writes_status {
        return let_go(changed);
    }
    let plan = Plan::of(Step::update_status(&RESOURCE_CLAIMS, changed));
    if !releases {
        return plan;
    }
    plan.then(move |outcomes: &Outcomes| match outcomes.all.last() {
        Some(outcome) if outcome.is_success() => let_go(outcome.object()),
        _ => Plan::nothing(),
    })
}

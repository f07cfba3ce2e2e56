//! What a pod's claims of devices say about its node: they are there, somebody allocated them, and
//! the node is one that reaches what they were given.
//!
//! *Upstream:* `pkg/scheduler/framework/plugins/dynamicresources/dynamicresources.go`.

pub(super) mod devices;

use serde_json::{Value, json};

use self::devices::Devices;
use super::node::Node;
use crate::client::PatchKind;
use crate::object::Object;
use crate::runner::kinds::{DEVICE_CLASSES, RESOURCE_CLAIMS};
use crate::runner::{Plan, Step, World};

/// What keeps a claim while it is allocated.
const FINALIZER: &str = "resource.kubernetes.io/delete-protection";

/// How the claims of a pod stand.
pub(super) enum Standing {
    /// All are there: terms of nodes that reach what was given to those that are allocated, and
    /// what there is for the others.
    Made(Vec<Vec<Value>>, Option<Devices>),
    /// A claim is still to be made.
    Unmade,
    /// Why there is no node for it.
    Refused(String),
}

/// Looks at the claims of a pod.
pub(super) fn look(world: &World, pod: &Object) -> Standing {
    let mut claims = Vec::new();
    for wanted in pod.items(&["spec", "resourceClaims"]) {
        let name = wanted["resourceClaimName"].as_str().or_else(|| {
            let made = pod.items(&["status", "resourceClaimStatuses"]).iter();
            let mut own = made.filter(|status| status["name"] == wanted["name"]);
            own.next()?["resourceClaimName"].as_str()
        });
        let claim = name.and_then(|name| world.get(&RESOURCE_CLAIMS, pod.namespace(), name));
        let Some(claim) = claim else {
            return Standing::Unmade;
        };
        claims.push(claim);
    }
    let mut terms = Vec::new();
    let mut open = Vec::new();
    for claim in claims {
        if claim.is_being_deleted() {
            let name = claim.name();
            return Standing::Refused(format!("resourceclaim \"{name}\" is being deleted"));
        }
        if claim.get(&["status", "allocation"]).is_some() {
            let path = ["status", "allocation", "nodeSelector", "nodeSelectorTerms"];
            let own = claim.items(&path);
            if !own.is_empty() {
                terms.push(own.to_vec());
            }
            continue;
        }
        if let Some(why) = missing_class(world, &claim) {
            return Standing::Refused(why);
        }
        open.push(claim);
    }
    let devices = (!open.is_empty()).then(|| Devices::of(world, open));
    Standing::Made(terms, devices)
}

/// Gives the claims of a pod what there is on its node, before the pod is bound to it.
pub(super) fn give(pod: &Object, node: &Node, devices: Option<&Devices>) -> Plan {
    let mut plan = Plan::nothing();
    let given = devices.and_then(|devices| devices.allocate(node));
    for (claim, allocation) in given.unwrap_or_default() {
        let (namespace, name) = (claim.namespace(), claim.name());
        if !claim.finalizers().any(|one| one == FINALIZER) {
            let mut finalizers: Vec<&str> = claim.finalizers().collect();
            finalizers.push(FINALIZER);
            let metadata = json!({
                "finalizers": finalizers,
                "resourceVersion": claim.resource_version(),
            });
            let patch = json!({"metadata": metadata});
            let kind = &RESOURCE_CLAIMS;
            plan.step(Step::patch(kind, namespace, name, PatchKind::Merge, patch));
        }
        let consumer = json!({"resource": "pods", "name": pod.name(), "uid": pod.uid()});
        let status = json!({"allocation": allocation, "reservedFor": [consumer]});
        let patch = json!({"metadata": {"uid": claim.uid()}, "status": status});
        let step = Step::patch(&RESOURCE_CLAIMS, namespace, name, PatchKind::Merge, patch);
        plan.step(step.subresource("status"));
    }
    plan
}

/// A class that a claim asks for and that nobody has made.
fn missing_class(world: &World, claim: &Object) -> Option<String> {
    for request in claim.items(&["spec", "devices", "requests"]) {
        let name = request["name"].as_str().unwrap_or("");
        let class = request["exactly"]["deviceClassName"].as_str();
        if let Some(class) = class.filter(|class| world.get(&DEVICE_CLASSES, "", class).is_none()) {
            return Some(format!(
                "request {name}: device class {class} does not exist"
            ));
        }
    }
    None
}

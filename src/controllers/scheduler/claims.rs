//! What a pod's claims of devices say about its node: they are there, somebody allocated them, and
//! the node is one that reaches what they were given.
//!
//! Differs: this scheduler allocates no devices itself. A claim waits until somebody else does, and
//! the pod is told what kube-scheduler tells where no node has a device.
//!
//! *Upstream:* `pkg/scheduler/framework/plugins/dynamicresources/dynamicresources.go`.

use serde_json::Value;

use crate::object::Object;
use crate::runner::World;
use crate::runner::kinds::{DEVICE_CLASSES, RESOURCE_CLAIMS};

/// How the claims of a pod stand.
pub(super) enum Standing {
    /// All are allocated: terms of nodes that reach what each was given.
    Allocated(Vec<Vec<Value>>),
    /// A claim is still to be made.
    Unmade,
    /// Why there is no node for it.
    Refused(String),
    /// No node can allocate them.
    Unallocated,
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
    let mut is_unallocated = false;
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
        is_unallocated = true;
    }
    if is_unallocated {
        Standing::Unallocated
    } else {
        Standing::Allocated(terms)
    }
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

//! Claims that ask for more than they have, of volumes that the emulator made: the volume grows,
//! and its file system as soon as a pod uses it.
//!
//! *Upstream:* `pkg/controller/volume/expand/expand_controller.go`,
//! `external-resizer/pkg/controller`, `pkg/kubelet/volumemanager`.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::PROVISIONED_BY;
use super::provision::PROVISIONER;
use crate::auth::{AUTHENTICATED, MASTERS, User};
use crate::client::PatchKind;
use crate::controllers::shared::conditions::{self, Condition};
use crate::object::Object;
use crate::object::quantity::Quantity;
use crate::runner::kinds::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS};
use crate::runner::{
    About, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

const COMPONENT: &str = "external-resizer volume.mockernetes.io";

const PENDING: &str = "FileSystemResizePending";

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expanding;

impl Controller for Expanding {
    fn name(&self) -> &'static str {
        "persistentvolume-expander-controller"
    }

    fn identity(&self) -> Identity {
        Identity::Other {
            user: User {
                name: "system:serviceaccount:kube-system:csi-resizer".to_owned(),
                // It comes with rights of its own, which are in no bootstrap role.
                groups: vec![MASTERS.to_owned(), AUTHENTICATED.to_owned()],
                ..User::default()
            },
            agent: "csi-resizer".to_owned(),
        }
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&PERSISTENT_VOLUME_CLAIMS, &PODS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == PERSISTENT_VOLUME_CLAIMS.resource {
            items.add(&seen.resource, &seen.object.key);
            return;
        }
        let pod = seen.parsed();
        for volume in pod.items(&["spec", "volumes"]) {
            if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
                items.push(&PERSISTENT_VOLUME_CLAIMS, pod.namespace(), claim);
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let claim = world.object(item);
        let Some(claim) = claim.filter(|claim| claim.text(&["status", "phase"]) == "Bound") else {
            return Plan::nothing();
        };
        let (Some(wanted), Some(has)) = (
            size(&claim, &["spec", "resources", "requests", "storage"]),
            size(&claim, &["status", "capacity", "storage"]),
        ) else {
            return Plan::nothing();
        };
        let volume = world.get(&PERSISTENT_VOLUMES, "", claim.text(&["spec", "volumeName"]));
        let is_own = |volume: &Object| {
            volume.text(&["metadata", "annotations", PROVISIONED_BY]) == PROVISIONER
        };
        let Some(volume) = volume.filter(|volume| wanted > has && is_own(volume)) else {
            return Plan::nothing();
        };
        let reached = size(&volume, &["spec", "capacity", "storage"]);
        if reached.is_none_or(|reached| reached < wanted) {
            return grow(world, &claim, &volume, &wanted);
        }
        let is_block = claim.text(&["spec", "volumeMode"]) == "Block";
        if is_block || is_used(world, &claim) {
            return finish(&claim, &volume, &wanted, is_block);
        }
        Plan::nothing()
    }
}

fn size(object: &Object, path: &[&str]) -> Option<Quantity> {
    object.get(path).and_then(Quantity::from_json)
}

fn tell(claim: &Object, component: &str, reason: &str, message: &str) -> Event {
    let about = About::object(&PERSISTENT_VOLUME_CLAIMS, claim);
    Event::normal(about, component, reason, message)
}

fn patch(claim: &Object, status: &Value) -> Step {
    let (namespace, name) = (claim.namespace(), claim.name());
    let patch = json!({"status": status});
    let kind = &PERSISTENT_VOLUME_CLAIMS;
    Step::patch(kind, namespace, name, PatchKind::Merge, patch).subresource("status")
}

/// Grows the volume; its file system waits for a pod.
fn grow(world: &World, claim: &Object, volume: &Object, wanted: &Quantity) -> Plan {
    let set = |kind: &str, message: &str| {
        let mut all = claim.items(&["status", "conditions"]).to_vec();
        for other in ["Resizing", PENDING] {
            conditions::remove(&mut all, other);
        }
        let condition = Condition {
            kind,
            status: "True",
            reason: "",
            message,
        };
        condition.set(&mut all, world.now);
        all
    };
    let resource = |status: &str| json!({"storage": status});
    let mut plan = Plan::nothing();
    let message = format!("External resizer is resizing volume {}", volume.name());
    plan.event(tell(claim, COMPONENT, "Resizing", &message));
    plan.step(patch(
        claim,
        &json!({
            "conditions": set("Resizing", ""),
            "allocatedResources": {"storage": wanted.to_string()},
            "allocatedResourceStatuses": resource("ControllerResizeInProgress"),
        }),
    ));
    let capacity = json!({"spec": {"capacity": {"storage": wanted.to_string()}}});
    plan.step(Step::patch(
        &PERSISTENT_VOLUMES,
        "",
        volume.name(),
        PatchKind::Merge,
        capacity,
    ));
    if claim.text(&["spec", "volumeMode"]) == "Block" {
        return plan;
    }
    let waiting =
        "Waiting for user to (re-)start a pod to finish file system resize of volume on node.";
    plan.step(patch(
        claim,
        &json!({
            "conditions": set(PENDING, waiting),
            "allocatedResourceStatuses": resource("NodeResizePending"),
        }),
    ));
    let message = "Require file system resize of volume on node";
    plan.event(tell(claim, COMPONENT, "FileSystemResizeRequired", message));
    plan
}

/// The claim has what it asked for.
fn finish(claim: &Object, volume: &Object, wanted: &Quantity, is_block: bool) -> Plan {
    let mut all = claim.items(&["status", "conditions"]).to_vec();
    for kind in ["Resizing", PENDING] {
        conditions::remove(&mut all, kind);
    }
    let left = if all.is_empty() {
        Value::Null
    } else {
        all.into()
    };
    let mut plan = Plan::of(patch(
        claim,
        &json!({
            "capacity": {"storage": wanted.to_string()},
            "conditions": left,
            "allocatedResources": {"storage": wanted.to_string()},
            "allocatedResourceStatuses": null,
        }),
    ));
    plan.event(if is_block {
        tell(
            claim,
            COMPONENT,
            "VolumeResizeSuccessful",
            "Resize volume succeeded",
        )
    } else {
        let message = format!(
            "MountVolume.NodeExpandVolume succeeded for volume {:?}",
            volume.name()
        );
        tell(claim, "kubelet", "FileSystemResizeSuccessful", &message)
    });
    plan
}

/// Whether a running pod uses a claim.
fn is_used(world: &World, claim: &Object) -> bool {
    let pods = world.list(&PODS, claim.namespace());
    pods.iter().any(|pod| {
        let mut volumes = pod.items(&["spec", "volumes"]).iter();
        pod.text(&["status", "phase"]) == "Running"
            && volumes.any(|volume| volume["persistentVolumeClaim"]["claimName"] == claim.name())
    })
}

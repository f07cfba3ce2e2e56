//! Volumes made on demand, for classes of the emulator's own provisioner; for other classes the
//! claim says whom it waits for.
//!
//! *Upstream:* `pkg/controller/volume/persistentvolume/pv_controller.go` (`provisionClaim`).

use serde_json::json;

use super::claim::{pending, reference};
use super::{COMPONENT, PROVISIONED_BY};
use crate::object::Object;
use crate::runner::kinds::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES};
use crate::runner::{About, Event, Plan, Severity, Step, World};

/// The `provisioner` of classes whose volumes are made here.
pub(super) const PROVISIONER: &str = "volume.mockernetes.io";

/// Classes of volumes that people make.
const NONE: &str = "kubernetes.io/no-provisioner";

/// The annotations that say who is to make a volume.
const ANNOTATIONS: [&str; 2] = [
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
];

/// Makes a volume for a claim, or says who would.
pub(super) fn provision(world: &World, claim: &Object, class: &Object) -> Plan {
    let provisioner = class.text(&["provisioner"]);
    if provisioner == NONE {
        let message = "no persistent volumes available for this claim and no storage class is set";
        return pending(claim, Severity::Normal, "FailedBinding", message);
    }
    let mut plan = Plan::nothing();
    if claim.text(&["metadata", "annotations", ANNOTATIONS[1]]) != provisioner {
        let mut told = claim.clone();
        for annotation in ANNOTATIONS {
            told.set(&["metadata", "annotations", annotation], provisioner);
        }
        // As a whole: the controller has no right to a patch.
        plan.step(Step::update(&PERSISTENT_VOLUME_CLAIMS, told));
    }
    if provisioner != PROVISIONER {
        let message = format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
        );
        plan.append(pending(
            claim,
            Severity::Normal,
            "ExternalProvisioning",
            &message,
        ));
        return plan;
    }
    let name = format!("pvc-{}", claim.uid());
    if world.get(&PERSISTENT_VOLUMES, "", &name).is_some() {
        return plan;
    }
    plan.step(Step::create(
        &PERSISTENT_VOLUMES,
        volume(&name, claim, class),
    ));
    let about = About::object(&PERSISTENT_VOLUME_CLAIMS, claim);
    let message = format!("Successfully provisioned volume {name}");
    plan.event(Event::normal(
        about,
        COMPONENT,
        "ProvisioningSucceeded",
        message,
    ));
    plan
}

/// The volume of a claim, bound to it from the start.
fn volume(name: &str, claim: &Object, class: &Object) -> Object {
    let policy = match class.text(&["reclaimPolicy"]) {
        "" => "Delete",
        policy => policy,
    };
    let volume = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "accessModes": claim.items(&["spec", "accessModes"]),
            "capacity": {"storage": claim.text(&["spec", "resources", "requests", "storage"])},
            "claimRef": reference(claim),
            "csi": {"driver": PROVISIONER, "volumeHandle": name},
            "mountOptions": class.get(&["mountOptions"]),
            "persistentVolumeReclaimPolicy": policy,
            "storageClassName": class.name(),
            "volumeMode": claim.text(&["spec", "volumeMode"]),
        },
    });
    Object::from_value(volume).unwrap_or_default()
}

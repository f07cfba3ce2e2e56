//! A volume: available, bound, or released by a claim that is gone.
//!
//! *Upstream:* `pkg/controller/volume/persistentvolume/pv_controller.go` (`syncVolume`,
//! `reclaimVolume`, `unbindVolume`).

use super::{BOUND_BY_CONTROLLER, PROVISIONED_BY, has_annotation, has_claim};
use crate::object::Object;
use crate::runner::kinds::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES};
use crate::runner::{Plan, Step, World};

/// Brings a volume closer to where it should be.
pub(super) fn sync(world: &World, volume: &Object) -> Plan {
    if !has_claim(volume) {
        return set_phase(volume, "Available");
    }
    let reference = |field: &str| volume.text(&["spec", "claimRef", field]);
    let uid = reference("uid");
    if uid.is_empty() {
        return set_phase(volume, "Available");
    }
    let claim = world.get(
        &PERSISTENT_VOLUME_CLAIMS,
        reference("namespace"),
        reference("name"),
    );
    let Some(claim) = claim.filter(|claim| claim.uid() == uid) else {
        let mut plan = match volume.text(&["status", "phase"]) {
            "Released" | "Failed" => Plan::nothing(),
            _ => set_phase(volume, "Released"),
        };
        plan.append(reclaim(volume));
        return plan;
    };
    match claim.text(&["spec", "volumeName"]) {
        // The claim's own look binds it.
        "" => set_phase(volume, "Bound"),
        name if name == volume.name() => set_phase(volume, "Bound"),
        _ => unbind(volume),
    }
}

/// What becomes of a volume whose claim is gone.
fn reclaim(volume: &Object) -> Plan {
    let policy = volume.text(&["spec", "persistentVolumeReclaimPolicy"]);
    let is_ours =
        volume.text(&["metadata", "annotations", PROVISIONED_BY]) == super::provision::PROVISIONER;
    if policy == "Delete" && is_ours && !volume.is_being_deleted() {
        return Plan::of(Step::delete(&PERSISTENT_VOLUMES, volume).or_go_on());
    }
    Plan::nothing()
}

/// Takes a claim off a volume that it did not take.
fn unbind(volume: &Object) -> Plan {
    let mut free = volume.clone();
    if has_annotation(volume, BOUND_BY_CONTROLLER) {
        free.remove(&["spec", "claimRef"]);
        free.remove(&["metadata", "annotations", BOUND_BY_CONTROLLER]);
    } else {
        // The user bound it beforehand: it stays meant for that name.
        free.remove(&["spec", "claimRef", "uid"]);
    }
    Plan::of(Step::update(&PERSISTENT_VOLUMES, free))
}

fn set_phase(volume: &Object, phase: &str) -> Plan {
    if volume.text(&["status", "phase"]) == phase {
        return Plan::nothing();
    }
    let mut changed = volume.clone();
    changed.set(&["status", "phase"], phase);
    changed.remove(&["status", "message"]);
    Plan::of(Step::update_status(&PERSISTENT_VOLUMES, changed))
}

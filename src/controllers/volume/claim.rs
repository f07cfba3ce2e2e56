//! A claim: found a volume for, bound to it, or told why not.
//!
//! *Upstream:* `pkg/controller/volume/persistentvolume/pv_controller.go` (`syncUnboundClaim`,
//! `syncBoundClaim`, `bind`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    BIND_COMPLETED, BOUND_BY_CONTROLLER, COMPONENT, class, has_annotation, has_claim, is_for,
    matching, provision,
};
use crate::object::Object;
use crate::runner::kinds::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES};
use crate::runner::{About, Event, Plan, Severity, Step, World};

/// Where the scheduler says for which node a volume is wanted.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Brings a claim closer to where it should be.
pub(super) fn sync(world: &World, claim: &Object) -> Plan {
    if has_annotation(claim, BIND_COMPLETED) {
        return sync_bound(world, claim);
    }
    let name = claim.text(&["spec", "volumeName"]);
    if name.is_empty() {
        return find(world, claim);
    }
    let Some(volume) = world.get(&PERSISTENT_VOLUMES, "", name) else {
        return set_phase(claim, "Pending");
    };
    if !has_claim(&volume) {
        if let Err(why) = matching::check(&volume, claim) {
            let message = format!("Cannot bind to requested volume {name:?}: {why}");
            return pending(claim, Severity::Warning, "VolumeMismatch", &message);
        }
        return bind(&volume, claim);
    }
    if is_for(&volume, claim) {
        return bind(&volume, claim);
    }
    let message = format!("volume {name:?} already bound to a different claim.");
    pending(claim, Severity::Warning, "FailedBinding", &message)
}

/// A claim that names no volume.
fn find(world: &World, claim: &Object) -> Plan {
    let class_name = class(claim);
    let storage_class = world.get(&STORAGE_CLASSES, "", class_name);
    let waits = storage_class
        .as_ref()
        .is_some_and(|class| class.text(&["volumeBindingMode"]) == "WaitForFirstConsumer")
        && !has_annotation(claim, SELECTED_NODE);
    let volumes = world.list(&PERSISTENT_VOLUMES, "");
    if let Some(volume) = matching::best(&volumes, claim, waits) {
        return bind(&volume, claim);
    }
    if waits {
        let message = "waiting for first consumer to be created before binding";
        return pending(claim, Severity::Normal, "WaitForFirstConsumer", message);
    }
    match storage_class {
        Some(class) => provision::provision(world, claim, &class),
        None if !class_name.is_empty() => {
            let message = format!("storageclass.storage.k8s.io {class_name:?} not found");
            pending(claim, Severity::Warning, "ProvisioningFailed", &message)
        }
        None => {
            let message =
                "no persistent volumes available for this claim and no storage class is set";
            pending(claim, Severity::Normal, "FailedBinding", message)
        }
    }
}

/// A claim that was bound.
fn sync_bound(world: &World, claim: &Object) -> Plan {
    let name = claim.text(&["spec", "volumeName"]);
    if name.is_empty() {
        let message =
            "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
        return lose(claim, "ClaimLost", message);
    }
    let Some(volume) = world.get(&PERSISTENT_VOLUMES, "", name) else {
        let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
        return lose(claim, "ClaimLost", message);
    };
    if !has_claim(&volume) || volume.text(&["spec", "claimRef", "uid"]) == claim.uid() {
        return bind(&volume, claim);
    }
    let message = "Two claims are bound to the same volume, this one is bound incorrectly";
    lose(claim, "ClaimMisbound", message)
}

/// Binds both to each other, as far as they are not yet.
fn bind(volume: &Arc<Object>, claim: &Object) -> Plan {
    let mut plan = Plan::nothing();
    if volume.text(&["spec", "claimRef", "uid"]) != claim.uid() {
        plan.step(Step::update(&PERSISTENT_VOLUMES, claimed(volume, claim)));
        // The volume's own look at itself makes it Bound, and the claim follows.
        return plan;
    }
    let is_named = claim.text(&["spec", "volumeName"]) == volume.name();
    if !is_named || !has_annotation(claim, BIND_COMPLETED) {
        let mut bound = claim.clone();
        if !is_named {
            bound.set(&["spec", "volumeName"], volume.name());
            bound.set(&["metadata", "annotations", BOUND_BY_CONTROLLER], "yes");
        }
        bound.set(&["metadata", "annotations", BIND_COMPLETED], "yes");
        plan.step(Step::update(&PERSISTENT_VOLUME_CLAIMS, bound));
        return plan;
    }
    let mut status = claim.get(&["status"]).cloned().unwrap_or_else(|| json!({}));
    status["phase"] = "Bound".into();
    status["accessModes"] = volume
        .get(&["spec", "accessModes"])
        .cloned()
        .unwrap_or_default();
    if status["capacity"]["storage"].is_null() || claim.text(&["status", "phase"]) != "Bound" {
        status["capacity"] = volume
            .get(&["spec", "capacity"])
            .cloned()
            .unwrap_or_default();
    }
    if claim.get(&["status"]) != Some(&status) {
        let mut bound = claim.clone();
        bound.set(&["status"], status);
        plan.step(Step::update_status(&PERSISTENT_VOLUME_CLAIMS, bound));
    }
    plan
}

/// A volume that names its claim.
fn claimed(volume: &Object, claim: &Object) -> Object {
    let mut bound = volume.clone();
    if !has_claim(volume) {
        bound.set(&["metadata", "annotations", BOUND_BY_CONTROLLER], "yes");
    }
    bound.set(&["spec", "claimRef"], reference(claim));
    bound
}

/// How a volume names a claim.
pub(super) fn reference(claim: &Object) -> Value {
    json!({
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "namespace": claim.namespace(),
        "name": claim.name(),
        "uid": claim.uid(),
        "resourceVersion": claim.resource_version(),
    })
}

/// Says why a claim waits.
pub(super) fn pending(claim: &Object, severity: Severity, reason: &str, message: &str) -> Plan {
    let mut plan = set_phase(claim, "Pending");
    let about = About::object(&PERSISTENT_VOLUME_CLAIMS, claim);
    plan.event(Event {
        severity,
        ..Event::normal(about, COMPONENT, reason, message)
    });
    plan
}

fn lose(claim: &Object, reason: &str, message: &str) -> Plan {
    if claim.text(&["status", "phase"]) == "Lost" {
        return Plan::nothing();
    }
    let mut lost = claim.clone();
    lost.set(&["status"], json!({"phase": "Lost"}));
    let mut plan = Plan::of(Step::update_status(&PERSISTENT_VOLUME_CLAIMS, lost));
    let about = About::object(&PERSISTENT_VOLUME_CLAIMS, claim);
    plan.event(Event::warning(about, COMPONENT, reason, message));
    plan
}

fn set_phase(claim: &Object, phase: &str) -> Plan {
    if claim.text(&["status", "phase"]) == phase {
        return Plan::nothing();
    }
    let mut changed = claim.clone();
    changed.set(&["status"], json!({"phase": phase}));
    Plan::of(Step::update_status(&PERSISTENT_VOLUME_CLAIMS, changed))
}

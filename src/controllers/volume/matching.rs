//! Which volume fits a claim best: the smallest that is large enough.
//!
//! *Upstream:* `component-helpers/storage/volume/pv_helpers.go` (`FindMatchingVolume`),
//! `pv_controller.go` (`checkVolumeSatisfyClaim`).

use std::sync::Arc;

use serde_json::Value;

use super::{class, has_claim, is_for};
use crate::object::Object;
use crate::object::quantity::Quantity;
use crate::object::selector::LabelSelector;

fn size(object: &Object, path: &[&str]) -> Option<Quantity> {
    Quantity::parse(object.text(path)).ok()
}

fn capacity(volume: &Object) -> Option<Quantity> {
    size(volume, &["spec", "capacity", "storage"])
}

fn requested(claim: &Object) -> Option<Quantity> {
    size(claim, &["spec", "resources", "requests", "storage"])
}

fn mode(object: &Object) -> &str {
    match object.text(&["spec", "volumeMode"]) {
        "" => "Filesystem",
        mode => mode,
    }
}

fn has_modes(volume: &Object, claim: &Object) -> bool {
    let offered = volume.items(&["spec", "accessModes"]);
    let wanted: &[Value] = claim.items(&["spec", "accessModes"]);
    wanted.iter().all(|mode| offered.contains(mode))
}

fn attributes_class(object: &Object) -> &str {
    object.text(&["spec", "volumeAttributesClassName"])
}

/// Why a volume that a claim names does not fit it.
pub(super) fn check(volume: &Object, claim: &Object) -> Result<(), &'static str> {
    if volume.is_being_deleted() {
        return Err("the volume is marked for deletion");
    }
    if capacity(volume) < requested(claim) {
        return Err("requested PV is too small");
    }
    if class(volume) != class(claim) {
        return Err("storageClassName does not match");
    }
    if attributes_class(volume) != attributes_class(claim) {
        return Err("volumeAttributesClassName does not match");
    }
    if mode(volume) != mode(claim) {
        return Err("incompatible volumeMode");
    }
    if !has_modes(volume, claim) {
        return Err("incompatible accessMode");
    }
    Ok(())
}

/// The volume for a claim; one that was meant for it goes before all others. Where binding waits
/// for a pod, only such a one.
pub(super) fn best(volumes: &[Arc<Object>], claim: &Object, waits: bool) -> Option<Arc<Object>> {
    let selector = LabelSelector::from_json_or_everything(claim.get(&["spec", "selector"])).ok()?;
    let fits = |volume: &&Arc<Object>| {
        !volume.is_being_deleted()
            && mode(volume) == mode(claim)
            && capacity(volume) >= requested(claim)
    };
    let mut fitting = volumes.iter().filter(fits);
    let meant = fitting
        .clone()
        .find(|volume| has_claim(volume) && is_for(volume, claim));
    if meant.is_some() || waits {
        return meant.cloned();
    }
    let mut best: Option<(&Arc<Object>, Option<Quantity>)> = None;
    for volume in &mut fitting {
        let is_free = !has_claim(volume) && volume.text(&["status", "phase"]) == "Available";
        if !is_free
            || !has_modes(volume, claim)
            || class(volume) != class(claim)
            || attributes_class(volume) != attributes_class(claim)
            || !selector.matches_object(volume)
        {
            continue;
        }
        let size = capacity(volume);
        if best.as_ref().is_none_or(|(_, known)| size < *known) {
            best = Some((volume, size));
        }
    }
    best.map(|(volume, _)| Arc::clone(volume))
}

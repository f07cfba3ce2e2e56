//! Who owns the replicas of an object, as its scale says it, and back.
//!
//! *Upstream:* `apimachinery/pkg/util/managedfields/scalehandler.go`.

use super::field_set::FieldSet;
use super::managers::{Managers, Operation};
use super::step::Step;
use crate::object::ManagedFields;

/// The version a scale is written in.
const SCALE_VERSION: &str = "autoscaling/v1";
/// Where a scale has its replicas.
const SCALE_REPLICAS: [Step<'static>; 2] = [Step::field("spec"), Step::field("replicas")];

/// The managers of an object's scale: those who own the replicas, which stand at `path` in the
/// object.
pub fn of_object(entries: Option<&ManagedFields>, path: &[&str]) -> Option<ManagedFields> {
    let path = steps(path);
    let mut of_scale = Managers::default();
    for (manager, owned) in entries.and_then(Managers::read)?.iter() {
        if !owned.fields.has_path(&path) {
            continue;
        }
        let mut manager = manager.clone();
        if manager.operation == Operation::Update {
            manager.api_version = SCALE_VERSION.into();
        }
        let entry = of_scale.entry(manager);
        entry.fields = FieldSet::of_path(&SCALE_REPLICAS);
        entry.api_version = SCALE_VERSION.into();
        entry.time.clone_from(&owned.time);
    }
    of_scale.write()
}

/// The managers of an object after its scale was applied. `api_version` is the version the object
/// is in. Who keeps the replicas keeps its entry; who comes by the scale gets one without a time.
pub fn to_object(
    entries: Option<&ManagedFields>,
    of_scale: Option<&ManagedFields>,
    path: &[&str],
    api_version: &str,
) -> Option<ManagedFields> {
    let path = steps(path);
    let mut managers = entries.and_then(Managers::read).unwrap_or_default();
    let scaling = of_scale.and_then(Managers::read).unwrap_or_default();
    let replicas = FieldSet::of_path(&path);
    managers.take(|manager| scaling.get(manager).is_none().then_some(&replicas));
    for (manager, owned) in scaling.iter() {
        let is_kept = managers
            .get(manager)
            .is_some_and(|kept| kept.fields.has_path(&path));
        if is_kept || !owned.fields.has_path(&SCALE_REPLICAS) {
            continue;
        }
        let mut manager = manager.clone();
        if manager.operation == Operation::Update {
            manager.api_version = api_version.into();
        }
        let entry = managers.entry(manager);
        entry.fields.extend(replicas.clone());
        entry.api_version = api_version.into();
    }
    managers.write()
}

fn steps<'a>(path: &[&'a str]) -> Vec<Step<'a>> {
    path.iter().map(|name| Step::field(name)).collect()
}

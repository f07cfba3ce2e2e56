//! Who owns the replicas of an object, as its scale says it, and back.
//!
//! An updater is entered in the object by the object's version and in the scale by the scale's, so
//! upstream never knows it again on the way back: its replicas come as an entry of their own,
//! without a time, beside what else it owns.
//!
//! *Upstream:* `apimachinery/pkg/util/managedfields/scalehandler.go`.

use super::field_set::FieldSet;
use super::managers::{Managers, Operation, Owned};
use super::step::Step;
use crate::object::ManagedFields;

/// The version a scale is written in.
const SCALE_VERSION: &str = "autoscaling/v1";
/// Where a scale has its replicas.
const SCALE_REPLICAS: [Step<'static>; 2] = [Step::field("spec"), Step::field("replicas")];

/// Where the versions of a kind have the replicas.
pub trait Places {
    /// The steps to the replicas in a version: none where it has no scale, `None` where the kind
    /// has no such version.
    fn replicas(&self, version: &str) -> Option<Vec<String>>;
}

/// The managers of an object's scale: those who own the replicas.
pub fn of_object(entries: Option<&ManagedFields>, places: &dyn Places) -> Option<ManagedFields> {
    let mut of_scale = Managers::default();
    for (manager, owned) in entries.and_then(Managers::read)?.iter() {
        let place = places.replicas(&owned.api_version).unwrap_or_default();
        if !owned.fields.has_path(&steps(&place)) {
            continue;
        }
        let entry = Owned {
            fields: FieldSet::of_path(&SCALE_REPLICAS),
            api_version: SCALE_VERSION.into(),
            time: owned.time.clone(),
        };
        of_scale.add(manager.clone(), entry);
    }
    of_scale.write()
}

/// The managers of an object after its scale was written. `api_version` is the version the object
/// is in. Who applied the replicas keeps its entry; who else comes by the scale gets one of its own
/// without a time.
pub fn to_object(
    entries: Option<&ManagedFields>,
    of_scale: Option<&ManagedFields>,
    places: &dyn Places,
    api_version: &str,
) -> Option<ManagedFields> {
    let known = entries.and_then(Managers::read).unwrap_or_default();
    let mut scaling = of_scale.and_then(Managers::read).unwrap_or_default();
    let mut managers = Managers::default();
    for (manager, owned) in known.iter() {
        let Some(place) = places.replicas(&owned.api_version) else {
            continue;
        };
        let place = steps(&place);
        let is_kept = !owned.fields.has_path(&place) || scaling.remove(manager).is_some();
        let mut owned = owned.clone();
        if !is_kept {
            owned.fields.remove_path(&place);
        }
        if !owned.fields.is_empty() {
            managers.add(manager.clone(), owned);
        }
    }
    let place = places.replicas(api_version).unwrap_or_default();
    let place = steps(&place);
    for (manager, owned) in scaling.iter() {
        if !owned.fields.has_path(&SCALE_REPLICAS) {
            continue;
        }
        let time = known.get(manager).map(|known| known.time.clone());
        let owned = Owned {
            fields: FieldSet::of_path(&place),
            api_version: api_version.into(),
            time: time.unwrap_or_default(),
        };
        if manager.operation == Operation::Apply {
            managers.set(manager.clone(), owned);
        } else {
            managers.add(manager.clone(), owned);
        }
    }
    managers.write()
}

fn steps(place: &[String]) -> Vec<Step<'_>> {
    place.iter().map(|name| Step::field(name)).collect()
}

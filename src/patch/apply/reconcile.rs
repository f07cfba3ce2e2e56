//! Sets of fields brought up to a schema that changed since: what is owned as a whole now was
//! perhaps owned piece by piece.
//!
//! *Upstream:* `structured-merge-diff/typed/reconcile_schema.go`.

use super::field_set::FieldSet;
use super::place::Place;

/// Makes one field of all that lies under what is owned as a whole. Whether there was such.
pub(super) fn set(place: Place<'_>, set: &mut FieldSet<'_>) -> bool {
    let mut is_changed = false;
    set.gather(&mut |step, under| {
        let child = if place.is_list() {
            Some(place.item())
        } else {
            step.name().and_then(|name| place.child(name))
        };
        let Some(child) = child else { return false };
        let is_whole = child.is_whole();
        is_changed |= is_whole || self::set(child, under);
        is_whole
    });
    is_changed
}

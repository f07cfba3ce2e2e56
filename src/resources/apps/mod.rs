//! The kinds of the group `apps`.

use crate::registry::Strategy;

/// The strategy of a resource of the group.
pub(super) fn strategy(_plural: &str) -> Option<&'static dyn Strategy> {
    None
}

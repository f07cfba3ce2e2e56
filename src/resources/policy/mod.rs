//! The kinds of the group `policy`.

use super::shared::plain::Plain;
use crate::registry::Strategy;

static POD_DISRUPTION_BUDGET: Plain = Plain {
    counts_generation: true,
    updates_unconditionally: false,
    ..Plain::DEFAULT
};

/// The strategy of a resource of the group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "poddisruptionbudgets").then_some(&POD_DISRUPTION_BUDGET as &dyn Strategy)
}

//! The kinds of the group `autoscaling`.

use super::shared::plain::Plain;
use crate::registry::Strategy;

static HORIZONTAL_POD_AUTOSCALER: Plain = Plain {
    counts_generation: true,
    ..Plain::DEFAULT
};

/// The strategy of a resource of the group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "horizontalpodautoscalers").then_some(&HORIZONTAL_POD_AUTOSCALER as &dyn Strategy)
}

//! The kinds of the group `autoscaling`.

mod behavior;
mod horizontal_pod_autoscaler;
mod metric;
mod versions;

use crate::registry::Strategy;

/// The strategy of a resource of the group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    let autoscaler: &dyn Strategy = &horizontal_pod_autoscaler::AutoscalerStrategy;
    (plural == "horizontalpodautoscalers").then_some(autoscaler)
}

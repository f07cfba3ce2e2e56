//! The kinds of the group `policy`.

mod pod_disruption_budget;

use crate::registry::Strategy;

/// The strategy of a resource of the group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    let budget: &dyn Strategy = &pod_disruption_budget::POD_DISRUPTION_BUDGET;
    (plural == "poddisruptionbudgets").then_some(budget)
}

//! The kinds of the core group.

pub mod pod;

use crate::registry::Strategy;

/// The strategy of a resource of the core group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    match plural {
        "pods" => Some(&pod::PodStrategy),
        _ => None,
    }
}

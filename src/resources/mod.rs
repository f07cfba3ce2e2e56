//! What is special about each kind: the table from a resource to its strategy.
//!
//! A kind that is not in the table has nothing special: its schema says all.
//!
//! *Invariant:* groups do not know each other; what several groups validate alike is in `shared`.
//! *Upstream:* `pkg/registry/*/*/strategy.go`.

pub mod apps;
pub mod batch;
pub mod core;
pub mod shared;

use crate::registry::Strategy;

/// The strategy of a resource, by group and plural; `None` where the kind has nothing special.
///
/// One function a group, each a table of its own kinds.
pub fn strategy(group: &str, plural: &str) -> Option<&'static dyn Strategy> {
    match group {
        "" => core::strategy(plural),
        "apps" => apps::strategy(plural),
        "batch" => batch::strategy(plural),
        _ => None,
    }
}

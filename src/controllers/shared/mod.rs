//! What several controllers do alike.
//!
//! *Invariant:* imports no controller.

pub(super) mod adoption;
pub(super) mod conditions;
pub(super) mod endpoints;
pub(super) mod hash;
pub(super) mod history;
pub(super) mod placement;
pub(super) mod pod_steps;
pub(super) mod pods;
pub(super) mod scaled;

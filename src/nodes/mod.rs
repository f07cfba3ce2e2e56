//! What runs pods: the fleet of nodes and their kubelets.
//!
//! *Invariant:* knows no controller, no registry, no store.
//! *Upstream:* `pkg/kubelet`, and kwok, whose nodes these resemble.

use crate::runner::Controller;

/// The kubelets of a fleet of so many nodes, which registers itself.
pub fn fleet(_count: u32) -> Vec<Box<dyn Controller>> {
    Vec::new()
}

//! What runs pods: the fleet of nodes and their kubelets.
//!
//! Every Node is run by a kubelet of the fleet, those that the fleet registers (`node-1`, `node-2`,
//! …) and those that somebody posts. What a pod does is data: without any it starts at once, is
//! ready and runs on, and a Job's completes. Annotations of the pod say otherwise, see
//! [`behaviour`]; one of the node stops its kubelet, see [`registration::STOPPED`]; and so do
//! kwok's `Stage` objects, see [`stages`].
//!
//! *Invariant:* knows no controller, no registry, no store.
//! *Upstream:* `pkg/kubelet`, and kwok, whose nodes these resemble.

pub mod behaviour;
mod kubelet;
pub mod registration;
pub mod stages;
mod template;

use self::stages::Stages;
use crate::runner::Controller;

/// The kubelets of a fleet of so many nodes, which registers itself.
pub fn fleet(count: u32) -> Vec<Box<dyn Controller>> {
    if count == 0 {
        return Vec::new();
    }
    let stages = Stages::default();
    vec![
        // Reads Stages before the others ask for them.
        Box::new(stages::Player::new(stages.clone())),
        Box::new(registration::Registration::new(count, stages.clone())),
        Box::new(kubelet::Kubelets::new(stages)),
    ]
}

//! Pods.
//!
//! *Upstream:* `pkg/registry/core/pod/strategy.go`.

use crate::registry::Strategy;

/// What is special about pods.
#[derive(Clone, Copy, Debug)]
pub struct PodStrategy;

impl Strategy for PodStrategy {
    fn counts_generation(&self) -> bool {
        true
    }
}

//! Volumes and the claims to them.

mod persistent_volume;
mod persistent_volume_claim;

pub use persistent_volume::PERSISTENT_VOLUME;
pub use persistent_volume_claim::PERSISTENT_VOLUME_CLAIM;

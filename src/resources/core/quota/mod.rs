//! Limits on what a namespace may hold: per object, and in all.

mod limit_range;
mod resource_quota;

pub use limit_range::LIMIT_RANGE;
pub use resource_quota::RESOURCE_QUOTA;

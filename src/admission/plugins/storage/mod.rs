//! Plugins that look at volumes and claims.

mod claim_resize;
mod default_class;
mod protection;

pub(super) use self::claim_resize::PersistentVolumeClaimResize;
pub(super) use self::default_class::DefaultStorageClass;
pub(super) use self::protection::StorageObjectInUseProtection;
use super::{forbidden, newest_default};

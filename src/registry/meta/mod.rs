//! What every object's metadata follows, whatever its kind.

pub mod deletion;
pub(crate) mod forms;
pub mod managers;
pub mod names;
pub(crate) mod storage_path;
pub mod system_fields;
pub mod validate;

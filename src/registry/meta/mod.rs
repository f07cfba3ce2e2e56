//! What every object's metadata follows, whatever its kind.

pub mod deletion;
pub mod managers;
pub mod names;
pub mod system_fields;
pub mod validate;

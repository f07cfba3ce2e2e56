//! Amounts of resources, as the rules of kinds compare them.

pub use crate::object::quantity::Amount;

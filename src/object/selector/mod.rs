//! Selectors: which objects a list, a watch or a controller means.

pub mod field;
pub mod label;

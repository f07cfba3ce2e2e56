//! Selectors: which objects a list, a watch or a controller means.

pub mod field;
pub mod label;
mod lexer;
mod parser;
pub mod requirement;

pub use field::FieldSelector;
pub use label::LabelSelector;
pub use requirement::{Operator, Requirement};

/// Why a text is no selector, in the words the API server answers with (as a 400).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub String);

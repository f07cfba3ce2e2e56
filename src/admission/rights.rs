//! Who may do what, for plugins and expressions that ask.
//!
//! *Upstream:* `apiserver/pkg/authorization/authorizer/interfaces.go`.

use std::fmt;

use crate::auth::{Attributes, User};

/// What is said to a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is allowed.
    pub is_allowed: bool,
    /// Why.
    pub reason: String,
    /// What went wrong while deciding.
    pub error: Option<String>,
}

/// Says who may do what.
pub trait Rights: Send + Sync {
    /// Whether a user may do something.
    fn decide(&self, user: &User, attributes: &Attributes) -> Verdict;
}

impl fmt::Debug for dyn Rights + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rights")
    }
}

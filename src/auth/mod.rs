//! Who is asking, and may they.
//!
//! *Invariant:* does not know what a verb does.

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The uid, where known.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Anything else that authentication found out.
    pub extra: Vec<(String, Vec<String>)>,
}

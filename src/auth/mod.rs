//! Who is asking, and may they.
//!
//! *Invariant:* does not know what a verb does.

pub mod authenticate;
pub mod authorize;
pub mod impersonate;
pub mod service_account;

pub use authenticate::{Authenticator, Mode};
pub use authorize::Attributes;
pub use impersonate::Impersonation;

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

/// The group that may do everything.
pub const MASTERS: &str = "system:masters";

impl User {
    /// The emulator's own administrator.
    pub fn admin() -> Self {
        Self {
            name: "kubernetes-admin".to_owned(),
            groups: vec![MASTERS.to_owned(), authenticate::AUTHENTICATED.to_owned()],
            ..Self::default()
        }
    }

    /// Whether the user is in a group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|name| name == group)
    }
}

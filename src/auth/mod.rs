//! Who is asking, and may they.
//!
//! *Invariant:* does not know what a verb does; reads the store, never writes it.

pub mod authenticate;
pub mod authority;
pub mod authorize;
mod bootstrap_token;
pub mod certificate;
pub mod certificate_request;
pub mod der;
pub mod front_proxy;
pub mod impersonate;
pub mod jwt;
pub mod remote;
mod seeded_key;
pub mod service_account;
pub mod token_file;
mod token_webhook;

pub use authenticate::{Authenticator, Evidence, Mode, Times, is_spaced};
pub use authorize::{Attributes, Authorizer, Decision};
pub use impersonate::Impersonation;
pub use seeded_key::SeededKey;
use serde_json::{Map, Value, json};

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

/// Who it is, and where that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub user: User,
    /// For which audiences.
    pub audiences: Vec<String>,
}

/// How a cluster knows its users and their rights. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Who is who.
    pub authenticator: Authenticator,
    /// Who may what.
    pub authorizer: Authorizer,
    /// Who asked as somebody else, and how.
    pub impersonations: impersonate::Modes,
}

/// The group that may do everything.
pub const MASTERS: &str = "system:masters";

/// The group of everybody who said who they are.
pub const AUTHENTICATED: &str = "system:authenticated";

/// The group of everybody who did not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";

impl User {
    /// The name of somebody who did not say who they are.
    pub const ANONYMOUS: &str = "system:anonymous";

    /// The emulator's own administrator.
    pub fn admin() -> Self {
        Self {
            name: "kubernetes-admin".to_owned(),
            groups: vec![MASTERS.to_owned(), AUTHENTICATED.to_owned()],
            ..Self::default()
        }
    }

    /// Somebody who did not say who they are.
    pub fn anonymous() -> Self {
        Self {
            name: Self::ANONYMOUS.to_owned(),
            groups: vec![UNAUTHENTICATED.to_owned()],
            ..Self::default()
        }
    }

    /// Whether the user is in a group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|name| name == group)
    }

    /// The user as the API writes one, with the name under `name_field`.
    pub fn told(&self, name_field: &str) -> Map<String, Value> {
        let mut out = filled([(name_field, self.name.as_str()), ("uid", &self.uid)]);
        if !self.groups.is_empty() {
            out.insert("groups".to_owned(), json!(self.groups));
        }
        if !self.extra.is_empty() {
            let extra: Map<String, Value> = self
                .extra
                .iter()
                .map(|(key, values)| (key.clone(), json!(values)))
                .collect();
            out.insert("extra".to_owned(), Value::Object(extra));
        }
        out
    }

    /// The values of an extra.
    pub fn extra(&self, key: &str) -> &[String] {
        self.extra
            .iter()
            .find(|(own, _)| own == key)
            .map_or(&[], |(_, values)| values.as_slice())
    }
}

/// Those fields that say something.
pub(crate) fn filled<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Map<String, Value> {
    let fields = fields.into_iter().filter(|(_, text)| !text.is_empty());
    fields
        .map(|(field, text)| (field.to_owned(), text.into()))
        .collect()
}

impl Access {
    /// Everybody may do everything, or tokens and roles decide.
    pub fn new(mode: Mode) -> Self {
        let modes = match mode {
            Mode::None => vec![authorize::Mode::AlwaysAllow],
            Mode::Rbac => vec![authorize::Mode::Rbac],
        };
        Self {
            authenticator: Authenticator::new(mode),
            authorizer: Authorizer::new(modes),
            impersonations: impersonate::Modes::default(),
        }
    }
}

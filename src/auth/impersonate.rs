//! Asking as somebody else, by the `Impersonate-*` headers.
//!
//! Differs: only members of `system:masters` may, since no role is consulted yet that could allow
//! it to others.
//!
//! *Upstream:* `apiserver/pkg/endpoints/filters/impersonation`.

use super::authenticate::{AUTHENTICATED, UNAUTHENTICATED};
use super::authorize::{Attributes, forbidden};
use super::{MASTERS, User};
use crate::error::ApiError;

/// Whom a request wants to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    /// The name; empty where none is asked for.
    pub user: String,
    /// The uid.
    pub uid: String,
    /// The groups, in the order sent.
    pub groups: Vec<String>,
    /// Anything else, by key in lower case.
    pub extra: Vec<(String, Vec<String>)>,
}

impl Impersonation {
    /// The user to go on as, if `by` may become it.
    pub fn apply(self, by: &User, attributes: &Attributes) -> Result<User, ApiError> {
        if self.user.is_empty() {
            return Err(ApiError::bad_request(format!(
                "requested {} without impersonating a user name",
                self.in_go()
            )));
        }
        if !by.is_in(MASTERS) {
            let verb = format!("{}:{}", self.mode(), attributes.verb);
            let asked = Attributes {
                verb: &verb,
                ..*attributes
            };
            return Err(forbidden(by, &asked));
        }
        let mut groups = self.groups;
        if let (true, Some((namespace, _))) = (groups.is_empty(), service_account(&self.user)) {
            groups.push("system:serviceaccounts".to_owned());
            groups.push(format!("system:serviceaccounts:{namespace}"));
        }
        let is_in = |name: &str| groups.iter().any(|group| group == name);
        if self.user == "system:anonymous" {
            if !is_in(UNAUTHENTICATED) {
                groups.push(UNAUTHENTICATED.to_owned());
            }
        } else if !is_in(AUTHENTICATED) && !is_in(UNAUTHENTICATED) {
            groups.push(AUTHENTICATED.to_owned());
        }
        Ok(User {
            name: self.user,
            uid: self.uid,
            groups,
            extra: self.extra,
        })
    }

    /// The verb under which the right to it is looked for.
    fn mode(&self) -> &'static str {
        if service_account(&self.user).is_some() {
            "impersonate-on:serviceaccount"
        } else if self.user.starts_with("system:node:") {
            "impersonate-on:arbitrary-node"
        } else {
            "impersonate-on:user-info"
        }
    }

    /// What is asked for as Go prints it, which slips into a message.
    fn in_go(&self) -> String {
        let quoted = |list: &[String]| -> String {
            let items: Vec<String> = list.iter().map(|item| format!("{item:?}")).collect();
            format!("[]string{{{}}}", items.join(", "))
        };
        let groups = if self.groups.is_empty() {
            "[]string(nil)".to_owned()
        } else {
            quoted(&self.groups)
        };
        let extra = if self.extra.is_empty() {
            "map[string][]string(nil)".to_owned()
        } else {
            let entries = self.extra.iter();
            let entries: Vec<String> = entries
                .map(|(key, values)| format!("{key:?}:{}", quoted(values)))
                .collect();
            format!("map[string][]string{{{}}}", entries.join(", "))
        };
        format!(
            "&user.DefaultInfo{{Name:\"\", UID:{:?}, Groups:{groups}, Extra:{extra}}}",
            self.uid
        )
    }
}

/// Namespace and name of a service account's user name.
fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

//! By roles and bindings.
//!
//! *Upstream:* `plugin/pkg/auth/authorizer/rbac/rbac.go`, `pkg/registry/rbac/validation/rule.go`.

pub mod cover;
mod index;
pub mod rule;

use std::sync::Arc;

use parking_lot::Mutex;
pub use rule::Rule;

use self::index::{Binding, Index, Seen};
use super::{Attributes, Decision};
use crate::auth::User;
use crate::object::{GroupResource, Key};
use crate::storage::Reader;

/// The group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// Roles and bindings as they stand in the store, kept in the order in which they are asked for.
#[derive(Debug, Default)]
pub struct Rbac {
    seen: Mutex<Seen>,
}

/// What a binding refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRef {
    /// `Role` or `ClusterRole`.
    pub kind: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

impl Rbac {
    /// What roles and bindings say.
    pub(super) fn decide(
        &self,
        reader: &dyn Reader,
        user: &User,
        attributes: &Attributes,
    ) -> Decision {
        let index = self.index(reader);
        let mut missing = Vec::new();
        for binding in index.bindings_of(user, attributes.namespace) {
            let Some(rules) = index.rules(&binding.role, &binding.namespace) else {
                missing.push(index::not_found(&binding.role));
                continue;
            };
            if rules.iter().any(|rule| rule.allows(attributes)) {
                return Decision::allow(format!("RBAC: allowed by {}", binding.describe(user)));
            }
        }
        let reason = match super::aggregate(&missing) {
            missing if missing.is_empty() => missing,
            missing => format!("RBAC: {missing}"),
        };
        Decision::no_opinion(reason)
    }

    /// The rules that a user falls under in a namespace, and the roles that are not there.
    pub fn rules(
        &self,
        reader: &dyn Reader,
        user: &User,
        namespace: &str,
    ) -> (Vec<Rule>, Vec<RoleRef>) {
        let index = self.index(reader);
        let (mut all, mut missing) = (Vec::new(), Vec::new());
        for binding in index.bindings_of(user, namespace) {
            match index.rules(&binding.role, &binding.namespace) {
                Some(rules) => all.extend(rules.iter().cloned()),
                None => missing.push(binding.role.clone()),
            }
        }
        (all, missing)
    }

    fn index(&self, reader: &dyn Reader) -> Index {
        self.seen.lock().current(reader)
    }
}

impl RoleRef {
    /// The words of authorization for a role that is not there.
    pub fn missing(&self) -> String {
        index::not_found(self)
    }
}

/// The rules of a role, looked up in the store; `None` where it is not there.
pub fn rules_of(reader: &dyn Reader, role: &RoleRef, namespace: &str) -> Option<Vec<Rule>> {
    let (resource, namespace) = match &*role.kind {
        "Role" => (index::ROLES, namespace),
        _ => (index::CLUSTER_ROLES, ""),
    };
    let key = Key::new(namespace, &role.name);
    let stored = reader.get(&GroupResource::new(GROUP, resource), &key)?;
    Some(Rule::list(stored.parsed().items(&["rules"])))
}

/// The first subject of a binding that a user is.
fn subject_of<'a>(binding: &'a Arc<Binding>, user: &User) -> Option<&'a index::Subject> {
    binding
        .subjects
        .iter()
        .find(|subject| subject.is(user, &binding.namespace))
}

impl Binding {
    /// The binding as reasons tell of it.
    fn describe(self: &Arc<Self>, user: &User) -> String {
        let (kind, name) = match &*self.namespace {
            "" => ("ClusterRoleBinding", self.name.to_string()),
            namespace => ("RoleBinding", format!("{}/{namespace}", self.name)),
        };
        let subject = subject_of(self, user).map_or_else(String::new, |subject| {
            let name = match &*subject.kind {
                "ServiceAccount" => {
                    format!("{}/{}", subject.name, subject.namespace_in(&self.namespace))
                }
                _ => subject.name.to_string(),
            };
            format!("{} {name:?}", subject.kind)
        });
        format!(
            "{kind} {name:?} of {} {:?} to {subject}",
            self.role.kind, self.role.name
        )
    }
}

//! Roles and bindings by whom they concern, read from the store's log as it grows.
//!
//! A request costs a look at the bindings of its own user and groups, however many others there
//! are. The maps are persistent, so that a reader keeps its own while the next change is made.
//!
//! *Invariant:* made from the store alone, and made anew where its log does not reach back.
//! *Upstream:* the informers of `pkg/registry/rbac/validation/rule.go`, which have no index.

use std::sync::Arc;

use imbl::OrdMap;
use serde_json::Value;

use super::{GROUP, RoleRef, Rule};
use crate::auth::User;
use crate::auth::service_account;
use crate::object::{GroupResource, Object};
use crate::storage::{ChangeKind, Reader, Revision};

pub(super) const ROLES: &str = "roles";
pub(super) const CLUSTER_ROLES: &str = "clusterroles";
const BINDINGS: &str = "rolebindings";
const CLUSTER_BINDINGS: &str = "clusterrolebindings";

/// A binding.
#[derive(Debug)]
pub(super) struct Binding {
    /// Where it holds; empty for everywhere.
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
    pub(super) role: RoleRef,
    pub(super) subjects: Vec<Subject>,
}

/// Whom a binding concerns.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) kind: Box<str>,
    pub(super) name: Box<str>,
    namespace: Box<str>,
}

impl Subject {
    /// The namespace of a service account: that of the binding, where it says none.
    pub(super) fn namespace_in<'a>(&'a self, binding: &'a str) -> &'a str {
        if self.namespace.is_empty() {
            binding
        } else {
            &self.namespace
        }
    }

    /// Whether it is this user, or a group of theirs.
    pub(super) fn is(&self, user: &User, namespace: &str) -> bool {
        match &*self.kind {
            "Group" => user.is_in(&self.name),
            _ => self
                .user_name(namespace)
                .is_some_and(|name| name == user.name),
        }
    }

    /// The name of the one user it means.
    fn user_name(&self, namespace: &str) -> Option<String> {
        match &*self.kind {
            "User" => Some(self.name.to_string()),
            "ServiceAccount" => {
                let namespace = self.namespace_in(namespace);
                (!namespace.is_empty()).then(|| service_account::user_name(namespace, &self.name))
            }
            _ => None,
        }
    }
}

/// Bindings by name.
type Bindings = OrdMap<Box<str>, Arc<Binding>>;

/// The roles and bindings of a namespace, or of the cluster.
#[derive(Clone, Debug, Default)]
struct Scope {
    roles: OrdMap<Box<str>, Arc<[Rule]>>,
    bindings: Bindings,
    by_user: OrdMap<Box<str>, Bindings>,
    by_group: OrdMap<Box<str>, Bindings>,
}

/// Everything, by namespace; the cluster's own under the empty name.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    scopes: OrdMap<Box<str>, Scope>,
}

impl Index {
    /// The bindings that concern a user in a namespace: the cluster's, then the namespace's, each
    /// by name.
    pub(super) fn bindings_of(&self, user: &User, namespace: &str) -> Vec<Arc<Binding>> {
        let mut found = Vec::new();
        let scopes = [Some(""), Some(namespace).filter(|name| !name.is_empty())];
        for scope in scopes.into_iter().flatten() {
            let Some(scope) = self.scopes.get(scope) else {
                continue;
            };
            let start = found.len();
            let groups = user
                .groups
                .iter()
                .map(|group| scope.by_group.get(group.as_str()));
            let own = std::iter::once(scope.by_user.get(user.name.as_str()));
            for bindings in own.chain(groups).flatten() {
                found.extend(bindings.values().cloned());
            }
            found[start..].sort_by(|a: &Arc<Binding>, b| a.name.cmp(&b.name));
            found.dedup_by(|a, b| Arc::ptr_eq(a, b));
        }
        found
    }

    /// The rules of a role that a binding of a namespace refers to.
    pub(super) fn rules(&self, role: &RoleRef, namespace: &str) -> Option<&Arc<[Rule]>> {
        let scope = match &*role.kind {
            "Role" => namespace,
            _ => "",
        };
        self.scopes.get(scope)?.roles.get(&role.name)
    }

    fn put_role(&mut self, namespace: &str, name: &str, object: &Object) {
        let rules: Arc<[Rule]> = Rule::list(object.items(&["rules"])).into();
        self.scope(namespace).roles.insert(name.into(), rules);
    }

    fn put_binding(&mut self, namespace: &str, name: &str, object: &Object) {
        self.remove_binding(namespace, name);
        let text = |value: &Value, field: &str| -> Box<str> {
            value[field].as_str().unwrap_or_default().into()
        };
        let subject = |value: &Value| Subject {
            kind: text(value, "kind"),
            name: text(value, "name"),
            namespace: text(value, "namespace"),
        };
        let binding = Arc::new(Binding {
            namespace: namespace.into(),
            name: name.into(),
            role: role_ref(object),
            subjects: object.items(&["subjects"]).iter().map(subject).collect(),
        });
        let scope = self.scope(namespace);
        for subject in &binding.subjects {
            if let Some(bindings) = scope.of_subject(subject, namespace) {
                bindings.insert(name.into(), Arc::clone(&binding));
            }
        }
        scope.bindings.insert(name.into(), binding);
    }

    fn remove_binding(&mut self, namespace: &str, name: &str) {
        let scope = self.scope(namespace);
        let Some(binding) = scope.bindings.remove(name) else {
            return;
        };
        for subject in &binding.subjects {
            if let Some(bindings) = scope.of_subject(subject, namespace) {
                bindings.remove(name);
            }
        }
    }

    fn scope(&mut self, namespace: &str) -> &mut Scope {
        self.scopes.entry(namespace.into()).or_default()
    }
}

impl Scope {
    fn of_subject(&mut self, subject: &Subject, namespace: &str) -> Option<&mut Bindings> {
        if &*subject.kind == "Group" {
            return Some(self.by_group.entry(subject.name.clone()).or_default());
        }
        let user = subject.user_name(namespace)?;
        Some(self.by_user.entry(user.into()).or_default())
    }
}

/// What a binding refers to.
pub(super) fn role_ref(object: &Object) -> RoleRef {
    RoleRef {
        kind: object.text(&["roleRef", "kind"]).into(),
        name: object.text(&["roleRef", "name"]).into(),
    }
}

/// The words for a role that is not there.
pub(super) fn not_found(role: &RoleRef) -> String {
    let kind = role.kind.to_ascii_lowercase();
    format!("{kind}.{GROUP} {:?} not found", role.name)
}

/// The index, and how far the log was read for it.
#[derive(Debug)]
pub(super) struct Seen {
    index: Index,
    at: Revision,
    resources: [GroupResource; 4],
}

impl Default for Seen {
    fn default() -> Self {
        let plurals = [ROLES, CLUSTER_ROLES, BINDINGS, CLUSTER_BINDINGS];
        Self {
            index: Index::default(),
            at: Revision::default(),
            resources: plurals.map(|plural| GroupResource::new(GROUP, plural)),
        }
    }
}

impl Seen {
    /// The index as of now.
    pub(super) fn current(&mut self, reader: &dyn Reader) -> Index {
        let now = reader.revision();
        if now != self.at {
            if self.at == Revision::default() || !self.follow(reader) {
                self.rebuild(reader);
            }
            // What was written meanwhile is read again, and changes nothing.
            self.at = now;
        }
        self.index.clone()
    }

    /// Reads on in the log; false where it no longer reaches back.
    fn follow(&mut self, reader: &dyn Reader) -> bool {
        for resource in &self.resources {
            let Ok(changes) = reader.changes_since(resource, self.at) else {
                return false;
            };
            for change in changes {
                let (namespace, name) = (change.object.key.namespace(), change.object.key.name());
                let is_role = matches!(&*resource.resource, ROLES | CLUSTER_ROLES);
                match (change.kind, is_role) {
                    (ChangeKind::Deleted, true) => {
                        self.index.scope(namespace).roles.remove(name);
                    }
                    (ChangeKind::Deleted, false) => self.index.remove_binding(namespace, name),
                    (_, true) => {
                        let object = change.object.object();
                        self.index.put_role(namespace, name, &object);
                    }
                    (_, false) => {
                        let object = change.object.object();
                        self.index.put_binding(namespace, name, &object);
                    }
                }
            }
        }
        true
    }

    fn rebuild(&mut self, reader: &dyn Reader) {
        self.index = Index::default();
        for resource in &self.resources {
            let Ok(snapshot) = reader.snapshot(resource, None) else {
                continue;
            };
            for stored in snapshot.objects(None, None) {
                let (namespace, name) = (stored.key.namespace(), stored.key.name());
                let object = stored.object();
                if matches!(&*resource.resource, ROLES | CLUSTER_ROLES) {
                    self.index.put_role(namespace, name, &object);
                } else {
                    self.index.put_binding(namespace, name, &object);
                }
            }
        }
    }
}

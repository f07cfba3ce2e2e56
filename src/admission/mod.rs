//! Who may change or refuse a write on its way in.
//!
//! Plugins run in the order of the table in `plugins`, which is kube-apiserver's: first all that
//! change the object, then, after validation, all that may still refuse it. Those that a cluster
//! configures (webhooks, policies) stand in `dynamic`; they may have to wait for somebody outside,
//! and where none is configured nobody waits.
//!
//! *Invariant:* reads the store; writes nothing but quotas, through a [`Ledger`]; does not know the
//! registry.
//! *Upstream:* `apiserver/pkg/admission`.

mod chain;
mod dynamic;
pub mod plugins;
mod rights;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;

pub use self::chain::{Chain, Round};
pub(crate) use self::rights::settled;
pub use self::rights::{Rights, Verdict};
use crate::auth::{self, User};
use crate::error::ApiError;
use crate::object::{GroupVersionKind, Key, Object};
use crate::schema::{Catalog, Resource};
use crate::sim::Entropy;
use crate::storage::Reader;
use crate::webhook::Caller;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A new state of an object.
    Update,
    /// An object goes.
    Delete,
    /// A subresource that acts (exec, eviction, …).
    Connect,
}

impl Operation {
    /// The word for it in rules and reviews.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// Brings objects from one form into another; whoever drives admission knows how.
pub trait Forms: Send + Sync {
    /// An object of the version it is handled in, in a version that is served.
    fn to_served<'a>(
        &'a self,
        resource: &'a Resource,
        object: &'a Object,
    ) -> BoxFuture<'a, Result<Object, ApiError>>;

    /// An object of a served version, in the version it is handled in.
    fn to_stored<'a>(
        &'a self,
        resource: &'a Resource,
        object: Object,
    ) -> BoxFuture<'a, Result<Object, ApiError>>;

    /// A JSON object as one of a resource, or of one of its faces, defaults filled in; what is
    /// unknown is dropped, or refused by who is strict.
    fn decode(
        &self,
        resource: &Resource,
        subresource: &str,
        value: Value,
        is_strict: bool,
    ) -> Result<Object, String>;

    /// The options of the request: a `CreateOptions`, `UpdateOptions` or `DeleteOptions`; null
    /// where it has none.
    fn options(&self) -> Value;
}

/// Gives back the new state of an object, or `None` where it stays as it is.
pub type Change<'a> = &'a mut (dyn FnMut(&Object) -> Result<Option<Object>, ApiError> + Send);

/// Writes what plugins may have written: what they count, and namespaces that are missing.
pub trait Ledger: Send + Sync {
    /// Changes the status of a quota, made anew where it changed meanwhile.
    fn charge<'a>(
        &'a self,
        quota: &'a Key,
        change: Change<'a>,
    ) -> BoxFuture<'a, Result<(), ApiError>>;

    /// Makes a namespace, unless somebody else does meanwhile.
    fn provide_namespace<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), ApiError>>;
}

/// A write on its way in.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    /// What is being done.
    pub operation: Operation,
    /// To an object of which resource.
    pub resource: &'a Arc<Resource>,
    /// Through which subresource; empty where none.
    pub subresource: &'a str,
    /// In which namespace; empty where none. A namespace counts as being in itself.
    pub namespace: &'a str,
    /// The object's name; empty where it is yet to be generated.
    pub name: &'a str,
    /// The object before the write.
    pub old: Option<&'a Object>,
    /// Whether nothing will be written.
    pub is_dry_run: bool,
    /// Who asks.
    pub user: &'a User,
    /// The store, to read.
    pub reader: &'a dyn Reader,
    /// What is served.
    pub catalog: &'a Catalog,
    /// The time of the request.
    pub now: Timestamp,
    /// Chance.
    pub entropy: &'a Entropy,
    /// How objects are brought from one version into another.
    pub forms: &'a dyn Forms,
    /// Who may do what.
    pub rights: &'a dyn Rights,
    /// Where plugins write down what they count.
    pub ledger: &'a dyn Ledger,
    /// Calls out of the cluster.
    pub webhooks: &'a Caller,
    /// What is noted on the way.
    pub notes: Notes<'a>,
}

/// What plugins note beside their decision.
#[derive(Clone, Copy)]
pub struct Notes<'a> {
    /// Warnings for the client, in order.
    pub warnings: &'a Mutex<Vec<String>>,
    /// Annotations of the audit event.
    pub annotations: &'a Mutex<BTreeMap<String, String>>,
}

impl Attributes<'_> {
    /// The kind of the object: that of the face that is written.
    pub fn kind(&self) -> GroupVersionKind {
        kind_of(self.resource, self.subresource)
    }

    /// Whether it is a write of this resource or, where `subresource` names one, of its face.
    pub fn is_of(&self, group: &str, plural: &str, subresource: &str) -> bool {
        self.resource.group_version.group.as_ref() == group
            && self.resource.plural == plural
            && self.subresource == subresource
    }

    /// Whether who asks may do something; the place is a namespace, a subresource and a name, each
    /// empty where none is meant.
    pub(crate) fn may(
        &self,
        verb: &str,
        group: &str,
        resource: &str,
        (namespace, subresource, name): (&str, &str, &str),
    ) -> Verdict {
        let attributes = auth::Attributes {
            verb,
            is_resource: true,
            group,
            version: "*",
            namespace,
            resource,
            subresource,
            name,
            ..auth::Attributes::default()
        };
        self.rights.decide(self.user, &attributes)
    }

    /// Warns the client, once.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut warnings = self.notes.warnings.lock();
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    }

    /// Adds an annotation to the audit event; the first of a key stays.
    pub fn annotate(&self, key: impl Into<String>, value: impl Into<String>) {
        let mut annotations = self.notes.annotations.lock();
        annotations
            .entry(key.into())
            .or_insert_with(|| value.into());
    }
}

/// The kind that a resource's objects have, or one of its faces.
fn kind_of(resource: &Resource, subresource: &str) -> GroupVersionKind {
    let face = resource.subresource(subresource);
    match face.filter(|face| !face.kind.kind.is_empty()) {
        Some(face) => face.kind.clone(),
        None => resource.group_version_kind(),
    }
}

/// An admission plugin.
pub trait Plugin: Send + Sync {
    /// Its name, as `--enable-admission-plugins` knows it.
    fn name(&self) -> &'static str;

    /// Whether the cluster has anything configured that the plugin does.
    fn is_configured(&self, _reader: &dyn Reader) -> bool {
        false
    }

    /// Changes the object, or refuses the write, before validation.
    fn mutate(&self, _write: &Attributes, _object: &mut Object) -> Result<(), ApiError> {
        Ok(())
    }

    /// Refuses the write after validation; `object` is `None` for a deletion.
    fn validate(&self, _write: &Attributes, _object: Option<&Object>) -> Result<(), ApiError> {
        Ok(())
    }

    /// The same as `mutate` for plugins that may have to wait; `None` where there is nothing to do.
    /// `object` is `None` for a deletion.
    fn mutate_later<'c>(
        &'c self,
        _write: &'c Attributes<'c>,
        _object: Option<&'c mut Object>,
        _round: &'c mut Round,
    ) -> Option<BoxFuture<'c, Result<(), ApiError>>> {
        None
    }

    /// The same as `validate` for plugins that may have to wait.
    fn validate_later<'c>(
        &'c self,
        _write: &'c Attributes<'c>,
        _object: Option<&'c Object>,
    ) -> Option<BoxFuture<'c, Result<(), ApiError>>> {
        None
    }
}

/// The status of a `ValidatingAdmissionPolicy`: what is wrong with its expressions if they look at
/// the kinds that it is about. `None` where the one it has is of this generation already; whoever
/// runs controllers writes it down.
pub fn type_check(policy: &Object, catalog: &Catalog) -> Option<Value> {
    dynamic::type_check(policy, catalog)
}

/// A plugin's refusal; an object that is yet to be named goes by its prefix.
///
/// *Upstream:* `apiserver/pkg/admission/errors.go`.
pub(crate) fn forbidden(write: &Attributes, object: Option<&Object>, why: &str) -> ApiError {
    let own = object.map_or(["", ""], |object| [object.name(), object.generate_name()]);
    let names = [write.name, own[0], own[1], "Unknown"];
    let name = names.into_iter().find(|name| !name.is_empty());
    ApiError::forbidden(&write.resource.group_resource(), name.unwrap_or(""), why)
}

//! What a CustomResourceDefinition brings about: its kind is named, served, and cleaned up after.
//!
//! The API server runs these as controllers of its own. Here they follow every write of a
//! definition before its answer leaves, so that the next request sees what came of it.
//!
//! *Invariant:* writes only by way of [`Registry::handle`], as `system:apiserver`.
//! *Upstream:* `apiextensions-apiserver/pkg/controller`,
//! `apiextensions-apiserver/pkg/apiserver/customresource_handler.go`.

mod conversion;
pub(crate) mod embedded;
mod establish;
mod install;
mod names;
pub(super) mod reading;
mod register;
mod scale;
pub mod strategy;
mod terminate;
pub(super) mod unreadable;
mod version_order;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::interpret::MODIFIED;
use super::write::{Changed, Fate};
use super::{Context, Form, Options, Registry, Request, Target, Verb, Wire};
use crate::audit::Trail;
use crate::auth::User;
use crate::error::ApiError;
use crate::object::{GroupResource, Key, Object};
use crate::schema::Resource;

pub(super) use self::scale::validate as validate_scale;

/// The group of definitions.
const GROUP: &str = "apiextensions.k8s.io";
/// The plural of definitions.
const PLURAL: &str = "customresourcedefinitions";
/// Holds a definition until its objects are gone.
pub const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// The resource of definitions.
pub(super) fn definitions() -> GroupResource {
    GroupResource::new(GROUP, PLURAL)
}

/// Whether something follows from a write of this resource: the name of the definition it is, or
/// is an object of.
pub(super) fn followed<'a>(
    resource: &'a Resource,
    object: &'a Object,
    is_gone: bool,
) -> Option<&'a str> {
    if let Some(custom) = &resource.custom {
        let definition = custom.definition.as_str();
        return Some(definition).filter(|name| is_gone && !name.is_empty());
    }
    let is_definition = resource.group_version.group.as_ref() == GROUP && resource.plural == PLURAL;
    is_definition.then(|| object.name())
}

/// The status face of a definition.
fn status_of(definition: &Object) -> Target {
    Target {
        group: GROUP.to_owned(),
        version: "v1".to_owned(),
        resource: PLURAL.to_owned(),
        name: definition.name().to_owned(),
        subresource: "status".to_owned(),
        ..Target::default()
    }
}

impl Registry {
    /// Does what follows from a write.
    pub(super) async fn follow(&self, cx: &Context<'_>, object: &Object, fate: &Fate) {
        let is_gone = matches!(fate, Fate::Gone);
        if let Some(definition) = followed(cx.resource, object, is_gone)
            && !matches!(fate, Fate::Untouched)
        {
            let written = (!is_gone && cx.resource.custom.is_none()).then_some(object);
            self.settle_definition(definition, written).await;
        }
        if let Some(follower) = self.strategy(cx.resource).follower()
            && !matches!(fate, Fate::Untouched)
        {
            follower.follow(self, object).await;
        }
    }

    /// Serves every definition in the store: what was there before this server was.
    pub async fn restore_definitions(&self) {
        let Ok(all) = self.reader.snapshot(&definitions(), None) else {
            return;
        };
        for stored in all.objects(None, None) {
            self.settle_definition(stored.key.name(), None).await;
        }
    }

    /// Brings what is served, and what the status says, in line with a definition. `written` is
    /// what was just written of it, so that it need not be read: definitions are long.
    fn settle_definition<'a>(
        &'a self,
        name: &'a str,
        written: Option<&'a Object>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Some(stored) = self.reader.get(&definitions(), &Key::new("", name)) else {
                self.forget_definition(name).await;
                return;
            };
            let version = stored.revision.0.to_string();
            let written = written.filter(|written| written.resource_version() == version);
            let read;
            let definition = if let Some(written) = written {
                written
            } else {
                read = stored.parsed();
                &read
            };
            if definition.is_being_deleted() {
                install::serve(self, definition, definition);
                terminate::run(self, definition).await;
            } else {
                self.settle_status(definition).await;
            }
        })
    }

    /// Writes the status of a definition until there is nothing to change, and serves what it says.
    async fn settle_status(&self, definition: &Object) {
        let mut brief = establish::brief(definition);
        loop {
            install::serve(self, definition, &brief);
            self.register(definition).await;
            let Some(status) = establish::next(self, &brief) else {
                return;
            };
            if self.admission.is_configured(self.reader.as_ref()) {
                // Somebody may want to see all of it. This write is followed in turn.
                let settle = |object: &mut Object| object.set(&["status"], status.clone());
                self.write_status(definition, &settle).await;
                return;
            }
            match self.write_brief_status(&brief, status).await {
                Ok(written) => brief = written,
                Err(error) => {
                    tracing::debug!(%error, name = definition.name(), "following a definition");
                    return;
                }
            }
        }
    }

    /// Writes the status of a definition of which only the brief is at hand, and gives it back as
    /// it is then.
    async fn write_brief_status(&self, brief: &Object, status: Value) -> Result<Object, ApiError> {
        const LONG: &str = "spec";
        let resource = self.catalog.resource(GROUP, "v1", PLURAL);
        let resource = resource.ok_or_else(ApiError::path_not_found)?;
        let request = Self::own_request(Verb::Update, status_of(brief), bytes::Bytes::new());
        let options = Options::default();
        let cx = self.context(&request, &resource, &options);
        let mut old = brief.clone();
        let spec = old.remove(&[LONG]).unwrap_or_default();
        let mut new = old.clone();
        new.set(&["status"], status);
        let mut written = self.put_around(&cx, LONG, &old, new).await?;
        written.set(&[LONG], spec);
        Ok(written)
    }

    /// Brings registrations in line with a definition.
    async fn register(&self, definition: &Object) {
        register::add(self, definition).await;
        if definition.generation() > 1 {
            register::remove(self, definition.text(&["spec", "group"])).await;
        }
    }

    /// A definition is gone: its kind is no longer served, its names are free for others.
    async fn forget_definition(&self, name: &str) {
        let Some((plural, group)) = name.split_once('.') else {
            return;
        };
        self.catalog
            .remove_custom(&GroupResource::new(group, plural));
        register::remove(self, group).await;
        let Ok(all) = self.reader.snapshot(&definitions(), None) else {
            return;
        };
        for other in all.objects(None, None) {
            let is_of_group = other
                .key
                .name()
                .split_once('.')
                .is_some_and(|(_, other)| other == group);
            if is_of_group {
                self.settle_definition(other.key.name(), None).await;
            }
        }
    }

    /// Writes the status of a definition. A conflict means that somebody else wrote it, and then
    /// that write is followed.
    async fn write_status(&self, definition: &Object, edit: &(dyn Fn(&mut Object) + Sync)) {
        let Some(resource) = self.catalog.resource(GROUP, "v1", PLURAL) else {
            return;
        };
        let target = status_of(definition);
        let request = Self::own_request(Verb::Update, target, bytes::Bytes::new());
        let options = Options::default();
        let cx = self.context(&request, &resource, &options);
        let key = Key::new("", definition.name());
        let mut change = |old: &Object| {
            if old.resource_version() != definition.resource_version() {
                let name = definition.name();
                return Err(ApiError::conflict(&definitions(), name, MODIFIED));
            }
            let mut object = old.clone();
            edit(&mut object);
            Ok(Changed {
                object,
                is_exact: true,
                is_tracked: false,
            })
        };
        let written = self.update_known(&cx, &key, Some(definition), &mut change);
        if let Err(error) = written.await {
            tracing::debug!(%error, name = definition.name(), "following a definition");
        }
    }

    /// A request of the API server itself.
    pub(crate) fn own_request(verb: Verb, target: Target, body: bytes::Bytes) -> Request {
        Request {
            trail: Trail::default(),
            verb,
            target,
            query: Vec::new(),
            body,
            tree: super::request::AtHand::default(),
            content_type: "application/json".to_owned(),
            form: Form::Object,
            wire: Wire::Json,
            user: User {
                name: "system:apiserver".to_owned(),
                groups: vec!["system:masters".to_owned()],
                ..User::default()
            },
            user_agent: "kube-apiserver".to_owned(),
        }
    }
}

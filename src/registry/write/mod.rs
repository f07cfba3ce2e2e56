//! The shared tail of every write, and the only holder of the store's writing end.
//!
//! mutate → reserve → prepare → validate → validate in admission → commit. No verb can skip a
//! step, since no verb holds the store.
//!
//! *Upstream:* `apiserver/pkg/registry/generic/registry/store.go`, `…/rest/{create,update}.go`.

mod beside;
mod change;
mod create;
mod delete;
mod questions;
mod status;
mod target;

use std::sync::Arc;

pub use self::beside::Beside;
use self::target::Target;
use super::custom::reading;
use super::handle::Registry;
use super::{Context, Strategy, interpret};
use crate::error::{ApiError, FieldErrors};
use crate::object::{GroupResource, GroupVersionKind, Key, Object};
use crate::storage::{Draft, Error, Expect, Store, Stored, Tree, Write};

/// How often a change is made anew after the object changed meanwhile.
const CHANGE_ATTEMPTS_MAX: usize = 16;

/// The store's writing end.
pub(super) struct Writer(Arc<dyn Store>);

impl Writer {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

/// What a write came to.
#[derive(Debug)]
pub struct Written {
    /// The object in the version it is handled in: as it is stored, as it was when it went, or, of
    /// a dry run, as it would be.
    pub object: Arc<Object>,
    /// Where it is now.
    pub fate: Fate,
}

/// Where the object of a write is.
#[derive(Clone, Debug)]
pub enum Fate {
    /// In the store.
    Stored(Arc<Stored>),
    /// Gone from the store.
    Gone,
    /// Where it was: a dry run.
    Untouched,
}

/// What one attempt to commit came to.
enum Attempt {
    Done(Fate),
    /// The object changed meanwhile.
    Moved,
}

/// What `change` makes of an object.
#[derive(Debug)]
pub struct Changed {
    /// The new state, in the version the object is handled in.
    pub object: Object,
    /// Whether it is meant for just the state it was made from.
    pub is_exact: bool,
    /// Whether `managedFields` are the new state's own already (server-side apply).
    pub is_tracked: bool,
}

impl Registry {
    /// Stores an object under its key, or fails as the store does. The object gets its version. Who
    /// reads on in the log need not parse it anew, where anybody wants it.
    async fn put(
        &self,
        cx: &Context<'_>,
        key: &Key,
        expect: Expect,
        draft: Draft,
        object: &mut Arc<Object>,
    ) -> Result<Arc<Stored>, Error> {
        // A custom resource may be stored in another version than it is handled in.
        if cx.resource.custom.is_some() || !self.recent.is_wanted(&cx.resource.storage) {
            let stored = self.commit(cx, key, expect, Some(draft)).await?;
            set_version(Arc::make_mut(object), &stored);
            return Ok(stored);
        }
        let tree = Tree::new(std::mem::take(object));
        let committed = self.commit(cx, key, expect, Some(draft.with_tree(&tree)));
        let committed = committed.await;
        let fresh = committed
            .as_ref()
            .ok()
            .and_then(|stored| stored.take_fresh());
        *object = fresh.or_else(|| tree.take()).unwrap_or_default();
        if committed.is_ok() {
            self.recent.hold(object);
        }
        committed
    }

    /// Removes an object. It gets the version of its removal; what it had reserved is given back.
    async fn take_away(
        &self,
        cx: &Context<'_>,
        key: &Key,
        expect: Expect,
        object: &mut Arc<Object>,
    ) -> Result<Arc<Stored>, Error> {
        let stored = self.commit(cx, key, expect, None).await?;
        let strategy = self.strategy(cx.resource);
        strategy.settle_delete(cx, object);
        self.clear_beside(strategy.beside(object)).await;
        set_version(Arc::make_mut(object), &stored);
        Ok(stored)
    }

    async fn commit(
        &self,
        cx: &Context<'_>,
        key: &Key,
        expect: Expect,
        put: Option<Draft>,
    ) -> Result<Arc<Stored>, Error> {
        let resource = cx.resource.storage.clone();
        let write = Write {
            resource,
            key: key.clone(),
            expect,
            put,
        };
        self.writer.0.commit(write).await
    }

    /// An object as it is stored.
    async fn draft(&self, cx: &Context<'_>, object: &Object) -> Result<Draft, ApiError> {
        let resource = cx.resource;
        let strategy = self.strategy(cx.resource);
        let mut fields: Vec<(Box<str>, Box<str>)> = strategy
            .field_labels()
            .iter()
            .map(|label| ((*label).into(), strategy.field_value(object, label).into()))
            .collect();
        if let Some(custom) = &resource.custom {
            if resource.group_version != resource.storage_version {
                let converted = reading::storable(resource, custom, object).await?;
                return Ok(Draft::encode(&converted, [].into()));
            }
            for path in &custom.selectable_fields {
                let label = path.trim_start_matches('.');
                fields.push((label.into(), strategy.field_value(object, label).into()));
            }
        }
        let draft = Draft::encode(object, fields.into());
        Ok(match &resource.custom {
            Some(custom) => draft.with_tag(reading::tag(resource, custom)),
            None => draft,
        })
    }
}

fn set_version(object: &mut Object, stored: &Stored) {
    object.set(
        &["metadata", "resourceVersion"],
        stored.revision.0.to_string(),
    );
}

/// An attempt out of what the store said.
fn attempt(result: Result<Fate, Error>, cx: &Context, key: &Key) -> Result<Attempt, ApiError> {
    match result {
        Ok(fate) => Ok(Attempt::Done(fate)),
        Err(Error::Moved { .. }) => Ok(Attempt::Moved),
        Err(error) => Err(interpret::write(error, &group_resource(cx), key.name())),
    }
}

/// The conflict of a change that lost every race.
fn lost_race(cx: &Context, key: &Key) -> ApiError {
    ApiError::conflict(&group_resource(cx), key.name(), interpret::MODIFIED)
}

fn group_resource(cx: &Context) -> GroupResource {
    cx.resource.group_resource()
}

fn refuse_invalid(
    cx: &Context,
    strategy: &dyn Strategy,
    name: &str,
    mut errors: FieldErrors,
) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    if !strategy.repeats_causes() {
        errors.remove_repeated();
    }
    for empty in cx.emptied.lock().iter() {
        errors.show_empty(&empty.path, if empty.is_map { "{}" } else { "[]" });
    }
    // The kind goes by the group it is stored in.
    let kind = GroupVersionKind {
        group_version: cx.resource.storage_version.clone(),
        kind: cx.resource.kind.as_ref().into(),
    };
    Err(ApiError::invalid(&kind, name, &errors))
}

//! The tail of a create.
//!
//! *Upstream:* `apiserver/pkg/registry/generic/registry/store.go` (`Create`),
//! `apiserver/pkg/registry/rest/create.go`.

use std::sync::Arc;

use super::{Fate, Target, Written, group_resource, refuse_invalid};
use crate::admission::Operation;
use crate::error::{ApiError, FieldErrors, Reason};
use crate::object::Object;
use crate::registry::meta::{managers, system_fields, validate};
use crate::registry::{Context, Registry, Strategy, decode, interpret, shape};
use crate::storage::{Error, Expect, Stored};

/// How often a generated name is drawn before the server gives up.
const NAME_ATTEMPTS_MAX: usize = 8;

impl Registry {
    /// Stores a new object; it is in the version it is stored in, and defaulted.
    pub async fn create_object(
        &self,
        cx: &Context<'_>,
        mut object: Object,
    ) -> Result<Written, ApiError> {
        system_fields::wipe(&mut object);
        self.track(cx, None, &mut object).await?;
        self.create_tracked(cx, object).await
    }

    /// The same, where `managedFields` are the object's own already.
    pub(crate) async fn create_tracked(
        &self,
        cx: &Context<'_>,
        mut object: Object,
    ) -> Result<Written, ApiError> {
        shape::settle(&self.hub(cx.resource), &mut object);
        system_fields::wipe(&mut object);
        let write = Target::new(self, cx, Operation::Create, object.name());
        let write = write.as_attributes(None);
        managers::guarded(cx, &self.admission, &write, &mut object).await?;
        refuse_another_namespace(cx, &object)?;
        if object.generate_name().is_empty() {
            return self.create_once(cx, object).await;
        }
        if !object.name().is_empty() {
            let name = object.name().to_owned();
            // Upstream takes a name beside a prefix for one that it made.
            return self.create_once(cx, object).await.map_err(|error| {
                if error.reason() == Reason::AlreadyExists {
                    return ApiError::generate_name_conflict(&group_resource(cx), &name);
                }
                error
            });
        }
        let prefix = object.generate_name().to_owned();
        let taken = || ApiError::generate_name_conflict(&group_resource(cx), &prefix);
        for _ in 0..NAME_ATTEMPTS_MAX {
            let name = system_fields::generate_name(&prefix, cx.entropy);
            object.set(&["metadata", "name"], name);
            let key = object.key();
            if self.reader.get(&cx.resource.storage, &key).is_some() {
                continue;
            }
            return match self.create_once(cx, object).await {
                // Somebody has just drawn the same.
                Err(error) if error.reason() == Reason::AlreadyExists => Err(taken()),
                other => other,
            };
        }
        Err(taken())
    }

    async fn create_once(&self, cx: &Context<'_>, mut object: Object) -> Result<Written, ApiError> {
        let strategy = self.strategy(cx.resource);
        system_fields::fill(&mut object, cx.now, cx.entropy);
        if let Some(guard) = strategy.guard() {
            guard.check(cx, &object, None).await?;
        }
        let write = Target::new(self, cx, Operation::Create, object.name());
        strategy.reserve(cx, &mut object, None)?;
        let mut object = Arc::new(object);
        let result = self
            .create_reserved(cx, strategy, &write, &mut object)
            .await;
        strategy.settle(cx, &object, None, matches!(result, Ok(Fate::Stored(_))));
        let fate = result?;
        self.follow(cx, &object, &fate).await;
        Ok(Written { object, fate })
    }

    async fn create_reserved(
        &self,
        cx: &Context<'_>,
        strategy: &dyn Strategy,
        write: &Target<'_>,
        shared: &mut Arc<Object>,
    ) -> Result<Fate, ApiError> {
        let object = Arc::make_mut(shared);
        if cx.resource.subresource("status").is_some() && !strategy.keeps_status_on_create() {
            object.remove(&["status"]);
        }
        strategy.prepare_create(cx, object)?;
        if strategy.counts_generation() {
            system_fields::count_generation(object, None);
        }
        shape::finish(&self.hub(cx.resource), object);
        decode::check_type(cx.resource, object)?;
        let errors = errors_of_new(cx, strategy, object);
        refuse_invalid(cx, strategy, object.name(), errors)?;
        strategy.warn(cx, object, None);
        self.admission
            .validate(&write.as_attributes(None), Some(object))
            .await?;
        strategy.complete_stored(object);
        let key = object.key();
        if cx.is_dry_run {
            return match self.reader.get(&cx.resource.storage, &key) {
                Some(stored) => Err(taken(cx, &stored)),
                None => Ok(Fate::Untouched),
            };
        }
        refuse_resource_version(object)?;
        object.remove(&["metadata", "resourceVersion"]);
        let draft = self.draft(cx, object).await?;
        let keeping = self.provide(cx, object, None).await?;
        let stored = self.put(cx, &key, Expect::Absent, draft, shared).await;
        self.settle_beside(keeping, stored.is_ok()).await;
        stored.map(Fate::Stored).map_err(|error| {
            let there = match &error {
                Error::Exists => self.reader.get(&cx.resource.storage, &key),
                _ => None,
            };
            match there {
                Some(stored) => taken(cx, &stored),
                None => interpret::write(error, &group_resource(cx), key.name()),
            }
        })
    }
}

/// The error of a name that another object has, which may be on its way out.
fn taken(cx: &Context, stored: &Stored) -> ApiError {
    let error = ApiError::already_exists(&group_resource(cx), stored.key.name());
    if stored.parsed().is_being_deleted() {
        let message = format!("object is being deleted: {}", error.message());
        return error.with_message(message);
    }
    error
}

/// Everything that is wrong with a new object.
fn errors_of_new(cx: &Context, strategy: &dyn Strategy, object: &Object) -> FieldErrors {
    let mut own = shape::validate(cx, object, None);
    own.extend(strategy.validate_create(cx, object));
    let (group, plural) = (&cx.resource.group_version.group, &cx.resource.plural);
    if !own.is_empty() && validate::is_checked_last(group, plural) {
        return own;
    }
    let mut errors = FieldErrors::new();
    let is_namespaced = cx.resource.is_namespaced;
    validate::create(object, strategy.name_rule(), is_namespaced, &mut errors);
    validate::finalizers_are_known(group, plural, object, &mut errors);
    errors.extend(own);
    errors
}

/// Nobody moves an object to another namespace on its way in.
fn refuse_another_namespace(cx: &Context<'_>, object: &Object) -> Result<(), ApiError> {
    if object.namespace() == cx.namespace {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    ))
}

/// A new object has no version yet; one that is not a number counts as none.
fn refuse_resource_version(object: &Object) -> Result<(), ApiError> {
    match object.resource_version().parse::<u64>() {
        Ok(version) if version != 0 => Err(ApiError::new(
            Reason::Unknown,
            "resourceVersion should not be set on objects to be created",
        )),
        _ => Ok(()),
    }
}

//! The tail of an update or patch.
//!
//! *Upstream:* `apiserver/pkg/registry/generic/registry/store.go` (`Update`),
//! `apiserver/pkg/registry/rest/update.go`.

use std::sync::Arc;

use super::{
    Attempt, CHANGE_ATTEMPTS_MAX, Changed, Fate, Target, Written, attempt, group_resource,
    lost_race, refuse_invalid, set_version,
};
use crate::admission::Operation;
use crate::error::{ApiError, FieldErrors};
use crate::object::{Key, Object};
use crate::registry::meta::{deletion, managers, system_fields, validate};
use crate::registry::subresources::scale;
use crate::registry::versions::is_read_as_stored;
use crate::registry::{Context, Registry, Strategy, decode, shape, subresources};
use crate::schema::emptied::Emptied;
use crate::storage::{Expect, Stored};

/// The object a change is made of.
struct Current<'a> {
    stored: &'a Arc<Stored>,
    object: &'a Object,
}

impl Registry {
    /// Changes an object: reads it, has `change` make the new state from it (both in the version
    /// it is stored in), and stores that, again from the start where the object changed meanwhile.
    ///
    /// `change` says by [`Changed::is_exact`] whether its new state is meant for just the state it
    /// was given; then a change meanwhile is a conflict.
    pub async fn update_object(
        &self,
        cx: &Context<'_>,
        key: &Key,
        change: &mut (dyn FnMut(&Object) -> Result<Changed, ApiError> + Send),
    ) -> Result<Written, ApiError> {
        self.update_known(cx, key, None, change).await
    }

    /// The same of an object that was just read or written: while it is that, in the version it is
    /// handled in, it is not read again.
    pub(in crate::registry) async fn update_known(
        &self,
        cx: &Context<'_>,
        key: &Key,
        known: Option<&Object>,
        change: &mut (dyn FnMut(&Object) -> Result<Changed, ApiError> + Send),
    ) -> Result<Written, ApiError> {
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let Some(stored) = self.reader.get(&cx.resource.storage, key) else {
                return Err(ApiError::not_found(&group_resource(cx), key.name()));
            };
            let revision = stored.revision.0.to_string();
            let read;
            let known = known.filter(|known| known.resource_version() == revision);
            let old = if let Some(known) = known {
                known
            } else {
                read = self.read_to_change(cx, &stored).await?;
                read.as_ref()
            };
            let current = Current {
                stored: &stored,
                object: old,
            };
            let Changed {
                mut object,
                is_exact,
                is_tracked,
            } = self.when_converted(cx, &mut || change(old)).await?;
            if !is_tracked {
                self.track(cx, Some(old), &mut object).await?;
            }
            shape::settle(&self.hub(cx.resource), &mut object);
            let mut object = Arc::new(object);
            match self.store_change(cx, &current, &mut object).await? {
                Attempt::Done(fate) => {
                    self.follow(cx, &object, &fate).await;
                    return Ok(Written { object, fate });
                }
                Attempt::Moved if is_exact => break,
                Attempt::Moved => {}
            }
        }
        Err(lost_race(cx, key))
    }

    async fn read_to_change(
        &self,
        cx: &Context<'_>,
        stored: &Stored,
    ) -> Result<Arc<Object>, ApiError> {
        let read = self.read(cx.resource, stored).await;
        read.map_err(|error| {
            // What is only tried is read as a GET reads it.
            if cx.is_dry_run {
                error.of_one(cx.resource)
            } else {
                error.of_change()
            }
        })
    }

    async fn store_change(
        &self,
        cx: &Context<'_>,
        current: &Current<'_>,
        shared: &mut Arc<Object>,
    ) -> Result<Attempt, ApiError> {
        let strategy = self.strategy(cx.resource);
        let old = current.object;
        let object = Arc::make_mut(shared);
        let write = Target::new(self, cx, Operation::Update, current.stored.key.name());
        self.mutate_face(&write, cx, old, object).await?;
        if object.resource_version().is_empty() {
            set_version(object, current.stored);
        }
        if let Some(guard) = strategy.guard() {
            guard.check(cx, object, Some(old)).await?;
        }
        strategy.reserve(cx, object, Some(old))?;
        let result = self.change_reserved(cx, &write, current, shared).await;
        let is_stored = matches!(result, Ok(Attempt::Done(Fate::Stored(_))));
        strategy.settle(cx, shared, Some(old), is_stored);
        result
    }

    async fn change_reserved(
        &self,
        cx: &Context<'_>,
        write: &Target<'_>,
        current: &Current<'_>,
        shared: &mut Arc<Object>,
    ) -> Result<Attempt, ApiError> {
        let strategy = self.strategy(cx.resource);
        let old = current.object;
        let object = Arc::make_mut(shared);
        if strategy.bypasses_rules(cx.subresource) {
            shape::finish(&self.hub(cx.resource), object);
        } else {
            self.check_change(cx, strategy, old, object)?;
        }
        self.validate_face(write, cx, old, object).await?;
        strategy.complete_stored(object);
        set_version(object, current.stored);
        let stored = current.stored;
        // A custom resource may be read otherwise than it is stored.
        let is_read_so = is_read_as_stored(cx.resource, stored);
        if is_read_so && object == old {
            return Ok(Attempt::Done(Fate::Stored(Arc::clone(stored))));
        }
        if cx.is_dry_run {
            return Ok(Attempt::Done(Fate::Untouched));
        }
        let draft = self.draft(cx, object).await?;
        if !is_read_so && stored.is_written_as(&draft) {
            return Ok(Attempt::Done(Fate::Stored(Arc::clone(stored))));
        }
        let key = &stored.key;
        let expect = Expect::At(stored.revision);
        let committed = if deletion::is_released(object, strategy) {
            // Whoever watches sees it go as it was stored, with the last finalizer.
            self.take_away(cx, key, expect, shared)
                .await
                .map(|_| Fate::Gone)
        } else {
            let keeping = self.provide(cx, object, Some(old)).await?;
            let stored = self.put(cx, key, expect, draft, shared).await;
            self.settle_beside(keeping, stored.is_ok()).await;
            stored.map(Fate::Stored)
        };
        attempt(committed, cx, key)
    }

    /// Lets admission change the face that is written.
    async fn mutate_face(
        &self,
        write: &Target<'_>,
        cx: &Context<'_>,
        old: &Object,
        object: &mut Object,
    ) -> Result<(), ApiError> {
        if cx.is_inner {
            return Ok(());
        }
        if cx.subresource != "scale" {
            let write = write.as_attributes(Some(old));
            return managers::guarded(cx, &self.admission, &write, object).await;
        }
        let [old, mut new] = [old, object].map(|object| scale::scale_of(cx.resource, object));
        let write = write.as_attributes(Some(&old));
        self.admission.mutate(&write, Some(&mut new)).await?;
        scale::put(cx.resource, object, &new);
        Ok(())
    }

    /// Lets admission refuse the face that is written.
    async fn validate_face(
        &self,
        write: &Target<'_>,
        cx: &Context<'_>,
        old: &Object,
        object: &Object,
    ) -> Result<(), ApiError> {
        if cx.is_inner {
            return Ok(());
        }
        if cx.subresource != "scale" {
            let write = write.as_attributes(Some(old));
            return self.admission.validate(&write, Some(object)).await;
        }
        let [old, new] = [old, object].map(|object| scale::scale_of(cx.resource, object));
        let write = write.as_attributes(Some(&old));
        self.admission.validate(&write, Some(&new)).await
    }

    /// Prepares and validates a change.
    fn check_change(
        &self,
        cx: &Context<'_>,
        strategy: &dyn Strategy,
        old: &Object,
        object: &mut Object,
    ) -> Result<(), ApiError> {
        subresources::keep_other_face(cx, strategy, object, old);
        system_fields::keep(object, old);
        strategy.prepare_update(cx, object, old)?;
        if strategy.counts_generation() {
            system_fields::count_generation(object, Some(old));
            let is_emptied = |empty: &Emptied| !empty.path.starts_with("metadata.");
            if strategy.counts_emptied()
                && object.generation() == old.generation()
                && cx.emptied.lock().iter().any(is_emptied)
            {
                object.set(&["metadata", "generation"], old.generation() + 1);
            }
        }
        if strategy.counts_annotations() && cx.subresource != "status" {
            system_fields::count_annotations(object, old);
        }
        let hub = self.hub(cx.resource);
        shape::finish(&hub, object);
        decode::check_type(cx.resource, object)?;
        let mut errors = FieldErrors::new();
        let namespaced = cx.resource.is_namespaced;
        let rule = strategy.name_rule();
        validate::update(object, old, rule, namespaced, &mut errors);
        if cx.resource.custom.is_some() {
            // Upstream checks the metadata of custom resources anew in their own validation.
            validate::update_of_custom(object, old, &mut errors);
        }
        let group = &cx.resource.group_version.group;
        if cx.subresource.is_empty() && validate::is_checked_anew(group, &cx.resource.plural) {
            validate::create(object, rule, namespaced, &mut errors);
        }
        validate::finalizers_are_known(group, &cx.resource.plural, object, &mut errors);
        errors.extend(shape::validate(cx, object, Some(old)));
        errors.extend(strategy.validate_update(cx, object, old));
        refuse_invalid(cx, strategy, object.name(), errors)?;
        strategy.warn(cx, object, Some(old));
        Ok(())
    }
}

//! The tail of a deletion.
//!
//! *Upstream:* `apiserver/pkg/registry/generic/registry/store.go` (`Delete`,
//! `updateForGracefulDeletionAndFinalizers`), `apiserver/pkg/registry/rest/delete.go`.

use std::sync::Arc;

use super::{
    Attempt, CHANGE_ATTEMPTS_MAX, Fate, Target, Written, attempt, group_resource, lost_race,
};
use crate::admission::Operation;
use crate::error::ApiError;
use crate::object::{GroupResource, Key, Object};
use crate::registry::meta::deletion::{self, Outcome};
use crate::registry::{Context, DeleteOptions, Registry};
use crate::storage::{Draft, Error, Expect, Stored};

impl Registry {
    /// Removes an object, or marks it as being deleted where something holds it.
    pub async fn delete_object(
        &self,
        cx: &Context<'_>,
        key: &Key,
        options: &DeleteOptions,
    ) -> Result<(Written, Outcome), ApiError> {
        let strategy = self.strategy(cx.resource);
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let Some(current) = self.reader.get(&cx.resource.storage, key) else {
                return Err(ApiError::not_found(&group_resource(cx), key.name()));
            };
            let old = self.read(cx.resource, &current).await;
            let old = old.map_err(|error| error.of_one(cx.resource))?;
            check_preconditions(cx, &old, options)?;
            strategy.check_delete(cx, &old, options)?;
            let mut object = Object::clone(&old);
            let outcome = deletion::mark(&mut object, strategy, options, cx.now);
            // What is on its way out already is nobody's decision any more.
            if !cx.is_inner && outcome != Outcome::Pending {
                self.admit_deletion(cx, &old, options).await?;
            }
            if outcome == Outcome::Mark {
                strategy.prepare_delete(cx, &mut object);
            }
            let mut object = Arc::new(object);
            let is_unchanged =
                outcome == Outcome::Pending || (outcome == Outcome::Mark && object == old);
            let done = if options.is_dry_run {
                Attempt::Done(Fate::Untouched)
            } else if is_unchanged {
                Attempt::Done(Fate::Stored(current))
            } else {
                let draft = match outcome {
                    Outcome::Remove => None,
                    _ => Some(self.draft(cx, &object).await?),
                };
                let stored = self
                    .store_deletion(cx, &current, &mut object, draft, outcome)
                    .await;
                attempt(stored, cx, key)?
            };
            if let Attempt::Done(fate) = done {
                self.follow(cx, &object, &fate).await;
                return Ok((Written { object, fate }, outcome));
            }
        }
        Err(lost_race(cx, key))
    }

    async fn admit_deletion(
        &self,
        cx: &Context<'_>,
        old: &Object,
        options: &DeleteOptions,
    ) -> Result<(), ApiError> {
        let write = Target::new(self, cx, Operation::Delete, cx.name).with_deletion(options);
        let write = write.as_attributes(Some(old));
        self.admission.mutate(&write, None).await?;
        self.admission.validate(&write, None).await
    }

    /// Stores the mark, takes the object away, or both.
    async fn store_deletion(
        &self,
        cx: &Context<'_>,
        current: &Arc<Stored>,
        object: &mut Arc<Object>,
        mark: Option<Draft>,
        outcome: Outcome,
    ) -> Result<Fate, Error> {
        let key = &current.key;
        let mut expect = Expect::At(current.revision);
        let is_wanted = self.recent.is_wanted(&cx.resource.storage);
        // What is not marked may have lost the finalizer that said what becomes of its dependents.
        let is_as_stored = is_wanted
            && cx.resource.custom.is_none()
            && (mark.is_some() || current.parsed().finalizers().eq(object.finalizers()));
        if let Some(mark) = mark {
            let marked = self.put(cx, key, expect, mark, object).await?;
            if outcome == Outcome::Mark {
                return Ok(Fate::Stored(marked));
            }
            expect = Expect::At(marked.revision);
        }
        let gone = self.take_away(cx, key, expect, object).await?;
        if is_as_stored {
            // Who reads on in the log looks at it once more.
            gone.remember(object);
            self.recent.hold(object);
        }
        Ok(Fate::Gone)
    }
}

fn check_preconditions(
    cx: &Context,
    object: &Object,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let conflict = |why: &str| {
        // Upstream names the kind here where it names the resource elsewhere.
        let about = GroupResource::new(
            cx.resource.group_version.group.as_ref(),
            cx.resource.kind.as_ref(),
        );
        Err(ApiError::conflict(&about, object.name(), why))
    };
    if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != object.uid()) {
        return conflict(&format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The \
             object might have been deleted and then recreated",
            object.uid()
        ));
    }
    let found = object.resource_version();
    if let Some(version) = options
        .resource_version
        .as_deref()
        .filter(|asked| *asked != found)
    {
        return conflict(&format!(
            "the ResourceVersion in the precondition ({version}) does not match the \
             ResourceVersion in record ({found}). The object might have been modified"
        ));
    }
    Ok(())
}

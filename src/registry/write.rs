//! The shared tail of every write, and the only holder of the store's writing end.
//!
//! mutate → reserve → prepare → validate → validate in admission → commit. No verb can skip a
//! step, since no verb holds the store.
//!
//! *Upstream:* `apiserver/pkg/registry/generic/registry/store.go`, `…/rest/{create,update}.go`.

use std::sync::Arc;

use super::handle::Registry;
use super::meta::{deletion, system_fields, validate};
use super::{Context, Strategy, interpret};
use crate::admission::{Attributes, Operation};
use crate::error::{ApiError, FieldErrors};
use crate::object::{GroupResource, Key, Object};
use crate::storage::{Draft, Expect, Store, Stored, Write};

/// How often a generated name is drawn before the server gives up.
const NAME_ATTEMPTS_MAX: usize = 8;
/// How often a change is made anew after the object changed meanwhile.
const CHANGE_ATTEMPTS_MAX: usize = 16;

/// The store's writing end.
pub(super) struct Writer(Arc<dyn Store>);

impl Writer {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    async fn commit(&self, write: Write) -> Result<Arc<Stored>, crate::storage::Error> {
        self.0.commit(write).await
    }
}

/// What a write came to.
#[derive(Debug)]
pub struct Written {
    /// The object in the version it is stored in. Of a dry run, as it would be.
    pub object: Object,
    /// The object as stored; `None` for a dry run and for an object that is gone.
    pub stored: Option<Arc<Stored>>,
    /// Whether it is new.
    pub is_created: bool,
}

impl Registry {
    /// Stores a new object; it is in the version it is stored in, and defaulted.
    pub async fn create_object(
        &self,
        cx: &Context<'_>,
        object: Object,
    ) -> Result<Written, ApiError> {
        let resource = cx.resource.group_resource();
        let is_generated = object.name().is_empty() && !object.generate_name().is_empty();
        if !is_generated {
            return self.create_once(cx, object).await;
        }
        for _ in 0..NAME_ATTEMPTS_MAX {
            let mut named = object.clone();
            let name = system_fields::generate_name(object.generate_name(), cx.entropy);
            named.set(&["metadata", "name"], name);
            match self.create_once(cx, named).await {
                Err(error) if error.reason() == crate::error::Reason::AlreadyExists => {}
                other => return other,
            }
        }
        Err(ApiError::generate_name_conflict(
            &resource,
            object.generate_name(),
        ))
    }

    async fn create_once(&self, cx: &Context<'_>, mut object: Object) -> Result<Written, ApiError> {
        let strategy = self.strategy(cx.resource);
        system_fields::fill(&mut object, cx.now, cx.entropy);
        let write = Target::new(Operation::Create, object.name());
        self.admission
            .mutate(&write.as_attributes(cx, None), &mut object)?;
        strategy.reserve(cx, &mut object, None)?;
        let result = self
            .create_reserved(cx, strategy, &write, &mut object)
            .await;
        strategy.settle(cx, &object, None, matches!(result, Ok(Some(_))));
        let stored = result?;
        self.follow(cx, &object, false).await;
        Ok(Written {
            stored,
            object,
            is_created: true,
        })
    }

    async fn create_reserved(
        &self,
        cx: &Context<'_>,
        strategy: &dyn Strategy,
        write: &Target,
        object: &mut Object,
    ) -> Result<Option<Arc<Stored>>, ApiError> {
        if cx.resource.subresource("status").is_some() && !strategy.keeps_status_on_create() {
            object.remove(&["status"]);
        }
        strategy.prepare_create(cx, object)?;
        if strategy.counts_generation() {
            system_fields::count_generation(object, None);
        }
        let hub = self.hub(cx.resource);
        super::shape::finish(&hub, object);
        let mut errors = FieldErrors::new();
        validate::create(
            object,
            strategy.name_rule(),
            cx.resource.is_namespaced,
            &mut errors,
        );
        errors.extend(super::shape::validate(cx, object, None));
        errors.extend(strategy.validate_create(cx, object));
        refuse_invalid(cx, object.name(), &errors)?;
        strategy.warn(cx, object, None);
        self.admission
            .validate(&write.as_attributes(cx, None), Some(object))?;
        let key = object.key();
        let resource = &cx.resource.storage;
        if cx.is_dry_run {
            object.metadata_mut().remove("resourceVersion");
            return match self.reader.get(resource, &key) {
                Some(_) => Err(ApiError::already_exists(&group_resource(cx), object.name())),
                None => Ok(None),
            };
        }
        let stored = self.put(cx, strategy, &key, Expect::Absent, object).await?;
        Ok(Some(stored))
    }

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
        let resource = &cx.resource.storage;
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let Some(current) = self.reader.get(resource, key) else {
                return Err(ApiError::not_found(&group_resource(cx), key.name()));
            };
            let old = current.object();
            let changed = change(&old)?;
            match self
                .store_change(cx, key, &current, &old, changed.object)
                .await?
            {
                Some(written) => {
                    let is_gone = written.stored.is_none();
                    self.follow(cx, &written.object, is_gone).await;
                    return Ok(written);
                }
                None if changed.is_exact => break,
                None => {}
            }
        }
        Err(ApiError::conflict(
            &group_resource(cx),
            key.name(),
            interpret::MODIFIED,
        ))
    }

    /// Stores a new state of an object; `None` where the object changed meanwhile.
    async fn store_change(
        &self,
        cx: &Context<'_>,
        key: &Key,
        current: &Arc<Stored>,
        old: &Object,
        mut object: Object,
    ) -> Result<Option<Written>, ApiError> {
        let strategy = self.strategy(cx.resource);
        let write = Target::new(Operation::Update, key.name());
        self.admission
            .mutate(&write.as_attributes(cx, Some(old)), &mut object)?;
        strategy.reserve(cx, &mut object, Some(old))?;
        let result = self
            .change_reserved(cx, strategy, &write, current, old, &mut object)
            .await;
        let is_stored = matches!(result, Ok(Some(_)));
        strategy.settle(cx, &object, Some(old), is_stored);
        Ok(result?.map(|stored| Written {
            stored,
            object,
            is_created: false,
        }))
    }

    /// Prepares and validates a change.
    fn check_change(
        &self,
        cx: &Context<'_>,
        strategy: &dyn Strategy,
        old: &Object,
        object: &mut Object,
    ) -> Result<(), ApiError> {
        super::subresources::keep_other_face(cx, strategy, object, old);
        system_fields::keep(object, old);
        strategy.prepare_update(cx, object, old)?;
        if strategy.counts_generation() {
            system_fields::count_generation(object, Some(old));
        }
        if strategy.counts_annotations() && cx.subresource != "status" {
            system_fields::count_annotations(object, old);
        }
        let hub = self.hub(cx.resource);
        super::shape::finish(&hub, object);
        let mut errors = FieldErrors::new();
        let namespaced = cx.resource.is_namespaced;
        validate::update(object, old, strategy.name_rule(), namespaced, &mut errors);
        errors.extend(super::shape::validate(cx, object, Some(old)));
        errors.extend(strategy.validate_update(cx, object, old));
        refuse_invalid(cx, object.name(), &errors)?;
        strategy.warn(cx, object, Some(old));
        Ok(())
    }

    /// The tail of a change. The outer `None`: the object changed meanwhile; the inner: a dry run.
    async fn change_reserved(
        &self,
        cx: &Context<'_>,
        strategy: &dyn Strategy,
        write: &Target,
        current: &Arc<Stored>,
        old: &Object,
        object: &mut Object,
    ) -> Result<Option<Option<Arc<Stored>>>, ApiError> {
        if strategy.bypasses_rules(cx.subresource) {
            super::shape::finish(&self.hub(cx.resource), object);
        } else {
            self.check_change(cx, strategy, old, object)?;
        }
        self.admission
            .validate(&write.as_attributes(cx, Some(old)), Some(object))?;
        object.set(
            &["metadata", "resourceVersion"],
            current.revision.0.to_string(),
        );
        if object == old {
            return Ok(Some(Some(Arc::clone(current))));
        }
        let is_released = deletion::is_released(object, strategy);
        if cx.is_dry_run {
            return Ok(Some(None));
        }
        let committed = if is_released {
            let last = Some(self.draft(cx, strategy, object));
            self.writer
                .commit(Write {
                    resource: cx.resource.storage.clone(),
                    key: current.key.clone(),
                    expect: Expect::At(current.revision),
                    put: None,
                    last,
                })
                .await
        } else {
            let draft = self.draft(cx, strategy, object);
            self.writer
                .commit(Write {
                    resource: cx.resource.storage.clone(),
                    key: current.key.clone(),
                    expect: Expect::At(current.revision),
                    put: Some(draft),
                    last: None,
                })
                .await
        };
        match committed {
            Ok(stored) if is_released => {
                // The answer shows the object as the write left it, at its last version.
                let _ = stored;
                Ok(Some(None))
            }
            Ok(stored) => {
                object.set(
                    &["metadata", "resourceVersion"],
                    stored.revision.0.to_string(),
                );
                Ok(Some(Some(stored)))
            }
            Err(crate::storage::Error::Moved { .. }) => Ok(None),
            Err(error) => Err(interpret::write(
                error,
                &group_resource(cx),
                current.key.name(),
            )),
        }
    }

    /// Removes an object, or marks it as being deleted where something holds it. What `Written`
    /// holds is its last state; `stored` is there while the object is.
    pub async fn delete_object(
        &self,
        cx: &Context<'_>,
        key: &Key,
        options: &super::DeleteOptions,
    ) -> Result<(Written, deletion::Outcome), ApiError> {
        let strategy = self.strategy(cx.resource);
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let Some(current) = self.reader.get(&cx.resource.storage, key) else {
                return Err(ApiError::not_found(&group_resource(cx), key.name()));
            };
            let old = current.object();
            check_preconditions(cx, &old, options)?;
            strategy.check_delete(cx, &old, options)?;
            let write = Target::new(Operation::Delete, key.name());
            self.admission
                .validate(&write.as_attributes(cx, Some(&old)), None)?;
            let mut object = old.clone();
            let outcome = deletion::mark(&mut object, strategy, options, cx.now);
            if outcome == deletion::Outcome::Mark {
                strategy.prepare_delete(cx, &mut object);
            }
            let done = self
                .store_deletion(cx, &current, &mut object, outcome, options)
                .await?;
            if let Some(stored) = done {
                self.follow(cx, &object, stored.is_none()).await;
                return Ok((
                    Written {
                        object,
                        stored,
                        is_created: false,
                    },
                    outcome,
                ));
            }
        }
        Err(ApiError::conflict(
            &group_resource(cx),
            key.name(),
            interpret::MODIFIED,
        ))
    }

    /// Stores what a deletion came to. The outer `None`: the object changed meanwhile.
    async fn store_deletion(
        &self,
        cx: &Context<'_>,
        current: &Arc<Stored>,
        object: &mut Object,
        outcome: deletion::Outcome,
        options: &super::DeleteOptions,
    ) -> Result<Option<Option<Arc<Stored>>>, ApiError> {
        let strategy = self.strategy(cx.resource);
        let is_marked_already = outcome == deletion::Outcome::Mark && *object == current.object();
        if options.is_dry_run || is_marked_already || outcome == deletion::Outcome::Pending {
            return Ok(Some(
                Some(Arc::clone(current)).filter(|_| !options.is_dry_run),
            ));
        }
        let mut expect = Expect::At(current.revision);
        let resource = &cx.resource.storage;
        let mut kept = None;
        if matches!(
            outcome,
            deletion::Outcome::Mark | deletion::Outcome::MarkAndRemove
        ) {
            let write = Write {
                resource: resource.clone(),
                key: current.key.clone(),
                expect,
                put: Some(self.draft(cx, strategy, object)),
                last: None,
            };
            match self.writer.commit(write).await {
                Ok(stored) => {
                    object.set(
                        &["metadata", "resourceVersion"],
                        stored.revision.0.to_string(),
                    );
                    expect = Expect::At(stored.revision);
                    kept = Some(stored);
                }
                Err(crate::storage::Error::Moved { .. }) => return Ok(None),
                Err(error) => {
                    let name = current.key.name();
                    return Err(interpret::write(error, &group_resource(cx), name));
                }
            }
        }
        if outcome == deletion::Outcome::Mark {
            return Ok(Some(kept));
        }
        let key = current.key.clone();
        let write = Write {
            resource: resource.clone(),
            key,
            expect,
            put: None,
            last: None,
        };
        match self.writer.commit(write).await {
            Ok(stored) => {
                strategy.settle_delete(cx, object);
                object.set(
                    &["metadata", "resourceVersion"],
                    stored.revision.0.to_string(),
                );
                Ok(Some(None))
            }
            Err(crate::storage::Error::Moved { .. }) => Ok(None),
            Err(error) => {
                let name = current.key.name();
                Err(interpret::write(error, &group_resource(cx), name))
            }
        }
    }

    async fn put(
        &self,
        cx: &Context<'_>,
        strategy: &dyn Strategy,
        key: &Key,
        expect: Expect,
        object: &mut Object,
    ) -> Result<Arc<Stored>, ApiError> {
        let write = Write {
            resource: cx.resource.storage.clone(),
            key: key.clone(),
            expect,
            put: Some(self.draft(cx, strategy, object)),
            last: None,
        };
        let stored = self
            .writer
            .commit(write)
            .await
            .map_err(|error| interpret::write(error, &group_resource(cx), key.name()))?;
        object.set(
            &["metadata", "resourceVersion"],
            stored.revision.0.to_string(),
        );
        Ok(stored)
    }

    fn draft(&self, cx: &Context<'_>, strategy: &dyn Strategy, object: &Object) -> Draft {
        let mut fields: Vec<(Box<str>, Box<str>)> = strategy
            .field_labels()
            .iter()
            .map(|label| ((*label).into(), strategy.field_value(object, label).into()))
            .collect();
        if let Some(custom) = &cx.resource.custom {
            for path in &custom.selectable_fields {
                let label = path.trim_start_matches('.');
                fields.push((label.into(), strategy.field_value(object, label).into()));
            }
        }
        Draft::encode(object, fields.into())
    }
}

/// What `change` makes of an object.
#[derive(Debug)]
pub struct Changed {
    /// The new state, in the version the object is stored in.
    pub object: Object,
    /// Whether it is meant for just the state it was made from.
    pub is_exact: bool,
}

/// The part of a write's attributes that lives as long as the write.
struct Target {
    operation: Operation,
    name: String,
}

impl Target {
    fn new(operation: Operation, name: &str) -> Self {
        Self {
            operation,
            name: name.to_owned(),
        }
    }

    fn as_attributes<'a>(&'a self, cx: &'a Context<'a>, old: Option<&'a Object>) -> Attributes<'a> {
        Attributes {
            operation: self.operation,
            resource: cx.resource,
            subresource: cx.subresource,
            namespace: cx.namespace,
            name: &self.name,
            old,
            is_dry_run: cx.is_dry_run,
            user: cx.user,
            reader: cx.reader,
            now: cx.now,
        }
    }
}

fn group_resource(cx: &Context) -> GroupResource {
    cx.resource.group_resource()
}

fn refuse_invalid(cx: &Context, name: &str, errors: &FieldErrors) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(
        &cx.resource.group_version_kind(),
        name,
        errors,
    ))
}

fn check_preconditions(
    cx: &Context,
    object: &Object,
    options: &super::DeleteOptions,
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

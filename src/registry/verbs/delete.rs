//! DELETE of one object.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/delete.go`.

use crate::auth::Attributes;
use crate::error::ApiError;
use crate::object::Key;
use crate::registry::meta::deletion::Outcome;
use crate::registry::meta::storage_path;
use crate::registry::{Context, DeleteOptions, Registry, Request, Response, answer};

/// Removes an object or marks it as being deleted. Answers with the object where it stays, or where
/// its kind always answers so; else with a `Status`.
pub(crate) async fn delete(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    let options = DeleteOptions::of(request)?;
    let key = cx.key()?;
    if options.ignores_unreadable {
        return delete_unread(registry, cx, &key).await;
    }
    let (written, outcome) = registry.delete_object(cx, &key, &options).await?;
    let is_gone = matches!(outcome, Outcome::Remove | Outcome::MarkAndRemove);
    let version = &cx.resource.group_version.version;
    let strategy = registry.strategy(cx.resource);
    if is_gone && !strategy.answers_deleted_object(version) {
        return Ok(answer::deleted(cx, &written.object));
    }
    // Whoever asked for the dependents to go is told that this has only begun.
    let code = if !is_gone && options.collects_dependents {
        202
    } else {
        200
    };
    registry.answer_written(cx, request, code, written).await
}

/// Deletes an object only where it cannot be read, which is more than to delete: whoever does it
/// leaves finalizers and dependents behind. Here all objects can be read.
///
/// *Upstream:* `apiserver/pkg/registry/generic/registry/corrupt_obj_deleter.go`.
async fn delete_unread(
    registry: &Registry,
    cx: &Context<'_>,
    key: &Key,
) -> Result<Response, ApiError> {
    const VERB: &str = "unsafe-delete-ignore-read-errors";
    let resource = cx.resource.group_resource();
    let group_version = &cx.resource.group_version;
    let attributes = Attributes {
        verb: VERB,
        is_resource: true,
        group: &group_version.group,
        version: &group_version.version,
        namespace: cx.namespace,
        resource: &cx.resource.plural,
        name: cx.name,
        ..Attributes::default()
    };
    let authorizer = &cx.access.authorizer;
    let decision = authorizer.decide(cx.reader, cx.user, &attributes).await;
    if !decision.is_allowed() {
        let why = format!("not permitted to do {VERB:?}, reason: {}", decision.reason);
        return Err(ApiError::forbidden(&resource, cx.name, &why));
    }
    if registry.reader.get(&cx.resource.storage, key).is_none() {
        return Err(ApiError::not_found(&resource, cx.name));
    }
    let path = storage_path::of(cx.resource, cx.namespace, cx.name);
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry{path}, ResourceVersion: 0, \
         AdditionalErrorMsg: unsafe deletion is not allowed because the object is decodable from \
         storage"
    );
    Err(ApiError::conflict(&resource, cx.name, &why))
}

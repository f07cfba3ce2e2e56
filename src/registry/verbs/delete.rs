//! DELETE of one object.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/delete.go`.

use crate::error::ApiError;
use crate::registry::meta::deletion::Outcome;
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
    let (written, outcome) = registry.delete_object(cx, &key, &options).await?;
    let is_gone = matches!(outcome, Outcome::Remove | Outcome::MarkAndRemove);
    let version = &cx.resource.group_version.version;
    let strategy = registry.strategy(cx.resource);
    if is_gone && !strategy.answers_deleted_object(version) {
        return Ok(answer::deleted(cx, &written.object));
    }
    registry.answer_written(cx, request, 200, written).await
}

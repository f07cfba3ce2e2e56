//! GET of one object.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/get.go`, `storage/cacher/cacher.go` (`Get`).

use crate::error::{ApiError, Reason};
use crate::registry::query::list_options;
use crate::registry::{Context, Registry, Request, Response, interpret};
use crate::storage::{Error, Revision};

/// Answers with the object as it is now.
pub(crate) async fn get(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    check_resource_version(registry, request)?;
    let key = cx.key()?;
    match registry.reader.get(&cx.resource.storage, &key) {
        Some(stored) => registry.answer_stored(cx, request, 200, &stored).await,
        None => Err(ApiError::not_found(&cx.resource.group_resource(), cx.name)),
    }
}

/// `resourceVersion` of a GET means "not older than"; what is here is the newest there is.
fn check_resource_version(registry: &Registry, request: &Request) -> Result<(), ApiError> {
    let Some(text) = request
        .parameter("resourceVersion")
        .filter(|text| !text.is_empty())
    else {
        return Ok(());
    };
    let asked = parse_revision(text)?;
    let current = registry.reader.revision();
    if asked > current {
        return Err(interpret::read(&Error::Future { current }, Some(asked)));
    }
    Ok(())
}

/// A resource version of a GET; anything but a number is an error without a reason, as upstream
/// fails on it in the store.
fn parse_revision(text: &str) -> Result<Revision, ApiError> {
    list_options::parse_revision(text).map_err(|why| ApiError::new(Reason::Unknown, why))
}

//! GET of one object.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/get.go`, `storage/cacher/cacher.go` (`Get`).

use crate::error::{ApiError, Reason};
use crate::registry::query::parse_revision;
use crate::registry::{Context, Registry, Request, Response, interpret, options};
use crate::storage::Error;

/// Answers with the object as it is now.
pub(crate) async fn get(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    if options::bool_parameter(request, "export")? == Some(true) {
        return Err(ApiError::bad_request(
            "the export parameter, deprecated since v1.14, is no longer supported",
        ));
    }
    check_resource_version(registry, request)?;
    let key = cx.key()?;
    match registry.reader.get(&cx.resource.storage, &key) {
        Some(stored) => registry.answer_stored(cx, request, 200, &stored).await,
        None => Err(ApiError::not_found(&cx.resource.group_resource(), cx.name)),
    }
}

/// `resourceVersion` of a GET means "not older than"; what is here is the newest there is. Anything
/// but a number is an error without a reason, as upstream fails on it in the store.
fn check_resource_version(registry: &Registry, request: &Request) -> Result<(), ApiError> {
    let text = request.parameter("resourceVersion").unwrap_or("");
    let asked = parse_revision(text).map_err(|message| ApiError::new(Reason::Unknown, message))?;
    let current = registry.reader.revision();
    if asked > current {
        return Err(interpret::read(&Error::Future { current }, Some(asked)));
    }
    Ok(())
}

//! DELETE of many objects.
//!
//! *Upstream:* `apiserver/pkg/registry/generic/registry/store.go` (`DeleteCollection`).

use crate::error::ApiError;
use crate::registry::{Context, Registry, Request, Response};

/// Deletes what a list would show, and answers with that list.
pub(crate) async fn delete_collection(
    _registry: &Registry,
    _cx: &Context<'_>,
    _request: &Request,
) -> Result<Response, ApiError> {
    Err(ApiError::not_implemented("deletecollection"))
}

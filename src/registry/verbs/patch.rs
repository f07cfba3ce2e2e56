//! PATCH of an object in part.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/patch.go`.

use crate::error::ApiError;
use crate::registry::{Context, Registry, Request, Response};

/// Changes an object in part and answers with it.
pub(crate) async fn patch(
    _registry: &Registry,
    _cx: &Context<'_>,
    _request: &Request,
) -> Result<Response, ApiError> {
    Err(ApiError::not_implemented("patch"))
}

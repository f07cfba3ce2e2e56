//! The scale face: how many replicas there should be.
//!
//! *Upstream:* `pkg/registry/apps/deployment/storage/storage.go` (`ScaleREST`).

use crate::error::ApiError;
use crate::registry::{Context, Registry, Request, Response};

/// Answers a request to the scale face.
pub(super) async fn handle(
    _registry: &Registry,
    _cx: &Context<'_>,
    _request: &Request,
) -> Result<Response, ApiError> {
    Err(ApiError::not_implemented("scale"))
}

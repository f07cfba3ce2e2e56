//! Watch.

use crate::error::ApiError;
use crate::registry::{Context, Registry, Request, Response};

/// Answers a watch.
pub(crate) fn watch(_: &Registry, _: &Context<'_>, _: &Request) -> Result<Response, ApiError> {
    Err(ApiError::not_implemented("watch"))
}

//! List.

use crate::error::ApiError;
use crate::registry::{Context, Registry, Request, Response};

/// Answers a list.
pub(crate) fn list(_: &Registry, _: &Context<'_>, _: &Request) -> Result<Response, ApiError> {
    Err(ApiError::not_implemented("list"))
}

//! Tables and partial metadata.

use bytes::Bytes;

use super::{Context, Form, Registry, Request};
use crate::error::ApiError;
use crate::object::Object;

/// One object as a Table or as PartialObjectMetadata.
pub(crate) fn render_one(
    _registry: &Registry,
    _cx: &Context<'_>,
    _request: &Request,
    _form: Form,
    _object: &Object,
) -> Result<Bytes, ApiError> {
    Err(ApiError::not_implemented("tables"))
}

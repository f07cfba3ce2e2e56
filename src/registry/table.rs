//! Tables and partial metadata.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::view::View;
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

/// A list as a Table or as PartialObjectMetadataList, with the list's own metadata.
pub(crate) fn render_list(
    _view: &View,
    _now: Timestamp,
    _metadata: Map<String, Value>,
    _objects: impl Iterator<Item = Object>,
) -> Result<Bytes, ApiError> {
    Err(ApiError::not_implemented("tables"))
}

/// The object of a watch event as a Table of one row or as PartialObjectMetadata. Only the first
/// Table of a watch has its column definitions. A bookmark is rendered like any object.
pub(crate) fn render_event(
    _view: &View,
    _now: Timestamp,
    _object: &Object,
    _has_columns: bool,
) -> Result<Bytes, ApiError> {
    Err(ApiError::not_implemented("tables"))
}

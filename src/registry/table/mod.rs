//! Answers in other forms than the object's own: Tables and partial metadata.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/response.go`.

mod custom;
mod render;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};

use self::render::Rendering;
use super::view::View;
use super::{Context, Registry, Request};
use crate::error::ApiError;
use crate::object::Object;

pub use render::can_print;

/// One object, in the version it is stored in, as a Table or as `PartialObjectMetadata`.
pub(crate) fn render_one(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    object: &Object,
) -> Result<Bytes, ApiError> {
    let view = View::of(registry, cx, request);
    let is_scale = cx.subresource == "scale";
    Ok(Rendering::of(&view, is_scale)?.one(object, cx.now))
}

/// A list of objects, in the version they are stored in, as a Table or as
/// `PartialObjectMetadataList`, with the list's own metadata.
pub(crate) fn render_list(
    view: &View,
    now: Timestamp,
    metadata: Map<String, Value>,
    objects: impl Iterator<Item = Object>,
) -> Result<Bytes, ApiError> {
    let rendering = Rendering::of(view, false)?;
    Ok(rendering.list(&Value::Object(metadata), objects, now))
}

/// The object of a watch event, in the version it is stored in, as a Table of one row or as
/// `PartialObjectMetadata`. Only the first Table of a watch has its column definitions. A bookmark
/// is rendered like any object.
pub(crate) fn render_event(
    view: &View,
    now: Timestamp,
    object: &Object,
    has_columns: bool,
) -> Result<Bytes, ApiError> {
    let mut rendering = Rendering::of(view, false)?;
    rendering.has_columns = has_columns;
    Ok(rendering.one(object, now))
}

/// Refuses what a watch could not render, before it begins.
pub(crate) fn check(view: &View) -> Result<(), ApiError> {
    Rendering::of(view, false).map(|_| ())
}

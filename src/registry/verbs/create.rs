//! POST of a new object.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/create.go`.

use crate::error::ApiError;
use crate::object::Object;
use crate::registry::{Context, Registry, Request, Response, decode, shape};

/// Stores a new object and answers with it.
pub(crate) async fn create(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    if !cx.name.is_empty() {
        return Err(crate::registry::handle::method_not_allowed());
    }
    let mut object = decode::object(cx, request)?;
    shape::decoded(cx, registry.strategy(cx.resource), &mut object);
    let mut object = registry.to_hub(cx.resource, object);
    set_namespace(cx, &mut object)?;
    let written = registry.create_object(cx, object).await?;
    registry.answer_written(cx, request, 201, written).await
}

/// Gives an object the namespace of the path, and refuses one that names another.
pub(crate) fn set_namespace(cx: &Context<'_>, object: &mut Object) -> Result<(), ApiError> {
    let expected = cx.namespace;
    let named = object.namespace();
    if named == expected {
        return Ok(());
    }
    if !named.is_empty() && cx.resource.is_namespaced {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if expected.is_empty() {
        object.metadata_mut().remove("namespace");
    } else {
        object
            .metadata_mut()
            .insert("namespace".to_owned(), expected.into());
    }
    Ok(())
}

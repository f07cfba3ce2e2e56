//! The body of a request as an object.

use serde_json::Value;

use super::{Context, Request};
use crate::error::ApiError;
use crate::object::Object;

/// A body as a JSON value.
pub(crate) fn to_value(_content_type: &str, body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// The object in the body of a create or update, with `apiVersion` and `kind` filled in.
pub(crate) fn object(cx: &Context<'_>, request: &Request) -> Result<Object, ApiError> {
    let value = to_value(&request.content_type, &request.body)?;
    let mut object = Object::from_value(value)
        .ok_or_else(|| ApiError::bad_request("the body is not an object"))?;
    object.set_type(&cx.resource.group_version.to_string(), &cx.resource.kind);
    Ok(object)
}

/// The Scale in the body of an update of the scale face.
pub(crate) fn scale(_cx: &Context<'_>, request: &Request) -> Result<Object, ApiError> {
    let value = to_value(&request.content_type, &request.body)?;
    Object::from_value(value).ok_or_else(|| ApiError::bad_request("the body is not an object"))
}

//! Subresources: other faces of an object, and those that act.

mod connect;
pub mod scale;
pub mod status;

use super::{Context, Registry, Request, Response, Strategy, Verb, handle, verbs};
use crate::error::ApiError;
use crate::object::{GroupVersion, Object};
use crate::schema::tables;

/// Answers a request to a subresource.
pub(super) async fn handle(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    let Some(subresource) = cx.resource.subresource(cx.subresource) else {
        return Err(ApiError::path_not_found());
    };
    if !subresource
        .verbs
        .iter()
        .any(|verb| verb == request.verb.as_str())
    {
        return Err(handle::method_not_allowed());
    }
    connect::admit(registry, cx, request).await?;
    if let Some(connect) = registry.strategy(cx.resource).subresource(cx.subresource) {
        return connect.call(registry, cx, request).await;
    }
    check_refusal(cx)?;
    if cx.subresource == "scale" {
        return scale::handle(registry, cx, request).await;
    }
    match request.verb {
        Verb::Get => verbs::get::get(registry, cx, request).await,
        Verb::Update => verbs::update::update(registry, cx, request).await,
        Verb::Patch => verbs::patch::patch(registry, cx, request).await,
        _ => Err(ApiError::not_implemented(&face(cx))),
    }
}

/// Refuses what `openapi/overlay/unsupported.toml` lists, with the reason that stands there.
pub(super) fn check_refusal(cx: &Context<'_>) -> Result<(), ApiError> {
    let GroupVersion { group, version } = &cx.resource.group_version;
    match tables::refusal(group, version, &cx.resource.plural, cx.subresource) {
        None => Ok(()),
        Some(reason) => Err(ApiError::not_implemented(&format!(
            "{}: {reason}",
            face(cx)
        ))),
    }
}

/// `deployments` or `deployments/scale`.
fn face(cx: &Context<'_>) -> String {
    let slash = if cx.subresource.is_empty() { "" } else { "/" };
    format!("{}{slash}{}", cx.resource.plural, cx.subresource)
}

/// A write through one face of an object leaves the other faces as they were: the status face
/// everything but the status (and metadata), the main face the status. What a kind's own faces
/// leave is up to its strategy.
pub(super) fn keep_other_face(
    cx: &Context<'_>,
    strategy: &dyn Strategy,
    object: &mut Object,
    old: &Object,
) {
    if cx.resource.subresource("status").is_none() || strategy.writes_status_through_main() {
        return;
    }
    if cx.subresource == "status" {
        status::keep_all_but_status(cx, object, old);
        return;
    }
    if !matches!(cx.subresource, "" | "scale") {
        return;
    }
    match old.get(&["status"]) {
        Some(status) => object.set(&["status"], status.clone()),
        None => {
            object.remove(&["status"]);
        }
    }
}

//! DELETE of many objects.
//!
//! *Upstream:* `apiserver/pkg/registry/generic/registry/store.go` (`DeleteCollection`).

use super::list;
use crate::error::{ApiError, Reason};
use crate::registry::{Context, DeleteOptions, Registry, Request, Response};

/// Deletes what a list would show, and answers with that list as it was.
pub(crate) async fn delete_collection(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    list::check(registry, cx, request)?;
    let options = DeleteOptions::of_many(request)?;
    let mut page = list::select(registry, cx, request).await?;
    page.prepare(registry, cx, request).await?;
    let mut deleted = Vec::with_capacity(page.objects.len());
    for stored in page.objects {
        match registry.delete_object(cx, &stored.key, &options).await {
            Ok(_) => deleted.push(stored),
            // Somebody else was faster.
            Err(error) if error.reason() == Reason::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    page.objects = deleted;
    list::answer(registry, cx, request, page).await
}

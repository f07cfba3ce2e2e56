//! ComponentStatus: how the parts of the control plane are, looked at whenever somebody asks.
//!
//! Differs: the parts are in this process, so whoever is answered finds them well.
//!
//! *Upstream:* `pkg/registry/core/componentstatus/rest.go`.

use futures_util::future::BoxFuture;
use serde_json::json;

use crate::error::ApiError;
use crate::object::{GroupResource, Object};
use crate::registry::query::ListOptions;
use crate::registry::{Connect, Context, Registry, Request, Response, Strategy, Verb};

/// The parts, in the order they are listed.
const PARTS: [&str; 3] = ["scheduler", "controller-manager", "etcd-0"];

/// The strategy of component statuses, which are never stored.
pub(super) struct ComponentStatus;

impl Strategy for ComponentStatus {
    fn acts(&self) -> Option<&dyn Connect> {
        Some(self)
    }
}

impl Connect for ComponentStatus {
    fn call<'a>(
        &'a self,
        registry: &'a Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            if request.verb == Verb::List {
                let options = ListOptions::of(request)?;
                let fields = options.fields.try_map_fields(|field| {
                    self.field_label(cx.resource, field)
                        .map_err(ApiError::bad_request)
                })?;
                let is_meant = |object: &Object| {
                    let value = |field: &str| match field {
                        "metadata.name" => object.name().to_owned(),
                        _ => String::new(),
                    };
                    options.labels.matches_object(object) && fields.matches(value)
                };
                let parts = PARTS.into_iter().map(status_of).filter(is_meant);
                return registry.answer_list(cx, request, parts);
            }
            if let Some(part) = PARTS.into_iter().find(|part| *part == cx.name) {
                return registry.answer_made(cx, request, status_of(part));
            }
            let resource = GroupResource::new("", "componentstatus");
            Err(ApiError::not_found(&resource, cx.name))
        })
    }
}

fn status_of(part: &str) -> Object {
    let status = json!({
        "apiVersion": "v1",
        "kind": "ComponentStatus",
        "metadata": {"name": part},
        "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}],
    });
    Object::from_value(status).unwrap_or_default()
}

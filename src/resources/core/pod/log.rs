//! Logs of containers: whether they may be read as asked; of a pod that has no node yet, there are
//! none.
//!
//! *Upstream:* `pkg/registry/core/pod/rest/log.go`, `pkg/registry/core/pod/strategy.go`
//! (`LogLocation`).

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::streams::{check_node, container, pod};
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, GroupVersionKind, time};
use crate::registry::options::integer_parameter;
use crate::registry::response::Body;
use crate::registry::{Connect, Context, Destination, Registry, Request, Response, Way};
use crate::resources::shared::look::Look;

/// `pods/log`.
pub(super) struct Log;

impl Connect for Log {
    fn call<'a>(
        &'a self,
        _registry: &'a Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            check(cx, request)?;
            let pod = pod(cx)?;
            let container = container(&pod, request.parameter("container").unwrap_or(""))?;
            let node = pod.at("spec").text("nodeName");
            if !node.is_empty() {
                check_node(cx, node)?;
                let container = container.to_owned();
                return Ok(Response::pod(Destination {
                    way: Way::Log,
                    pod: Arc::new(pod),
                    container,
                }));
            }
            Ok(Response {
                code: 204,
                body: Body::Text(Bytes::new()),
                warnings: Vec::new(),
            })
        })
    }
}

/// Checks the query's parameters.
fn check(cx: &Context, request: &Request) -> Result<(), ApiError> {
    // All are read, in this order, before any is judged.
    let since_seconds = integer_parameter(request, "sinceSeconds")?;
    let since_time = request.parameter("sinceTime");
    if let Some(text) = since_time.filter(|text| !matches!(*text, "" | "null")) {
        let read = time::read_seconds(text);
        read.map_err(|error| ApiError::bad_request(error.to_string()))?;
    }
    let tail_lines = integer_parameter(request, "tailLines")?;
    let limit_bytes = integer_parameter(request, "limitBytes")?;
    let mut errors = FieldErrors::new();
    let mut number = |name: &'static str, value: Option<i64>, least: i64, words: &str| {
        if let Some(value) = value.filter(|value| *value < least) {
            errors.invalid(&FieldPath::new(name), &Value::from(value), words);
        }
    };
    let words = "must be greater than or equal to 0";
    number("tailLines", tail_lines, 0, words);
    number("limitBytes", limit_bytes, 1, "must be greater than 0");
    if since_time.is_some() && since_seconds.is_some() {
        // Upstream prints no path at all as a list.
        errors.forbidden(
            &FieldPath::new("[]"),
            "at most one of `sinceTime` or `sinceSeconds` may be specified",
        );
    } else {
        number("sinceSeconds", since_seconds, 1, "must be greater than 0");
    }
    if request.parameter("stream").is_some() {
        errors.forbidden(&FieldPath::new("stream"), "may not be specified");
    }
    if errors.is_empty() {
        return Ok(());
    }
    let kind = GroupVersionKind::new("", "v1", "PodLogOptions");
    Err(ApiError::invalid(&kind, cx.name, &errors))
}

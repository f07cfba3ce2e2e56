//! `POST /-/logs?namespace=shop&pod=web&container=web&stream=stdout`: the body is what the
//! container has written now.
//!
//! *Upstream:* none.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use serde_json::json;

use crate::error::ApiError;
use crate::object::{GroupResource, Key};
use crate::registry::handle::method_not_allowed;
use crate::runtime::Place;
use crate::runtime::logs::Stream;
use crate::server::Door;
use crate::server::encode::{self, Answer};
use crate::server::filters::Asked;

/// Where.
pub(in crate::server) const PATH: &str = "/-/logs";

/// Appends to a log.
pub(in crate::server) fn answer(
    door: &Door,
    asked: &Asked,
    body: &Bytes,
) -> Result<Answer, ApiError> {
    if asked.method != Method::POST {
        return Err(method_not_allowed());
    }
    let said = |name: &str| {
        let mut all = asked.query.iter().filter(|(key, _)| key == name);
        all.next().map_or("", |(_, value)| value)
    };
    let namespace = match said("namespace") {
        "" => "default",
        namespace => namespace,
    };
    let stream = match said("stream") {
        "" | "stdout" => Stream::Stdout,
        "stderr" => Stream::Stderr,
        _ => return Err(ApiError::bad_request("stream: expected stdout or stderr")),
    };
    let (pods, name) = (GroupResource::new("", "pods"), said("pod"));
    let stored = door.registry.reader.get(&pods, &Key::new(namespace, name));
    let stored = stored.ok_or_else(|| ApiError::not_found(&pods, name))?;
    let pod = Arc::new(stored.object());
    let container = match said("container") {
        "" => pod.items(&["spec", "containers"])[0]["name"].as_str(),
        container => Some(container),
    };
    let place = Place::new(Arc::clone(&pod), container.unwrap_or(""));
    if place.spec().is_null() {
        let container = &place.container;
        let why = format!("container {container} is not valid for pod {name}");
        return Err(ApiError::bad_request(why));
    }
    if let Some(pods) = door.pods.get() {
        pods.logs.append(&place.instance(), stream, body);
    }
    let appended = json!({"bytes": body.len(), "container": place.container});
    let mut out = encode::plain_text(format!("{appended}\n"));
    let kind = HeaderValue::from_static("application/json");
    out.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(out)
}

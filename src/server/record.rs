//! The door's part of the audit: what it knows of a request, and what came of it.
//!
//! *Upstream:* `apiserver/pkg/endpoints/filters/{audit,authn_audit}.go`.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::filters::Asked;
use crate::audit::{Facts, Level, Trail};
use crate::error::ApiError;
use crate::object::{Object, yaml};
use crate::registry::{Body, Options, Registry, Request, Response, Verb, shape};
use crate::schema::{Resource, protobuf};

/// Where a request came from, the client first, as proxies and the socket say.
///
/// *Upstream:* `apimachinery/pkg/util/net/http.go` (`SourceIPs`).
pub(super) fn source_addresses(parts: &Parts) -> Vec<String> {
    let headers = &parts.headers;
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or("").to_owned()
    };
    let is_address = |text: &String| text.parse::<std::net::IpAddr>().is_ok();
    let forwarded = text("x-forwarded-for");
    let mut found: Vec<String> = forwarded
        .split(',')
        .map(|one| one.trim().to_owned())
        .filter(is_address)
        .collect();
    let last = [
        Some(text("x-real-ip")).filter(is_address),
        parts
            .extensions
            .get::<SocketAddr>()
            .map(|peer| peer.ip().to_string()),
    ];
    for address in last.into_iter().flatten() {
        if found.last() != Some(&address) {
            found.push(address);
        }
    }
    found
}

/// What is known of a request when it arrives.
pub(super) fn facts(asked: &Asked, id: &str, now: Timestamp) -> Facts {
    let agent = asked.headers.get(http::header::USER_AGENT);
    Facts {
        id: id.to_owned(),
        uri: asked
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        user_agent: agent
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
            .to_owned(),
        source_addresses: asked.source_addresses.clone(),
        received: now,
    }
}

/// By what somebody tried to say who they are, in vain.
pub(super) fn unauthenticated(headers: &HeaderMap, has_certificate: bool) -> Value {
    let header = headers.get(http::header::AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok()).unwrap_or("");
    let scheme = header
        .trim()
        .split_once(' ')
        .map_or("", |(scheme, _)| scheme);
    let mut tried = Vec::new();
    for known in ["basic", "bearer"] {
        if scheme.eq_ignore_ascii_case(known) {
            tried.push(known);
        }
    }
    if has_certificate {
        tried.push("x509");
    }
    let message = if tried.is_empty() {
        "Authentication failed, no credentials provided".to_owned()
    } else {
        format!("Authentication failed, attempted: {}", tried.join(", "))
    };
    json!({"metadata": {}, "message": message, "code": 401})
}

/// What was sent about a resource, as an object of its kind with its defaults.
pub(super) fn sent(
    trail: &Trail,
    registry: &Registry,
    resource: &Arc<Resource>,
    request: &Request,
) {
    let body = &request.body;
    let is_patch = request.verb == Verb::Patch;
    let object = || {
        if body.is_empty() || matches!(request.verb, Verb::Get | Verb::List | Verb::Watch) {
            return None;
        }
        let value = yaml::first_document(body).ok()?.value;
        if is_patch {
            return Some(value);
        }
        let mut object = Object::from_value(value)?;
        if !matches!(request.verb, Verb::Create | Verb::Update) {
            object.set_type("meta.k8s.io/__internal", "DeleteOptions");
        } else if request.target.subresource.is_empty() {
            let strategy = registry.kinds.strategy(&resource.storage);
            let options = Options::default();
            let cx = registry.context(request, resource, &options);
            shape::decoded(&cx, strategy, &mut object);
            object.set_type(&resource.group_version.to_string(), &resource.kind);
        } else if let Some(face) = resource.subresource(&request.target.subresource)
            && object.kind().is_empty()
        {
            object.set_type(&face.kind.group_version.to_string(), &face.kind.kind);
        }
        Some(object.into_value())
    };
    trail.sent(object, is_patch);
}

/// What was answered.
pub(super) fn succeeded(trail: &Trail, response: &Response) {
    if !trail.is_kept() {
        return;
    }
    let object = match &response.body {
        Body::Json(bytes) => read(bytes),
        Body::Chunks(chunks) if trail.level() == Level::RequestResponse => read(&chunks.concat()),
        _ => None,
    };
    let status = object
        .as_ref()
        .filter(|object| object["kind"] == "Status")
        .map_or_else(
            || status(response.code),
            |object| short(object, response.code),
        );
    trail.answered(status, || object);
}

/// A Status without its type.
fn short(whole: &Value, code: u16) -> Value {
    let mut out = Map::new();
    for field in ["metadata", "status", "message", "reason", "details"] {
        if let Some(value) = whole.get(field) {
            out.insert(field.to_owned(), value.clone());
        }
    }
    out.insert("code".to_owned(), code.into());
    Value::Object(out)
}

fn read(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes)
        .ok()
        .or_else(|| protobuf::to_json(bytes).ok())
}

/// What was refused.
pub(super) fn failed(trail: &Trail, error: &ApiError) {
    if trail.is_kept() {
        let whole = error.to_status();
        trail.answered(short(&whole, error.code()), || Some(whole));
    }
}

/// The status of an answer of which nothing is known but its code.
pub(super) fn status(code: u16) -> Value {
    json!({"metadata": {}, "code": code})
}

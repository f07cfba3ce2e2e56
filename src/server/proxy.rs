//! Requests that another API server answers, which is registered behind this one.
//!
//! The client is known and has been asked about by now; the other server is told who it is, and
//! decides for itself.
//!
//! *Upstream:* `kube-aggregator/pkg/apiserver/handler_proxy.go`,
//! `apimachinery/pkg/util/proxy/{upgradeaware,transport}.go`.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};

use super::Door;
use super::encode::{self, Answer, Payload};
use super::filters::Asked;
use super::path::{escape, escape_path};
use super::usage;
use super::websocket::Granted;
use crate::aggregate::{Registered, identify};
use crate::auth::User;
use crate::webhook::Target;

/// Headers that are about one connection only.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("keep-alive"),
    http::header::PROXY_AUTHENTICATE,
    http::header::PROXY_AUTHORIZATION,
    http::header::TE,
    http::header::TRAILER,
    TRANSFER_ENCODING,
];

/// How paths of other servers' `OpenAPI` documents begin.
const OPENAPI: &str = "/openapi/v3/apis/";

/// Who answers a request instead of this server, if anybody does.
pub(super) fn remote(door: &Door, asked: &Asked) -> Option<std::sync::Arc<Registered>> {
    door.aggregator.state()?;
    let rest = match asked.path.strip_prefix(OPENAPI) {
        Some(rest) => rest,
        None => asked.path.strip_prefix("/apis/")?,
    };
    let mut parts = rest.split('/');
    let (group, version) = (parts.next()?, parts.next()?);
    door.aggregator.remote(group, version)
}

/// Has somebody else answer.
pub(super) async fn answer(
    door: &Door,
    asked: &Asked,
    (remote, user): (&Registered, &User),
    body: Bytes,
) -> Answer {
    if remote.is_here {
        return usage::answer(door, asked);
    }
    let Some(target) = remote.target.as_ref().filter(|_| remote.is_available) else {
        return failed("service unavailable");
    };
    let Some(request) = request(asked, target, user, body) else {
        return encode::text(StatusCode::BAD_REQUEST, "400 Bad Request\n");
    };
    match door.registry.webhooks.forward(target, request).await {
        Ok(mut response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            let mut answer = Answer::new(Payload::whole(Bytes::new()));
            *answer.status_mut() = response.status();
            std::mem::swap(answer.headers_mut(), response.headers_mut());
            let granted = Granted(hyper::upgrade::on(&mut response));
            answer.extensions_mut().insert(granted);
            answer
        }
        Ok(response) => {
            let (mut parts, body) = response.into_parts();
            remove_hop_by_hop(&mut parts.headers);
            let mut answer = Answer::new(Payload::Page(axum::body::Body::new(body)));
            *answer.status_mut() = parts.status;
            *answer.headers_mut() = parts.headers;
            answer
        }
        Err(error) => failed(&format!("error trying to reach service: {error}")),
    }
}

fn failed(why: &str) -> Answer {
    let mut answer = encode::text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    let sniffed = HeaderValue::from_static("nosniff");
    answer
        .headers_mut()
        .insert("x-content-type-options", sniffed);
    answer
}

fn request(asked: &Asked, target: &Target, user: &User, body: Bytes) -> Option<Request<Bytes>> {
    let mut query = asked.query.clone();
    // Go encodes a query by its keys.
    query.sort_by(|one, other| one.0.cmp(&other.0));
    let query: Vec<String> = query
        .iter()
        .map(|(key, value)| format!("{}={}", escape(key), escape(value)))
        .collect();
    let mut url = format!("https://{}{}", target.server_name, escape_path(&asked.path));
    if !query.is_empty() {
        url = format!("{url}?{}", query.join("&"));
    }
    let mut request = Request::new(body);
    *request.method_mut() = asked.method.clone();
    *request.uri_mut() = url.parse().ok()?;
    let mut headers = asked.headers.clone();
    remove_hop_by_hop(&mut headers);
    if let Some(upgrade) = asked.headers.get(UPGRADE) {
        headers.insert(UPGRADE, upgrade.clone());
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    // Who asks has been found out; what they showed for it is for this server alone.
    headers.remove(AUTHORIZATION);
    headers.remove(HOST);
    headers.remove(http::header::CONTENT_LENGTH);
    let claims: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("impersonate-"))
        .cloned()
        .collect();
    for name in claims {
        headers.remove(name);
    }
    let through = asked.source_addresses.join(", ");
    if let (false, Ok(value)) = (through.is_empty(), HeaderValue::from_str(&through)) {
        headers.insert("x-forwarded-for", value);
    }
    identify(&mut headers, user);
    *request.headers_mut() = headers;
    Some(request)
}

pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

//! HTTP to a port of a pod: `pods/proxy` and `services/proxy`.
//!
//! Differs: `https` is not spoken to a pod, whose ports are in this process; bodies are not read
//! for addresses to be rewritten.
//!
//! *Upstream:* `apimachinery/pkg/util/proxy/{upgradeaware,transport}.go`.

use std::sync::Arc;

use futures_util::FutureExt;
use http::header::{AUTHORIZATION, CONNECTION, HOST, LOCATION, UPGRADE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::{Visit, bare};
use crate::error::ApiError;
use crate::server::encode::{Answer, Payload};
use crate::server::filters::Asked;
use crate::server::proxy::remove_hop_by_hop;
use crate::server::websocket::Granted;

/// Passes a request on.
pub(super) async fn answer(visit: &Visit<'_>, port: u16) -> Result<Answer, ApiError> {
    let asked = visit.asked;
    let is_reading = matches!(asked.method, Method::GET | Method::HEAD);
    let is_upgrade = asked.headers.contains_key(UPGRADE);
    if is_reading && !is_upgrade && rest(asked).is_empty() {
        let query = asked.uri.query().map(|query| format!("?{query}"));
        let to = format!("{}/{}", asked.uri.path(), query.unwrap_or_default());
        let mut out = bare(StatusCode::MOVED_PERMANENTLY);
        if let Ok(to) = HeaderValue::from_str(&to) {
            out.headers_mut().insert(LOCATION, to);
        }
        return Ok(out);
    }
    let pod = &visit.destination.pod;
    let address = pod.text(&["status", "podIP"]);
    let failed = |why: String| {
        let why = format!("error trying to reach service: {why}");
        ApiError::service_unavailable(why)
    };
    let refused = || {
        failed(format!(
            "dial tcp {address}:{port}: connect: connection refused"
        ))
    };
    let connection = visit.pods.runtime.connect(Arc::clone(pod), port).await;
    let connection = connection.ok_or_else(refused)?;
    let shaken = http1::handshake(TokioIo::new(connection)).await;
    let (mut sender, driver) = shaken.map_err(|error| failed(error.to_string()))?;
    let driver = driver.with_upgrades();
    // What goes wrong is seen by who waits for the answer.
    (visit.pods.spawn)(driver.map(|_| ()).boxed());
    let request = request(visit, address, port)?;
    let answered = sender.send_request(request).await;
    let mut response = answered.map_err(|_| failed("EOF".to_owned()))?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let mut out = bare(response.status());
        std::mem::swap(out.headers_mut(), response.headers_mut());
        out.extensions_mut()
            .insert(Granted(hyper::upgrade::on(&mut response)));
        return Ok(out);
    }
    let (mut parts, body) = response.into_parts();
    remove_hop_by_hop(&mut parts.headers);
    let mut out = Answer::new(Payload::Page(axum::body::Body::new(body)));
    *out.status_mut() = parts.status;
    *out.headers_mut() = parts.headers;
    Ok(out)
}

/// What follows the subresource in a path, as it was sent.
fn rest(asked: &Asked) -> &str {
    let target = &asked.location.target;
    let group = usize::from(!target.group.is_empty());
    let namespace = if target.namespace.is_empty() { 0 } else { 2 };
    // `api` and the version, then the resource, the name and the subresource.
    let segments = 2 + group + namespace + 3;
    let path = asked.uri.path();
    let end = path.match_indices('/').nth(segments);
    end.map_or("", |(at, _)| &path[at..])
}

fn request(
    visit: &Visit<'_>,
    address: &str,
    port: u16,
) -> Result<Request<Full<bytes::Bytes>>, ApiError> {
    let asked = visit.asked;
    let mut target = rest(asked).to_owned();
    if target.is_empty() {
        target.push('/');
    }
    if let Some(query) = asked.uri.query() {
        target = format!("{target}?{query}");
    }
    let mut request = Request::new(Full::new(visit.body.clone()));
    *request.method_mut() = asked.method.clone();
    *request.uri_mut() = target
        .parse()
        .map_err(|_| ApiError::bad_request("the path of the request is no path"))?;
    let mut headers = asked.headers.clone();
    remove_hop_by_hop(&mut headers);
    headers.remove(AUTHORIZATION);
    if let Some(upgrade) = asked.headers.get(UPGRADE) {
        headers.insert(UPGRADE, upgrade.clone());
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    headers.remove(http::header::CONTENT_LENGTH);
    let said = |name: &http::HeaderName| asked.headers.get(name).cloned();
    let through = asked.source_addresses.join(", ");
    for (name, value) in [
        ("x-forwarded-for", HeaderValue::from_str(&through).ok()),
        (
            "x-forwarded-uri",
            HeaderValue::from_str(asked.uri.path()).ok(),
        ),
        ("x-forwarded-host", said(&HOST)),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            headers.insert(name, value);
        }
    }
    if let Ok(host) = HeaderValue::from_str(&format!("{address}:{port}")) {
        headers.insert(HOST, host);
    }
    *request.headers_mut() = headers;
    Ok(request)
}

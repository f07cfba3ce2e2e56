//! How others check the tokens of service accounts themselves: who issues them, by which keys.
//!
//! *Upstream:* `pkg/routes/openidmetadata.go`.

use axum::extract::State;
use axum::response::Response;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::encode;
use super::pages::{Head, Pages, error, page};
use crate::error::{ApiError, Details};
use crate::registry::handle::method_not_allowed;

/// Where the discovery document is.
pub(super) const PATH: &str = "/.well-known/openid-configuration";
/// Where the keys are.
pub(super) const KEYS_PATH: &str = "/openid/v1/jwks";

const KEY_SET: &str = "application/jwk-set+json";

/// `/.well-known/openid-configuration`
pub(super) async fn configuration(State(pages): State<Pages>, head: Head) -> Response {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or(head.uri.authority().map(http::uri::Authority::as_str));
    let accounts = &pages.registry.access.authenticator.service_accounts;
    match accounts.configuration(host.unwrap_or("localhost")) {
        Some(document) => document_of(&head, &document, "application/json"),
        None => page(encode::not_found()),
    }
}

/// `/openid/v1/jwks`
pub(super) async fn keys(State(pages): State<Pages>, head: Head) -> Response {
    let accounts = &pages.registry.access.authenticator.service_accounts;
    document_of(&head, &accounts.key_set(), KEY_SET)
}

fn document_of(head: &Head, document: &Value, kind: &'static str) -> Response {
    if head.method != Method::GET {
        return error(head, &method_not_allowed());
    }
    if !accepts(head, kind) {
        let message = format!("406: Not Acceptable\n\nAvailable representations: {kind}");
        let refusal = ApiError::not_acceptable(message).with_details(Details::default());
        return error(head, &refusal);
    }
    let mut out = encode::text(StatusCode::OK, document.to_string());
    let headers = out.headers_mut();
    headers.remove(X_CONTENT_TYPE_OPTIONS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=3600"),
    );
    page(out)
}

/// Whether a client takes a media type; one that says nothing takes any.
fn accepts(head: &Head, kind: &str) -> bool {
    let accept = head
        .headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    accept.is_none_or(|accept| {
        accept.is_empty()
            || accept.split(',').any(|one| {
                let one = one.split(';').next().unwrap_or("").trim();
                one == "*/*" || one == kind
            })
    })
}

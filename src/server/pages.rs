//! Documents: everything served that is no resource, each under a route of its own.
//!
//! *Upstream:* `apiserver/pkg/server/routes`, `apiserver/pkg/endpoints/discovery`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::any;
use bytes::{Buf, Bytes};
use http::{HeaderValue, Method};
use jiff::Timestamp;
use parking_lot::Mutex;
use tower::ServiceExt;

use super::encode::{self, Answer, Payload};
use super::filters::Asked;
use super::metrics::Metrics;
use super::negotiate::{self, Endpoint};
use super::{discovery, health, oidc, openapi, path};
use crate::aggregate::Aggregator;
use crate::error::{ApiError, Details};
use crate::registry::Registry;
use crate::registry::handle::method_not_allowed;
use crate::schema::publish::{Document, Publisher};

/// What documents are made of.
#[derive(Clone)]
pub(super) struct Pages {
    pub(super) registry: Arc<Registry>,
    pub(super) aggregator: Arc<Aggregator>,
    metrics: Arc<Metrics>,
    pub(super) discovery: Arc<discovery::Kept>,
    pub(super) publisher: Arc<Publisher>,
    pub(super) merged: Arc<Mutex<Option<Merged>>>,
    modified: Arc<Mutex<BTreeMap<String, Version>>>,
    /// How often `/metrics/slis` was asked for: nothing else counts the checks.
    slis_asked: Arc<AtomicU64>,
}

/// A document with what others say, and the states of the catalog and of those others.
type Merged = ((u64, u64), Document);

/// A version of a document: its hash, and when it was first asked for.
type Version = (String, Timestamp);

impl Pages {
    /// Since when the document of a path is as its hash says.
    pub(super) fn modified(&self, path: &str, hash: &str) -> Timestamp {
        let mut known = self.modified.lock();
        match known.get(path) {
            Some((kept, since)) if kept == hash => *since,
            _ => {
                let now = self.registry.clock.now();
                known.insert(path.to_owned(), (hash.to_owned(), now));
                now
            }
        }
    }
}

/// What a page may know of the request.
pub(super) type Head = http::request::Parts;

/// The routes.
pub(super) fn router(
    registry: &Arc<Registry>,
    aggregator: &Arc<Aggregator>,
    metrics: &Arc<Metrics>,
) -> axum::Router {
    let mut router = axum::Router::new()
        .route("/", any(discovery::index))
        .route("/index.html", any(discovery::index))
        .route("/api", any(discovery::api))
        .route("/api/{version}", any(discovery::core_version))
        .route("/apis", any(discovery::apis))
        .route("/apis/{group}", any(discovery::group))
        .route("/apis/{group}/{version}", any(discovery::group_version))
        .route("/openapi/v2", any(openapi::v2))
        .route("/openapi/v3", any(openapi::index))
        .route("/openapi/v3/", any(openapi::nothing))
        .route("/openapi/v3/{*path}", any(openapi::version))
        .route("/version", any(version))
        .route(oidc::PATH, any(oidc::configuration))
        .route(oidc::KEYS_PATH, any(oidc::keys))
        .route("/metrics", any(metrics_page))
        .route("/metrics/slis", any(slis));
    for kind in ["healthz", "livez", "readyz"] {
        let whole = move |head: Head| async move { page(health::answer(kind, "", &query(&head))) };
        let single =
            move |Path(check): Path<String>| async move { page(health::answer(kind, &check, &[])) };
        router = router
            .route(&format!("/{kind}"), any(whole))
            .route(&format!("/{kind}/{{*check}}"), any(single));
    }
    router
        .route("/version/{*path}", any(no_resource))
        .fallback(|| async { page(encode::not_found()) })
        .with_state(Pages {
            registry: Arc::clone(registry),
            aggregator: Arc::clone(aggregator),
            metrics: Arc::clone(metrics),
            discovery: Arc::default(),
            publisher: Arc::default(),
            merged: Arc::default(),
            modified: Arc::default(),
            slis_asked: Arc::default(),
        })
}

/// Answers a request for a document.
pub(super) async fn answer(router: &axum::Router, asked: &Asked) -> Answer {
    let mut request = http::Request::new(axum::body::Body::empty());
    let trimmed = match asked.path.trim_end_matches('/') {
        path if path == "/apis" && asked.path != "/apis/" => &asked.path,
        path if path.starts_with("/api")
            || matches!(path, "/version" | oidc::PATH | oidc::KEYS_PATH) =>
        {
            path
        }
        _ => &asked.path,
    };
    let query: Vec<String> = asked
        .query
        .iter()
        .map(|(key, value)| format!("{}={}", path::escape(key), path::escape(value)))
        .collect();
    let target = format!("{}?{}", path::escape_path(trimmed), query.join("&"));
    let Ok(uri) = target.parse() else {
        return encode::not_found();
    };
    *request.uri_mut() = uri;
    *request.method_mut() = asked.method.clone();
    *request.headers_mut() = asked.headers.clone();
    match router.clone().oneshot(request).await {
        Ok(response) => response.map(Payload::Page),
        Err(never) => match never {},
    }
}

/// Whether a path leads into a group that is not built in.
pub(super) fn is_nowhere(registry: &Registry, asked: &Asked) -> bool {
    let trimmed = asked.path.trim_end_matches('/');
    if asked.path.starts_with("//") || !trimmed.starts_with("/api") {
        return true;
    }
    let group = trimmed
        .strip_prefix("/apis/")
        .map_or("", |rest| rest.split('/').next().unwrap_or(""));
    let state = registry.catalog.state();
    let is_core = trimmed.starts_with("/api/") || trimmed == "/api";
    !is_core
        && !state
            .order
            .iter()
            .any(|gv| !group.is_empty() && *gv.group == *group)
}

/// An answer in the router's hands.
pub(super) fn page(answer: Answer) -> axum::response::Response {
    let (parts, payload) = answer.into_parts();
    let bytes = match payload {
        Payload::Whole(Some(mut piece)) => piece.copy_to_bytes(piece.length()),
        Payload::Page(page) => return http::Response::from_parts(parts, page),
        _ => Bytes::new(),
    };
    http::Response::from_parts(parts, axum::body::Body::from(bytes)).into_response()
}

pub(super) fn query(head: &Head) -> Vec<(String, String)> {
    head.uri.query().map(path::query).unwrap_or_default()
}

/// An error instead of a document.
pub(super) fn error(head: &Head, error: &ApiError) -> axum::response::Response {
    page(encode::error(error, &head.headers, &query(head)))
}

/// A document in JSON, as negotiated; only for reading.
pub(super) fn document(head: &Head, json: impl Into<Bytes>) -> axum::response::Response {
    if head.method != Method::GET {
        return error(head, &method_not_allowed());
    }
    match negotiate::output(&head.headers, &query(head), Endpoint::Document) {
        Ok(media) => page(encode::json(json.into(), media, &head.headers)),
        Err(refusal) => error(head, &refusal.error(Endpoint::Document, false)),
    }
}

/// A document that the real server's aggregator answers, whatever the method.
pub(super) fn any_method(head: &Head, json: impl Into<Bytes>) -> axum::response::Response {
    match negotiate::output(&head.headers, &query(head), Endpoint::Plain) {
        Ok(media) => page(encode::json(json.into(), media, &head.headers)),
        Err(refusal) => error(head, &refusal.error(Endpoint::Plain, false)),
    }
}

/// `/version`: the version that is emulated, as Kubernetes says it when it is built from its
/// published modules. It is indented whoever asks.
///
/// Differs: no Go compiler made this server; clients that look at these take them for facts of the
/// version.
async fn version(head: Head) -> axum::response::Response {
    const VERSION: &str = r#"{
  "major": "1",
  "minor": "37",
  "emulationMajor": "1",
  "emulationMinor": "37",
  "minCompatibilityMajor": "1",
  "minCompatibilityMinor": "36",
  "gitVersion": "v1.37.0",
  "gitCommit": "$Format:%H$",
  "gitTreeState": "",
  "buildDate": "1970-01-01T00:00:00Z",
  "goVersion": "go1.26.8",
  "compiler": "gc",
  "platform": "linux/amd64"
}"#;
    if head.method != Method::GET {
        return error(&head, &method_not_allowed());
    }
    if !negotiate::routes_json(&head.headers) {
        let why = "406: Not Acceptable\n\nAvailable representations: application/json";
        let refusal = ApiError::not_acceptable(why).with_details(Details::default());
        return error(&head, &refusal);
    }
    indented(VERSION)
}

/// JSON that is indented whoever asks.
pub(super) fn indented(json: impl Into<Bytes>) -> axum::response::Response {
    let mut out = encode::plain_text(json);
    let kind = HeaderValue::from_static("application/json");
    out.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    page(out)
}

/// Below a document that has nothing below it.
async fn no_resource(head: Head) -> axum::response::Response {
    error(&head, &ApiError::path_not_found())
}

/// `/metrics`; DELETE begins counting anew.
async fn metrics_page(State(pages): State<Pages>, head: Head) -> axum::response::Response {
    if head.method == Method::DELETE {
        pages.metrics.reset();
        return page(encode::plain_text("metrics reset\n"));
    }
    page(prometheus(pages.metrics.render()))
}

/// `/metrics/slis`: how the checks of health went.
async fn slis(State(pages): State<Pages>) -> axum::response::Response {
    let asked = pages.slis_asked.fetch_add(1, Ordering::Relaxed) + 1;
    page(prometheus(health::slis(asked)))
}

/// Metrics in the text format of Prometheus.
fn prometheus(text: String) -> Answer {
    let mut out = encode::plain_text(text);
    let kind = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
    let kind = HeaderValue::from_static(kind);
    out.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    out
}

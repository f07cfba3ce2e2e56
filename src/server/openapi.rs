//! `/openapi/v2` and `/openapi/v3`: what objects may be, for clients that ask.
//!
//! *Upstream:* `kube-openapi/pkg/{handler,handler3}`.

use axum::extract::{Path, State};
use axum::response::Response;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, EXPIRES, LOCATION, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::discovery::is_known;
use super::encode::{self, Answer, Payload};
use super::negotiate;
use super::pages::{self, Head, Pages};
use crate::schema::publish::Document;

/// `/openapi/v3`: the list of documents.
pub(super) async fn index(State(pages): State<Pages>, head: Head) -> Response {
    let state = pages.registry.catalog.state();
    let document = pages.publisher.index(&state);
    if head.method != http::Method::GET {
        return pages::page(encode::not_found());
    }
    let mut answer = Answer::new(Payload::whole(document.json()));
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    pages::page(answer)
}

/// `/openapi/v3/PATH`: one group version.
pub(super) async fn version(
    State(pages): State<Pages>,
    Path(path): Path<String>,
    head: Head,
) -> Response {
    let state = pages.registry.catalog.state();
    let Some(document) = pages.publisher.document(&state, &path) else {
        return empty(StatusCode::NOT_FOUND, HeaderMap::new());
    };
    let query = pages::query(&head);
    let asked = query.iter().find(|(key, _)| key == "hash");
    let Some((_, hash)) = asked.filter(|(_, hash)| !hash.is_empty()) else {
        return send(&document, &head);
    };
    if *hash != document.hash {
        let mut headers = tagged(&document);
        let place = format!("/openapi/v3/{path}?hash={}", document.hash);
        if let Ok(place) = HeaderValue::from_str(&place) {
            headers.insert(LOCATION, place);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return empty(StatusCode::MOVED_PERMANENTLY, headers);
    }
    let mut answer = send(&document, &head);
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
    let until = pages.registry.clock.now().as_second() + 365 * 24 * 3600;
    let until = jiff::Timestamp::from_second(until).unwrap_or_default();
    let text = until.strftime("%a, %d %b %Y %H:%M:%S UTC").to_string();
    if let Ok(text) = HeaderValue::from_str(&text) {
        headers.insert(EXPIRES, text);
    }
    answer
}

/// `/openapi/v2`: everything in one.
pub(super) async fn v2(State(pages): State<Pages>, head: Head) -> Response {
    let state = pages.registry.catalog.state();
    send(&pages.publisher.v2(&state), &head)
}

/// A document, unless the client has it or cannot read it.
fn send(document: &Document, head: &Head) -> Response {
    let mut headers = tagged(document);
    if head.method != http::Method::GET && head.method != http::Method::HEAD {
        return pages::page(encode::not_found());
    }
    // Differs: the real server has a protobuf form of each document too.
    if !negotiate::reads_json(&head.headers) {
        headers.remove(ETAG);
        return empty(StatusCode::NOT_ACCEPTABLE, headers);
    }
    if headers
        .get(ETAG)
        .is_some_and(|etag| is_known(&head.headers, etag))
    {
        return empty(StatusCode::NOT_MODIFIED, headers);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let gzip = encode::accepts_gzip(&head.headers)
        .then(|| document.gzip())
        .flatten();
    let payload = match gzip {
        Some(bytes) => {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
            Payload::whole(bytes)
        }
        None => Payload::whole(document.json()),
    };
    let mut answer = Answer::new(payload);
    *answer.headers_mut() = headers;
    pages::page(answer)
}

/// The headers by which a document is told from its next version.
fn tagged(document: &Document) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.append(VARY, HeaderValue::from_static("Accept"));
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", document.hash)) {
        headers.insert(ETAG, etag);
    }
    headers
}

fn empty(code: StatusCode, headers: HeaderMap) -> Response {
    let mut answer = Answer::new(Payload::empty());
    *answer.status_mut() = code;
    *answer.headers_mut() = headers;
    pages::page(answer)
}

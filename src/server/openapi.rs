//! `/openapi/v2` and `/openapi/v3`: what objects may be, for clients that ask.
//!
//! *Upstream:* `kube-openapi/pkg/{handler,handler3}`.

use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, EXPIRES, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::discovery::is_known;
use super::encode::{self, Answer, Payload};
use super::negotiate;
use super::pages::{self, Head, Pages};
use crate::aggregate;
use crate::schema::publish::{Document, protobuf};

/// `/openapi/v3`: the list of documents, made anew for everybody.
pub(super) async fn index(State(pages): State<Pages>, head: Head) -> Response {
    let state = pages.registry.catalog.state();
    let mut document = pages.publisher.index(&state).json();
    if let Some(registered) = pages.aggregator.state() {
        document = with_others(&document, &registered);
    }
    let now = pages.registry.clock.now();
    let mut headers = HeaderMap::new();
    headers.insert(LAST_MODIFIED, http_time(now));
    if is_older(&head, now) {
        return empty(StatusCode::NOT_MODIFIED, headers);
    }
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, text);
    let mut answer = Answer::new(Payload::whole(document));
    *answer.headers_mut() = headers;
    pages::page(answer)
}

/// The index with the documents of servers that are registered beside this one.
fn with_others(index: &[u8], registered: &aggregate::State) -> Bytes {
    let mut index: Value = serde_json::from_slice(index).unwrap_or_default();
    for (version, one) in &registered.versions {
        if let Some(url) = &one.openapi {
            index["paths"][format!("apis/{version}")] = json!({ "serverRelativeURL": url });
        }
    }
    index.to_string().into()
}

/// `/openapi/v3/` and nothing after it.
pub(super) async fn nothing() -> Response {
    empty(StatusCode::NOT_FOUND, HeaderMap::new())
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
        return send(&pages, &path, &document, &head);
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
    let mut answer = send(&pages, &path, &document, &head);
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
    let year = jiff::SignedDuration::from_hours(365 * 24);
    let until = pages.registry.clock.now().saturating_add(year);
    headers.insert(EXPIRES, time(until.unwrap_or_default(), "UTC"));
    answer
}

/// `/openapi/v2`: everything in one.
pub(super) async fn v2(State(pages): State<Pages>, head: Head) -> Response {
    let state = pages.registry.catalog.state();
    let mut document = pages.publisher.v2(&state);
    if pages.aggregator.state().is_some() {
        document = merged(&pages, &document, state.generation);
    }
    let mut answer = send(&pages, "", &document, &head);
    let gzip = HeaderValue::from_static("Accept-Encoding");
    answer.headers_mut().append(VARY, gzip);
    answer
}

/// The document with what is registered beside this server, made once for each state of both.
fn merged(pages: &Pages, own: &Document, generation: u64) -> Document {
    let generation = (generation, pages.aggregator.generation());
    let mut kept = pages.merged.lock();
    match &*kept {
        Some((of, document)) if *of == generation => document.clone(),
        _ => {
            let mut value: Value = serde_json::from_slice(&own.json()).unwrap_or_default();
            pages.aggregator.merge_swagger(&mut value);
            let document = Document::made(&value);
            *kept = Some((generation, document.clone()));
            document
        }
    }
}

/// A document, unless the client has it or cannot read it. Any method gets it, as from Go's
/// `http.ServeContent`.
fn send(pages: &Pages, path: &str, document: &Document, head: &Head) -> Response {
    let mut headers = tagged(document);
    // Only the documents of group versions have a path.
    let (version, write): (_, fn(&Value) -> Vec<u8>) = match path {
        "" => ("v2", protobuf::v2),
        _ => ("v3", protobuf::v3),
    };
    let Some(is_protobuf) = negotiate::reads_protobuf_document(&head.headers, version) else {
        headers.remove(ETAG);
        return empty(StatusCode::NOT_ACCEPTABLE, headers);
    };
    let modified = pages.modified(path, &document.hash);
    let is_known = match headers.get(ETAG) {
        Some(etag) if head.headers.contains_key(IF_NONE_MATCH) => is_known(&head.headers, etag),
        _ => is_older(head, modified),
    };
    if is_known {
        return empty(StatusCode::NOT_MODIFIED, headers);
    }
    let content = if is_protobuf {
        format!("application/com.github.proto-openapi.spec.{version}.v1.0+protobuf").try_into()
    } else {
        Ok(HeaderValue::from_static("application/json"))
    };
    headers.extend(content.ok().map(|content| (CONTENT_TYPE, content)));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(LAST_MODIFIED, http_time(modified));
    let payload = if is_protobuf {
        Payload::whole(document.protobuf(write))
    } else if encode::accepts_gzip(&head.headers) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        Payload::whole(document.gzip())
    } else {
        Payload::whole(document.json())
    };
    let mut answer = Answer::new(payload);
    *answer.headers_mut() = headers;
    pages::page(answer)
}

/// Whether the client has what was there at a time, by `If-Modified-Since`.
fn is_older(head: &Head, modified: Timestamp) -> bool {
    let reads = head.method == http::Method::GET || head.method == http::Method::HEAD;
    let since = head.headers.get(IF_MODIFIED_SINCE);
    let since = since.and_then(|value| value.to_str().ok());
    let since = since.and_then(|text| text.strip_suffix(" GMT"));
    let since = since.and_then(|text| DateTime::strptime("%a, %d %b %Y %H:%M:%S", text).ok());
    let since = since.and_then(|time| time.to_zoned(TimeZone::UTC).ok());
    reads && since.is_some_and(|since| modified.as_second() <= since.timestamp().as_second())
}

/// A time as HTTP headers write it.
fn http_time(at: Timestamp) -> HeaderValue {
    time(at, "GMT")
}

fn time(at: Timestamp, zone: &str) -> HeaderValue {
    let text = format!("{} {zone}", at.strftime("%a, %d %b %Y %H:%M:%S"));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
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

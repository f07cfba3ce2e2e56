//! Answers and errors as HTTP: the only place that makes a response.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/responsewriters/{writers,errors}.go`.

pub mod body;
mod pretty;
pub(super) mod unasked;
mod yaml;

use std::io::Write;

pub use body::Payload;
use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY, WARNING,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::negotiate::{self, Encoding, Endpoint, Media};
use super::watch::Events;
use crate::error::{ApiError, Reason};
use crate::registry::{Body, Chunk, Response};
use crate::schema::protobuf;

/// An answer on its way out.
pub type Answer = http::Response<Payload>;

/// Bodies longer than this are compressed for who asks.
const GZIP_MIN_BYTES: usize = 128 * 1024;

/// How long all warnings of an answer may be before each is cut.
const WARNINGS_CHARS_MAX: usize = 4 * 1024;

/// How long a warning is when it is cut.
const WARNING_CHARS_CUT: usize = 256;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROTOBUF: HeaderValue = HeaderValue::from_static(negotiate::PROTOBUF);
const PROTOBUF_STREAM: HeaderValue =
    HeaderValue::from_static("application/vnd.kubernetes.protobuf;stream=watch");
const YAML: HeaderValue = HeaderValue::from_static("application/yaml");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// An answer of the corridor, in the encoding that was negotiated.
pub fn answer(response: Response, media: Media, headers: &HeaderMap) -> Answer {
    let mut out = match response.body {
        Body::Json(bytes) => json(bytes, media, headers),
        Body::Chunks(chunks) => list(chunks, media, headers),
        Body::Protobuf(pieces) => messages(pieces, headers),
        Body::Events(events) => {
            let kind = match media.encoding {
                Encoding::Protobuf => PROTOBUF_STREAM,
                Encoding::Json | Encoding::Yaml => JSON,
            };
            with_type(Payload::Events(Events::new(events)), kind)
        }
        // The door has led there by now.
        Body::Pod(_) => not_found(),
        Body::Text(bytes) if bytes.is_empty() => http::Response::new(Payload::whole(bytes)),
        Body::Text(bytes) => with_type(
            Payload::whole(bytes),
            HeaderValue::from_static("text/plain"),
        ),
    };
    *out.status_mut() = StatusCode::from_u16(response.code).unwrap_or(StatusCode::OK);
    if !response.warnings.is_empty() {
        add_warnings(out.headers_mut(), &response.warnings);
    }
    out
}

/// A document in JSON, in the encoding that was negotiated.
pub fn json(bytes: Bytes, media: Media, headers: &HeaderMap) -> Answer {
    if media.encoding == Encoding::Json && !media.is_pretty {
        if bytes.len() > GZIP_MIN_BYTES && accepts_gzip(headers) {
            return gzipped(&[bytes], JSON);
        }
        return with_type(Payload::line(bytes), JSON);
    }
    let Some((bytes, kind)) = reencode(&bytes, media) else {
        let why = "406: Not Acceptable\n\nAvailable representations: application/json";
        return error(&ApiError::not_acceptable(why), headers, &[]);
    };
    if bytes.len() > GZIP_MIN_BYTES && accepts_gzip(headers) {
        return gzipped(&[bytes], kind);
    }
    with_type(Payload::whole(bytes), kind)
}

/// A body of protobuf.
fn messages(pieces: Vec<Bytes>, headers: &HeaderMap) -> Answer {
    let length: usize = pieces.iter().map(Bytes::len).sum();
    if length > GZIP_MIN_BYTES && accepts_gzip(headers) {
        return gzipped(&pieces, PROTOBUF);
    }
    let pieces = pieces.into_iter().map(Chunk::from).collect();
    with_type(Payload::chunks(pieces), PROTOBUF)
}

/// A list in chunks, which stay apart unless they must be one.
fn list(mut chunks: Vec<Chunk>, media: Media, headers: &HeaderMap) -> Answer {
    let length: usize = chunks.iter().map(|chunk| chunk.as_ref().len()).sum();
    let is_compact = media.encoding == Encoding::Json && !media.is_pretty;
    if !is_compact {
        let mut whole = BytesMut::with_capacity(length);
        for chunk in &chunks {
            whole.extend_from_slice(chunk.as_ref());
        }
        return json(whole.freeze(), media, headers);
    }
    if length > GZIP_MIN_BYTES && accepts_gzip(headers) {
        return gzipped(&chunks, JSON);
    }
    chunks.push(Bytes::from_static(b"\n").into());
    with_type(Payload::chunks(chunks), JSON)
}

/// JSON in another encoding, and its media type; `None` for what has no protobuf.
fn reencode(json: &[u8], media: Media) -> Option<(Bytes, HeaderValue)> {
    let value = || crate::object::json::read(json);
    Some(match media.encoding {
        Encoding::Json => (pretty::indent(json).into(), JSON),
        Encoding::Yaml => (yaml::write(&value()).into(), YAML),
        Encoding::Protobuf => (protobuf::from_json(&value())?.into(), PROTOBUF),
    })
}

fn with_type(payload: Payload, kind: HeaderValue) -> Answer {
    let mut out = Answer::new(payload);
    out.headers_mut().insert(CONTENT_TYPE, kind);
    out
}

fn gzipped(chunks: &[impl AsRef<[u8]>], kind: HeaderValue) -> Answer {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for chunk in chunks {
        // A vector takes whatever is written.
        let _ = encoder.write_all(chunk.as_ref());
    }
    let mut out = with_type(Payload::whole(encoder.finish().unwrap_or_default()), kind);
    let headers = out.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    out
}

/// Whether the client reads what is compressed.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|token| token.trim() == "gzip"))
}

/// An error as a Status, in an encoding the client reads if there is one.
pub fn error(error: &ApiError, headers: &HeaderMap, query: &[(String, String)]) -> Answer {
    let status = Bytes::from(error.to_status().to_string());
    let mut out = match negotiate::output(headers, query, Endpoint::Plain) {
        Ok(media) => json(status, media, headers),
        // What the client reads is not known: JSON for humans.
        Err(_) => with_type(Payload::whole(pretty::indent(&status)), JSON),
    };
    *out.status_mut() =
        StatusCode::from_u16(error.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(seconds) = error.retry_after_seconds() {
        out.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    if !error.warnings().is_empty() {
        add_warnings(out.headers_mut(), error.warnings());
    }
    if error.reason() == Reason::Forbidden {
        out.headers_mut()
            .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    out
}

/// Text that is what was asked for.
pub fn plain_text(text: impl Into<Bytes>) -> Answer {
    with_type(Payload::whole(text), TEXT)
}

/// A line of text, as Go's `http.Error` answers it.
pub fn text(code: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut out = with_type(Payload::whole(text), TEXT);
    *out.status_mut() = code;
    out.headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out
}

/// Nothing is served under the path.
pub fn not_found() -> Answer {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// Adds a header for each warning; where they are too long together, each is cut.
///
/// *Upstream:* `apiserver/pkg/endpoints/filters/warning.go`.
fn add_warnings(headers: &mut HeaderMap, warnings: &[String]) {
    let total: usize = warnings.iter().map(|text| text.chars().count()).sum();
    let is_cut = total > WARNINGS_CHARS_MAX;
    let mut written = 0;
    for text in warnings {
        if text.is_empty() || text.chars().any(char::is_control) {
            continue;
        }
        if is_cut && written >= WARNINGS_CHARS_MAX {
            break;
        }
        let limit = if is_cut {
            WARNING_CHARS_CUT
        } else {
            usize::MAX
        };
        let mut out = String::from("299 - \"");
        for character in text.chars().take(limit) {
            if matches!(character, '"' | '\\') {
                out.push('\\');
            }
            out.push(character);
            written += 1;
        }
        out.push('"');
        if let Ok(value) = HeaderValue::from_bytes(out.as_bytes()) {
            headers.append(WARNING, value);
        }
    }
}

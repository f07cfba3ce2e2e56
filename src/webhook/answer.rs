//! What came back, in the words of client-go.
//!
//! *Upstream:* `client-go/rest/request.go` (`transformResponse`, `Result.Into`),
//! `apimachinery/pkg/api/errors/errors.go` (`NewGenericServerResponse`).

use http::response::Parts;
use serde_json::Value;

use crate::error::{ApiError, Cause, Details, Reason};
use crate::object::json::go_name;
use crate::object::quote::quoted;
use crate::object::yaml;

/// How much of an answer that is not JSON is quoted.
const QUOTE_BYTES_MAX: usize = 2048;

/// Why a call came to nothing.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What happened, as Go words it.
    pub message: String,
    /// What the other side answered, where it answered and refused.
    pub status: Option<ApiError>,
    /// Whether it took too long.
    pub is_timeout: bool,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// There was no answer.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            status: None,
            is_timeout: false,
        }
    }

    /// The same, since it took too long.
    pub(super) fn in_vain(mut self) -> Self {
        self.is_timeout = true;
        self
    }

    fn refused(status: ApiError) -> Self {
        Self {
            message: status.message().to_owned(),
            status: Some(status),
            is_timeout: false,
        }
    }

    /// Whether client-go would try again.
    ///
    /// *Upstream:* `apiserver/pkg/util/webhook/webhook.go` (`DefaultShouldRetry`).
    pub fn is_passing(&self) -> bool {
        let Some(status) = &self.status else {
            return self.message.ends_with("connection reset by peer");
        };
        matches!(status.code(), 500 | 504 | 429) || status.retry_after_seconds().is_some()
    }
}

/// Whether it is a success.
pub(super) fn check(head: &Parts, body: &[u8]) -> Result<(), Failure> {
    if (200..=206).contains(&head.status.as_u16()) {
        return Ok(());
    }
    Err(Failure::refused(refusal(head, media(head), body)))
}

fn media(head: &Parts) -> &str {
    let media = head.headers.get("content-type");
    media.and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// The answer's object, or why there is none.
pub(super) fn interpret(head: &Parts, body: &[u8]) -> Result<Value, Failure> {
    check(head, body)?;
    let (code, media) = (head.status.as_u16(), media(head));
    if body.is_empty() {
        return Err(Failure::unreachable(format!(
            "0-length response with status code: {code} and content type: {media}"
        )));
    }
    let value = serde_json::from_slice(body).unwrap_or_else(|_| {
        // Upstream takes what is no JSON for YAML, and most texts are a string there.
        yaml::first_document(body).map_or_else(
            |_| Value::String(String::from_utf8_lossy(body).into_owned()),
            |document| document.value,
        )
    });
    if value.is_object() || value.is_null() {
        return Ok(value);
    }
    Err(Failure::unreachable(format!(
        "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of \
         type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \
         \"json:\\\"kind,omitempty\\\"\" }}",
        go_name(&value)
    )))
}

/// An answer that is no success.
fn refusal(head: &Parts, media: &str, body: &[u8]) -> ApiError {
    let code = head.status.as_u16();
    if let Some(status) = own_status(body, code) {
        return status;
    }
    // Who does not say what it is has said it in words.
    let is_text = media.is_empty() || media.starts_with("text/");
    let quote = &body[..body.len().min(QUOTE_BYTES_MAX)];
    let said = if is_text {
        String::from_utf8_lossy(quote).trim().to_owned()
    } else {
        "unknown".to_owned()
    };
    let (reason, message) = words(code, &said);
    let retry = head.headers.get("retry-after");
    let retry = retry.and_then(|value| value.to_str().ok()?.parse().ok());
    let is_busy = code == 429 || code >= 500;
    ApiError::new(reason, message)
        .with_code(code)
        .with_details(Details {
            causes: vec![Cause {
                reason: "UnexpectedServerResponse".to_owned(),
                message: said,
                field: String::new(),
            }],
            retry_after_seconds: retry.filter(|_| is_busy).unwrap_or(0),
            ..Details::default()
        })
}

/// A `Status` that the other side sent itself.
fn own_status(body: &[u8], code: u16) -> Option<ApiError> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let is_status = value["kind"] == "Status" && value["apiVersion"] == "v1";
    if !is_status || value["status"] == "Success" {
        return None;
    }
    let status = ApiError::from_status(&value);
    Some(match value["code"].as_u64() {
        Some(_) => status,
        None => status.with_code(code),
    })
}

/// client-go's words for a code.
fn words(code: u16, said: &str) -> (Reason, String) {
    let (reason, text) = match code {
        400 => (
            Reason::BadRequest,
            "the server rejected our request for an unknown reason",
        ),
        401 => (
            Reason::Unauthorized,
            "the server has asked for the client to provide credentials",
        ),
        403 => (Reason::Forbidden, said),
        404 => (
            Reason::NotFound,
            "the server could not find the requested resource",
        ),
        405 => (
            Reason::MethodNotAllowed,
            "the server does not allow this method on the requested resource",
        ),
        406 if said.is_empty() || said == "unknown" => (
            Reason::NotAcceptable,
            "the server was unable to respond with a content type that the client supports",
        ),
        406 => (Reason::NotAcceptable, said),
        409 => (Reason::AlreadyExists, "the server reported a conflict"),
        415 => (Reason::UnsupportedMediaType, said),
        422 => (
            Reason::Invalid,
            "the server rejected our request due to an error in our request",
        ),
        429 => (
            Reason::TooManyRequests,
            "the server has received too many requests and has asked us to try again later",
        ),
        503 => (
            Reason::ServiceUnavailable,
            "the server is currently unable to handle the request",
        ),
        504 => (
            Reason::Timeout,
            "the server was unable to return a response in the time allotted, but may still be \
             processing the request",
        ),
        500.. => {
            let why = format!(
                "an error on the server ({}) has prevented the request from succeeding",
                quoted(said)
            );
            return (Reason::InternalError, why);
        }
        _ => {
            let why = format!(
                "the server responded with the status code {code} but did not return more \
                 information"
            );
            return (Reason::Unknown, why);
        }
    };
    (reason, text.to_owned())
}

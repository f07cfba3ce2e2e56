//! The body of a request: read within limits, or thrown away within limits, so that the connection
//! stays in step.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/rest.go` (`limitedReadBody`), Go's `net/http`
//! (`chunkWriter.writeHeader`) for bodies that nobody reads.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::EXPECT;
use http::request::Parts;
use http_body_util::BodyExt;

use crate::error::ApiError;
use crate::server::Limits;

/// How long a client may take to send a body.
pub(in crate::server) const PATIENCE: Duration = Duration::from_mins(1);

/// How long is waited for the rest of a body that nobody reads.
const DISCARD_PATIENCE: Duration = Duration::from_secs(5);

/// How much is read of the body of a request that is welcome, taken or thrown away.
const READ_BYTES_MAX: usize = 32 << 20;

/// How much is read of a body that nobody wants; Go's own limit.
const DISCARDED_BYTES_MAX: usize = 256 << 10;

/// A body that could not be read.
#[derive(Debug)]
pub(in crate::server) struct Unread {
    /// Why.
    pub(in crate::server) error: ApiError,
    /// Whether the client may still be sending it, so that the connection is of no more use.
    pub(in crate::server) is_cut_off: bool,
}

impl Unread {
    fn cut_off(error: ApiError) -> Self {
        Self {
            error,
            is_cut_off: true,
        }
    }
}

/// What to do about a body before its request has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Manner {
    /// The rest of it need not be read: there is none, or streams are apart from each other.
    Independent,
    /// The client waits to be asked for it; unasked, it may send it or not.
    OnRequest,
    /// The next request on the connection comes after it.
    InTheWay,
}

impl Manner {
    /// The manner of the body that follows this head.
    pub(in crate::server) fn of(parts: &Parts) -> Self {
        let waits =
            |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
        if parts.version == http::Version::HTTP_2 {
            Self::Independent
        } else if parts.headers.get(EXPECT).is_some_and(waits) {
            Self::OnRequest
        } else {
            Self::InTheWay
        }
    }
}

/// Reads a body, up to the limit and within the deadline. What is beyond the limit is read as well
/// and thrown away, within reason: a client that is still sending does not listen.
pub(in crate::server) async fn read<B>(body: B, limits: &Limits) -> Result<Bytes, Unread>
where
    B: http_body::Body + Send,
    B::Error: std::fmt::Display,
{
    let max = limits.body_bytes_max;
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > READ_BYTES_MAX as u64 {
        return Err(Unread::cut_off(ApiError::too_large(max)));
    }
    let body = std::pin::pin!(body);
    let read = collect(body, max);
    // A client's patience is measured by the wall, whatever the cluster's clock says.
    #[allow(clippy::disallowed_methods)]
    let read = tokio::time::timeout(limits.body_patience, read).await;
    read.unwrap_or_else(|_| {
        let why = "request did not complete within the allotted timeout";
        Err(Unread::cut_off(ApiError::timeout(why, 0)))
    })
}

/// Throws a body away that nobody reads; whether the connection is of no more use, since too much
/// of it is left.
pub(in crate::server) async fn discard<B>(body: B, manner: Manner) -> bool
where
    B: http_body::Body + Send,
{
    if body.is_end_stream() || manner == Manner::Independent {
        return false;
    }
    let is_too_much = body.size_hint().lower() > DISCARDED_BYTES_MAX as u64;
    if is_too_much || manner == Manner::OnRequest {
        return true;
    }
    let mut body = std::pin::pin!(body);
    let read = async {
        let mut length = 0;
        while let Some(frame) = body.as_mut().frame().await {
            let data = frame.map(http_body::Frame::into_data);
            length += match data {
                Ok(Ok(data)) => data.remaining(),
                Ok(Err(_trailers)) => 0,
                Err(_) => return true,
            };
            if length > DISCARDED_BYTES_MAX {
                return true;
            }
        }
        false
    };
    // As above: it is the client who is waited for.
    #[allow(clippy::disallowed_methods)]
    let read = tokio::time::timeout(DISCARD_PATIENCE, read).await;
    read.unwrap_or(true)
}

async fn collect<B>(mut body: Pin<&mut B>, max: usize) -> Result<Bytes, Unread>
where
    B: http_body::Body,
    B::Error: std::fmt::Display,
{
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Unread::cut_off(ApiError::bad_request(error.to_string())))?;
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        length += data.remaining();
        if length > READ_BYTES_MAX {
            return Err(Unread::cut_off(ApiError::too_large(max)));
        }
        if length > max {
            (first, rest) = (Bytes::new(), BytesMut::new());
        } else if first.is_empty() && rest.is_empty() {
            first = data.copy_to_bytes(data.remaining());
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.put(data);
        }
    }
    if length > max {
        return Err(Unread {
            error: ApiError::too_large(max),
            is_cut_off: false,
        });
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

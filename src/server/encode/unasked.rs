//! Answers to what is no request. The HTTP library gives them itself and leaves them empty; Go's
//! says in a line of text what is wrong, and so does a connection that passes through here.
//!
//! *Upstream:* Go's `net/http` (`conn.serve`, `badRequestError`, `closeWriteAndWait`).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::{Answer, Payload, TEXT};
use crate::server::metrics::Metrics;

/// An empty answer of the library is no longer than this; one of ours is, since it has an id.
const OWN_BYTES_MAX: usize = 160;

/// How long a client is listened to that was cut off, so that it reads why.
const LINGER: Duration = Duration::from_millis(500);

/// How much is read from such a client.
const LINGER_BYTES_MAX: usize = 64 << 20;

/// The answer to a request that HTTP itself forbids: the code in words and what is wrong, if that
/// can be said. The connection ends with it.
pub(in crate::server) fn refusal(code: StatusCode, why: &str) -> Answer {
    let colon = if why.is_empty() { "" } else { ": " };
    let words = code.canonical_reason().unwrap_or("");
    let text = format!("{} {words}{colon}{why}", code.as_u16());
    let mut out = Answer::new(Payload::whole(text));
    *out.status_mut() = code;
    let headers = out.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    out
}

/// The answer to `OPTIONS *`: Go gives it before any handler is asked.
pub(in crate::server) fn star() -> Answer {
    Answer::new(Payload::empty())
}

/// A connection whose library answers in words.
pub(in crate::server) struct Worded<I> {
    io: I,
    metrics: Arc<Metrics>,
    /// What is written in place of an empty answer.
    words: Bytes,
    /// How long the empty answer was.
    replaced: usize,
    lingering: Lingering,
}

/// Whether and how long a connection is read after its last answer.
struct Lingering {
    is_asked: Arc<AtomicBool>,
    until: Option<Pin<Box<Sleep>>>,
    read: usize,
}

impl<I> Worded<I> {
    /// A connection that lingers at its end where `is_cut_off` says so by then.
    pub(in crate::server) fn new(
        io: I,
        metrics: Arc<Metrics>,
        is_cut_off: Arc<AtomicBool>,
    ) -> Self {
        Self {
            io,
            metrics,
            words: Bytes::new(),
            replaced: 0,
            lingering: Lingering {
                is_asked: is_cut_off,
                until: None,
                read: 0,
            },
        }
    }
}

impl<I: AsyncWrite + Unpin> Worded<I> {
    /// Writes what stands in place of an empty answer.
    fn poll_words(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while self.words.has_remaining() {
            let count = ready!(Pin::new(&mut self.io).poll_write(cx, &self.words))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.words.advance(count);
        }
        Poll::Ready(Ok(std::mem::take(&mut self.replaced)))
    }

    /// Sees whether this is an empty answer, and finds words for it.
    fn takes_over(&mut self, buffer: &[u8]) -> bool {
        if self.replaced > 0 {
            return true;
        }
        let Some(code) = own_answer(buffer) else {
            return false;
        };
        self.metrics.refused(code.as_u16());
        let words = code.canonical_reason().unwrap_or("");
        let text = format!("{} {words}", code.as_u16());
        self.words = format!(
            "HTTP/1.1 {text}\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{text}",
            text.len()
        )
        .into();
        self.replaced = buffer.len();
        true
    }
}

/// The code of an answer that the library gave itself.
fn own_answer(buffer: &[u8]) -> Option<StatusCode> {
    let head = buffer.strip_prefix(b"HTTP/1.1 ")?;
    if buffer.len() > OWN_BYTES_MAX || head.first() != Some(&b'4') {
        return None;
    }
    let text = std::str::from_utf8(head).ok()?;
    let is_own = text.contains("\r\ncontent-length: 0\r\n") && !text.contains("\r\naudit-id:");
    let code = StatusCode::from_bytes(head.get(..3)?).ok()?;
    is_own.then_some(code)
}

impl<I: AsyncRead + Unpin> AsyncRead for Worded<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Worded<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.takes_over(buffer) {
            return self.poll_words(cx);
        }
        Pin::new(&mut self.io).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [buffer] = buffers
            && self.takes_over(buffer)
        {
            return self.poll_words(cx);
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.until.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            if !this.lingering.is_asked.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            // The client is waited for, whose time is the wall's.
            #[allow(clippy::disallowed_methods)]
            let until = tokio::time::sleep(LINGER);
            this.lingering.until = Some(Box::pin(until));
        }
        let mut scratch = [0; 4096];
        while this.lingering.read < LINGER_BYTES_MAX {
            if let Some(until) = &mut this.lingering.until
                && until.as_mut().poll(cx).is_ready()
            {
                break;
            }
            let mut buffer = ReadBuf::new(&mut scratch);
            if ready!(Pin::new(&mut this.io).poll_read(cx, &mut buffer)).is_err() {
                break;
            }
            if buffer.filled().is_empty() {
                break;
            }
            this.lingering.read += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}

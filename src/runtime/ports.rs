//! What listens on a pod's ports by rule, as annotations of the pod say.
//!
//! | annotation | value | what listens |
//! |---|---|---|
//! | `mockernetes.dev/http.8080` | a text | HTTP: every request is answered by the text |
//! | `mockernetes.dev/http.8080` | `{"status": 404, "headers": {…}, "body": "…"}` | the same in full |
//! | `mockernetes.dev/echo.9000` | anything | whatever is sent comes back |
//!
//! *Invariant:* a function of the pod.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Connection;
use crate::object::Object;

const PREFIX: &str = "mockernetes.dev/";

/// How much a rule holds of what was sent and not read yet.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// Where a request's head ends.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// What listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listener {
    /// HTTP/1.1 with one answer, whole as it is sent.
    Canned(Vec<u8>),
    /// What is sent comes back.
    Echo,
}

/// What listens on a port of a pod by rule.
pub fn listener(pod: &Object, port: u16) -> Option<Listener> {
    let said = |what: &str| {
        let key = format!("{PREFIX}{what}.{port}");
        let mut own = pod.annotations().filter(|(name, _)| *name == key);
        own.next().map(|(_, value)| value)
    };
    if said("echo").is_some() {
        return Some(Listener::Echo);
    }
    said("http").map(|text| Listener::Canned(canned(text)))
}

/// An answer as it is sent.
fn canned(text: &str) -> Vec<u8> {
    let full: Value = match serde_json::from_str(text) {
        Ok(Value::Object(full)) => full.into(),
        _ => Value::Null,
    };
    let body = match &full["body"] {
        _ if full.is_null() => text.to_owned(),
        Value::String(body) => body.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let status = full["status"]
        .as_u64()
        .filter(|code| (100..1000).contains(code));
    let mut head = format!("HTTP/1.1 {} Mock\r\n", status.unwrap_or(200));
    let headers = full["headers"].as_object();
    let mut has_type = false;
    for (name, value) in headers.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if !is_line(name) || !is_line(value) {
            continue;
        }
        has_type |= name.eq_ignore_ascii_case("content-type");
        head.extend([name, ": ", value, "\r\n"]);
    }
    if !has_type {
        head.push_str("Content-Type: text/plain; charset=utf-8\r\n");
    }
    let length = body.len();
    format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn is_line(text: &str) -> bool {
    !text.contains(['\r', '\n'])
}

impl Listener {
    /// A connection to it.
    pub fn connect(self) -> Connection {
        Box::new(Ruled {
            listener: self,
            received: BytesMut::new(),
            body_left: 0,
            out: BytesMut::new(),
            is_over: false,
            is_shut: false,
            waker: None,
        })
    }
}

/// A connection to a rule: what is written to it decides what is read from it.
struct Ruled {
    listener: Listener,
    received: BytesMut,
    /// How much is left of the body of a request, which nobody reads.
    body_left: u64,
    out: BytesMut,
    /// Whether nothing more is answered.
    is_over: bool,
    /// Whether nothing more will be sent.
    is_shut: bool,
    waker: Option<std::task::Waker>,
}

impl Ruled {
    /// Takes what was sent.
    fn take(&mut self, data: &[u8]) {
        match &self.listener {
            Listener::Echo => self.out.put_slice(data),
            Listener::Canned(_) => {
                self.received.put_slice(data);
                self.answer();
            }
        }
    }

    /// Answers what was sent as far as there is place for what comes back.
    fn answer(&mut self) {
        let Listener::Canned(answer) = &self.listener else {
            return;
        };
        while !self.is_over && self.out.len() < HELD_BYTES_MAX {
            let skipped = self.body_left.min(self.received.len() as u64);
            self.received.advance(skipped as usize);
            self.body_left -= skipped;
            if self.body_left > 0 {
                return;
            }
            let mut windows = self.received.windows(HEAD_END.len());
            let Some(end) = windows.position(|window| window == HEAD_END) else {
                // Who sends a head without end is sent away.
                self.is_over |= self.received.len() >= HELD_BYTES_MAX;
                return;
            };
            let head = self.received.split_to(end + HEAD_END.len());
            self.body_left = body_length(&head);
            if head.starts_with(b"HEAD ") {
                let mut windows = answer.windows(HEAD_END.len());
                let end = windows.position(|window| window == HEAD_END);
                let end = end.map_or(answer.len(), |end| end + HEAD_END.len());
                self.out.put_slice(&answer[..end]);
            } else {
                self.out.put_slice(answer);
            }
            self.is_over |= asks_to_close(&head);
        }
    }
}

/// The lines of a head, lower-cased.
fn lines(head: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    text.lines().map(str::to_owned).collect()
}

fn header(head: &[u8], name: &str) -> Option<String> {
    let lines = lines(head);
    let mut own = lines.iter().filter_map(|line| line.split_once(':'));
    let found = own.find(|(key, _)| *key == name);
    found.map(|(_, value)| value.trim().to_owned())
}

fn body_length(head: &[u8]) -> u64 {
    let length = header(head, "content-length");
    length.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn asks_to_close(head: &[u8]) -> bool {
    let is_old = lines(head)
        .first()
        .is_some_and(|line| line.ends_with("http/1.0"));
    // The end of a body in chunks is not looked for: the connection ends with it.
    let is_chunked = header(head, "transfer-encoding").is_some();
    match header(head, "connection").as_deref() {
        Some("close") => true,
        Some("keep-alive") => is_chunked,
        _ => is_old || is_chunked,
    }
}

impl AsyncRead for Ruled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.out.is_empty() {
            // Whatever could be answered has been.
            if self.is_over || self.is_shut {
                return Poll::Ready(Ok(()));
            }
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let length = self.out.len().min(buf.remaining());
        buf.put_slice(&self.out.split_to(length));
        self.answer();
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Ruled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.is_over {
            // Who was sent away may go on talking; nobody listens.
            return Poll::Ready(Ok(data.len()));
        }
        if self.out.len() >= HELD_BYTES_MAX {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let length = data.len().min(HELD_BYTES_MAX);
        self.take(&data[..length]);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        self.is_shut = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }
}

//! A connection inside of a WebSocket: what is in its binary messages, one after the other.
//!
//! *Upstream:* `client-go/tools/portforward/tunneling_connection.go`.

use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::opening::Io;

/// How much goes into one message.
const MESSAGE_BYTES: usize = 64 * 1024;

/// See the module.
pub(super) struct Tunnel {
    socket: WebSocketStream<Io>,
    /// What is left of the last message.
    rest: Bytes,
}

impl Tunnel {
    /// A connection in a WebSocket.
    pub(super) fn new(socket: WebSocketStream<Io>) -> Self {
        let rest = Bytes::new();
        Self { socket, rest }
    }
}

fn broken(_: tokio_tungstenite::tungstenite::Error) -> Error {
    ErrorKind::BrokenPipe.into()
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Binary(data))) => self.rest = data,
                Some(Ok(Message::Text(_))) => {
                    let why = "a text message in a tunnel";
                    return Poll::Ready(Err(Error::new(ErrorKind::InvalidData, why)));
                }
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
        let length = self.rest.len().min(buf.remaining());
        let piece = self.rest.split_to(length);
        buf.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let mut socket = Pin::new(&mut self.socket);
        ready!(socket.as_mut().poll_ready(cx)).map_err(broken)?;
        let length = data.len().min(MESSAGE_BYTES);
        let message = Message::binary(data[..length].to_vec());
        socket.start_send(message).map_err(broken)?;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(broken)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx).map_err(broken)
    }
}

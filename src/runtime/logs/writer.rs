//! The writing end of a log.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::{Instance, Logs, Stream};

/// Writes into a log as into a file; never waits.
#[derive(Debug)]
pub struct Writer {
    logs: Arc<Logs>,
    of: Instance,
    stream: Stream,
}

impl Writer {
    pub(super) fn new(logs: Arc<Logs>, of: Instance, stream: Stream) -> Self {
        Self { logs, of, stream }
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.logs.append(&self.of, self.stream, data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

//! An output that is a log as well.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::Writer;

/// Writes to somebody who reads, and whatever they take into a log.
pub struct Tee<W> {
    out: W,
    log: Writer,
}

impl<W> Tee<W> {
    /// Both.
    pub fn new(out: W, log: Writer) -> Self {
        Self { out, log }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Tee<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let length = ready!(Pin::new(&mut self.out).poll_write(cx, data))?;
        // A log never waits.
        ready!(Pin::new(&mut self.log).poll_write(cx, &data[..length]))?;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.out).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.out).poll_shutdown(cx)
    }
}

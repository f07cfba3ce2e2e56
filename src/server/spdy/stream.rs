//! One stream of a connection, as its user sees it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

use super::frame::Reset;
use super::headers::Headers;
use super::session::{Out, Window};

/// How much is given back to a window at a time.
const CREDIT_BYTES: u32 = 32 * 1024;

/// How much goes into one frame.
const FRAME_BYTES: usize = 32 * 1024;

/// A stream that the other side has opened.
pub(in crate::server) struct Stream {
    /// Its number.
    pub(in crate::server) id: u32,
    /// What it was opened with.
    pub(in crate::server) headers: Headers,
    /// What comes.
    pub(in crate::server) reader: Reader,
    /// What goes.
    pub(in crate::server) writer: Writer,
}

impl Stream {
    /// The first value of a header; empty where there is none.
    pub(in crate::server) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map_or("", |(_, value)| value)
    }
}

/// What comes on a stream, up to its end.
pub(in crate::server) struct Reader {
    pipe: DuplexStream,
    id: u32,
    out: mpsc::Sender<Out>,
    credit: u32,
}

impl Reader {
    pub(super) fn new(id: u32, pipe: DuplexStream, out: mpsc::Sender<Out>) -> Self {
        Self {
            pipe,
            id,
            out,
            credit: 0,
        }
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.pipe).poll_read(cx, buf))?;
        self.credit += (buf.filled().len() - before) as u32;
        if self.credit >= CREDIT_BYTES {
            // Where there is no place for it now, it goes with the next.
            let given = self.out.try_send(Out::Window(self.id, self.credit));
            if given.is_ok() {
                self.credit = 0;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What goes on a stream. Dropped unfinished, it ends the stream as one that broke.
pub(in crate::server) struct Writer {
    id: u32,
    out: mpsc::Sender<Out>,
    window: Arc<Window>,
}

impl Writer {
    pub(super) fn new(id: u32, out: mpsc::Sender<Out>, window: Arc<Window>) -> Self {
        Self { id, out, window }
    }

    /// Sends data; waits until there is place for them.
    pub(in crate::server) async fn send(&self, mut data: Bytes) -> std::io::Result<()> {
        while !data.is_empty() {
            let length = self.window.take(data.len().min(FRAME_BYTES)).await?;
            self.put(Out::Data(self.id, data.split_to(length), false))
                .await?;
        }
        Ok(())
    }

    /// Says that nothing more will come.
    pub(in crate::server) async fn finish(&self) -> std::io::Result<()> {
        if self.window.is_closed() {
            return Ok(());
        }
        let finished = self.put(Out::Data(self.id, Bytes::new(), true)).await;
        self.window.finish();
        finished
    }

    /// Ends the stream in both directions.
    pub(in crate::server) async fn reset(&self, why: Reset) {
        if self.window.close() {
            // Whoever is gone needs not be told.
            let _ = self.put(Out::Reset(self.id, why)).await;
        }
    }

    async fn put(&self, out: Out) -> std::io::Result<()> {
        let sent = self.out.send(out).await;
        sent.map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.window.is_finished() && self.window.close() {
            let _ = self.out.try_send(Out::Reset(self.id, Reset::Cancel));
        }
    }
}

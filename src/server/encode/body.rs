//! The body of an answer, as hyper takes it: pieces of shared bytes, copied by nobody.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use crate::registry::Chunk;
use crate::server::watch::Events;

/// How much of a list is handed over at a time: what makes one write to a socket.
const PIECE_BYTES: usize = 256 * 1024;

/// The body of an answer.
pub enum Payload {
    /// Everything at once; `None` when it is sent, or where there is nothing.
    Whole(Option<Piece>),
    /// A list: chunks still to be sent and the sum of their lengths.
    Chunks(VecDeque<Chunk>, u64),
    /// A watch: as it comes.
    Events(Events),
    /// A document, in the hands of the router that made it.
    Page(axum::body::Body),
}

/// What is written at once: shared bytes, one after the other.
#[derive(Debug, Default)]
pub struct Piece {
    parts: VecDeque<Chunk>,
    remaining: usize,
}

impl Piece {
    /// How many bytes are left of it.
    pub fn length(&self) -> usize {
        self.remaining
    }

    /// Adds bytes to the end.
    pub fn push(&mut self, part: impl Into<Chunk>) {
        let part = part.into();
        let length = part.as_ref().len();
        if length > 0 {
            self.remaining += length;
            self.parts.push_back(part);
        }
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        let mut piece = Self::default();
        piece.push(bytes);
        piece
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.parts.front().map_or(&[], AsRef::as_ref)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(&self.parts) {
            *slice = IoSlice::new(part.as_ref());
            count += 1;
        }
        count
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "advanced past the end of a piece");
        self.remaining -= count;
        while let Some(first) = self.parts.front_mut().filter(|_| count > 0) {
            let length = first.as_ref().len();
            if count < length {
                first.advance(count);
                return;
            }
            count -= length;
            self.parts.pop_front();
        }
    }
}

impl Payload {
    /// No body.
    pub fn empty() -> Self {
        Self::Whole(None)
    }

    /// One piece of bytes.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(Piece::from(bytes.into())))
    }

    /// One piece of JSON and the newline that ends it.
    pub fn line(bytes: Bytes) -> Self {
        let mut piece = Piece::from(bytes);
        piece.push(Bytes::from_static(b"\n"));
        Self::Whole(Some(piece))
    }

    /// A list in chunks.
    pub fn chunks(chunks: Vec<Chunk>) -> Self {
        let length = chunks.iter().map(|chunk| chunk.as_ref().len() as u64);
        let length = length.sum();
        Self::Chunks(chunks.into(), length)
    }

    /// The length, where it is known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Whole(piece) => Some(piece.as_ref().map_or(0, |piece| piece.remaining as u64)),
            Self::Chunks(_, length) => Some(*length),
            Self::Events(_) => None,
            Self::Page(page) => page.size_hint().exact(),
        }
    }
}

impl Body for Payload {
    type Data = Piece;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        let piece = match self.get_mut() {
            Self::Whole(piece) => Poll::Ready(piece.take()),
            Self::Chunks(chunks, length) => Poll::Ready(next_piece(chunks, length)),
            Self::Events(events) => events.poll_next(cx),
            // Pages are made in memory: they end, they do not fail.
            Self::Page(page) => Pin::new(page).poll_frame(cx).map(|frame| {
                frame
                    .and_then(Result::ok)
                    .and_then(|frame| frame.into_data().ok())
                    .map(Piece::from)
            }),
        };
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length()
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

/// The next chunks of a list that are worth a write.
fn next_piece(chunks: &mut VecDeque<Chunk>, length: &mut u64) -> Option<Piece> {
    let mut piece = Piece::default();
    while let Some(chunk) = chunks.front() {
        if piece.remaining > 0 && piece.remaining + chunk.as_ref().len() > PIECE_BYTES {
            break;
        }
        if let Some(chunk) = chunks.pop_front() {
            piece.push(chunk);
        }
    }
    *length -= piece.remaining as u64;
    (piece.remaining > 0).then_some(piece)
}

//! An answer, as both doors read it: no HTTP in it yet.

use std::borrow::Borrow;

use bytes::{Buf, Bytes};
use futures_util::stream::BoxStream;

use super::destination::Destination;
use crate::storage::Item;

/// What is answered.
#[derive(Debug)]
pub struct Response {
    /// 200, 201, 202 or 204 (an error is an `ApiError`, never this).
    pub code: u16,
    /// What is in it.
    pub body: Body,
    /// Texts of `Warning` headers, in order.
    pub warnings: Vec<String>,
}

/// What is in an answer.
pub enum Body {
    /// JSON in one piece.
    Json(Bytes),
    /// JSON in pieces to be written one after the other (lists).
    Chunks(Vec<Chunk>),
    /// Protobuf in pieces, one body together.
    Protobuf(Vec<Bytes>),
    /// Events of a watch. The stream's end is the watch's end.
    Events(BoxStream<'static, Batch>),
    /// Plain text (logs).
    Text(Bytes),
    /// What is inside of a pod is to answer.
    Pod(Box<Destination>),
}

/// A piece of a list.
#[derive(Clone, Debug)]
pub enum Chunk {
    /// Bytes made for the answer, or another form of an object.
    Bytes(Bytes),
    /// An object as it is kept.
    Item(Item),
}

impl Chunk {
    /// Drops bytes at the beginning.
    pub fn advance(&mut self, count: usize) {
        match self {
            Self::Bytes(bytes) => bytes.advance(count),
            Self::Item(item) => item.advance(count),
        }
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Item(item) => item.as_ref(),
        }
    }
}

impl Borrow<[u8]> for Chunk {
    fn borrow(&self) -> &[u8] {
        self.as_ref()
    }
}

impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Item> for Chunk {
    fn from(item: Item) -> Self {
        Self::Item(item)
    }
}

/// What a watch has to send at once.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Whole events: lines of JSON with their newline or frames of protobuf, one or several in a
    /// piece. Who watches the same shares them.
    pub pieces: Vec<Bytes>,
    /// Whether more is there already. Where nothing is, the stream need not be asked again at once.
    pub has_more: bool,
}

impl Batch {
    /// What is sent in one piece.
    pub fn of(piece: impl Into<Bytes>) -> Self {
        let piece: Bytes = piece.into();
        let pieces = if piece.is_empty() {
            Vec::new()
        } else {
            vec![piece]
        };
        Self {
            pieces,
            has_more: false,
        }
    }

    /// All of it in one piece.
    pub fn into_bytes(mut self) -> Bytes {
        match self.pieces.len() {
            1 => self.pieces.swap_remove(0),
            _ => self.pieces.concat().into(),
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(bytes) => f.debug_tuple("Json").field(bytes).finish(),
            Self::Chunks(chunks) => f.debug_tuple("Chunks").field(&chunks.len()).finish(),
            Self::Protobuf(pieces) => f.debug_tuple("Protobuf").field(&pieces.len()).finish(),
            Self::Events(_) => f.write_str("Events"),
            Self::Text(bytes) => f.debug_tuple("Text").field(bytes).finish(),
            Self::Pod(destination) => f.debug_tuple("Pod").field(&destination.way).finish(),
        }
    }
}

impl Response {
    /// An answer in pieces of protobuf.
    pub fn protobuf(code: u16, pieces: Vec<Bytes>) -> Self {
        Self {
            code,
            body: Body::Protobuf(pieces),
            warnings: Vec::new(),
        }
    }

    /// An answer that what is inside of a pod gives.
    pub fn pod(destination: Destination) -> Self {
        Self {
            code: 200,
            body: Body::Pod(Box::new(destination)),
            warnings: Vec::new(),
        }
    }

    /// An answer in one piece of JSON.
    pub fn json(code: u16, body: impl Into<Bytes>) -> Self {
        Self {
            code,
            body: Body::Json(body.into()),
            warnings: Vec::new(),
        }
    }
}

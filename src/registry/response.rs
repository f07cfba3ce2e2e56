//! An answer, as both doors read it: no HTTP in it yet.

use bytes::Bytes;
use futures_util::stream::BoxStream;

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
    Chunks(Vec<Bytes>),
    /// Protobuf in pieces, one body together.
    Protobuf(Vec<Bytes>),
    /// Events of a watch, each a whole line of JSON with its newline or a whole frame of protobuf;
    /// several may come in one piece. The stream's end is the watch's end.
    Events(BoxStream<'static, Bytes>),
    /// Plain text (logs).
    Text(Bytes),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(bytes) => f.debug_tuple("Json").field(bytes).finish(),
            Self::Chunks(chunks) => f.debug_tuple("Chunks").field(&chunks.len()).finish(),
            Self::Protobuf(pieces) => f.debug_tuple("Protobuf").field(&pieces.len()).finish(),
            Self::Events(_) => f.write_str("Events"),
            Self::Text(bytes) => f.debug_tuple("Text").field(bytes).finish(),
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

    /// An answer in one piece of JSON.
    pub fn json(code: u16, body: impl Into<Bytes>) -> Self {
        Self {
            code,
            body: Body::Json(body.into()),
            warnings: Vec::new(),
        }
    }
}

//! The OpenAPI v3 documents of built-in group versions, kept compressed in the binary.
//!
//! *Upstream:* `kube-openapi/pkg/handler3`.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde_json::Value;

/// Path, hash, and where in [`PACKED`] it stands.
type Row = (&'static str, &'static str, usize, usize);

#[allow(clippy::unreadable_literal, reason = "generated")]
static ROWS: &[Row] = include!(concat!(env!("OUT_DIR"), "/v1_37_documents.rs"));
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/v1_37_documents.gz"));

/// A built-in document.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn(&'static Row);

impl BuiltIn {
    /// Every document, sorted by path; of group versions that are not served too.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(Self)
    }

    /// The document of a path, `apis/apps/v1`.
    pub fn find(path: &str) -> Option<Self> {
        Self::all().find(|document| document.path() == path)
    }

    /// `apis/apps/v1`.
    pub fn path(self) -> &'static str {
        self.0.0
    }

    /// SHA-512 of the JSON.
    pub fn hash(self) -> &'static str {
        self.0.1
    }

    /// The JSON, compressed: what a client that accepts gzip is sent as it is.
    pub fn gzip(self) -> Bytes {
        Bytes::from_static(&PACKED[self.0.2..self.0.3])
    }

    /// The JSON.
    pub fn json(self) -> Bytes {
        let mut text = Vec::new();
        let read = GzDecoder::new(&*self.gzip()).read_to_end(&mut text);
        assert!(
            read.is_ok(),
            "the build packed {} so that it unpacks",
            self.path()
        );
        Bytes::from(text)
    }

    /// The document, parsed.
    pub fn value(self) -> Value {
        let parsed = serde_json::from_slice(&self.json());
        assert!(parsed.is_ok(), "the build packed {} from JSON", self.path());
        parsed.unwrap_or_default()
    }
}

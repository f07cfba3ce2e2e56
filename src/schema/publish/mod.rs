//! What the server says about itself: discovery and the OpenAPI documents.
//!
//! *Invariant:* values in, JSON out; no HTTP. A document depends on what is served and on nothing
//! else, so it is kept until that changes.

mod custom;
pub mod discovery;
mod documents;
mod operations;
pub mod protobuf;
mod v2;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use self::documents::BuiltIn;
use super::catalog::State;
use crate::object::GroupVersion;

/// A document ready to be sent.
#[derive(Clone, Debug)]
pub struct Document {
    /// SHA-512 of the JSON in capitals: the `ETag` without quotes, and the `hash` of its URL.
    pub hash: String,
    /// The JSON.
    pub body: Body,
    /// The protobuf, once somebody asked for it.
    message: Arc<OnceLock<Bytes>>,
}

/// A document's bytes.
#[derive(Clone, Debug)]
pub enum Body {
    /// Kept compressed in the binary.
    BuiltIn(BuiltIn),
    /// Made when it was asked for; compressed when somebody asked for that.
    Made(Bytes, Arc<OnceLock<Bytes>>),
}

impl Document {
    /// A document of this value.
    pub fn made(value: &Value) -> Self {
        let bytes = Bytes::from(value.to_string());
        Self {
            hash: discovery::etag(&bytes),
            body: Body::Made(bytes, Arc::default()),
            message: Arc::default(),
        }
    }

    /// The JSON.
    pub fn json(&self) -> Bytes {
        match &self.body {
            Body::BuiltIn(document) => document.json(),
            Body::Made(bytes, _) => bytes.clone(),
        }
    }

    /// The protobuf, as one of both versions writes it.
    pub fn protobuf(&self, write: fn(&Value) -> Vec<u8>) -> Bytes {
        let make = || {
            let value: Value = serde_json::from_slice(&self.json()).unwrap_or_default();
            Bytes::from(write(&value))
        };
        self.message.get_or_init(make).clone()
    }

    /// The JSON compressed with gzip.
    pub fn gzip(&self) -> Bytes {
        match &self.body {
            Body::BuiltIn(document) => document.gzip(),
            Body::Made(bytes, gzip) => gzip.get_or_init(|| compressed(bytes)).clone(),
        }
    }
}

fn compressed(bytes: &Bytes) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // A vector takes whatever is written.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default().into()
}

/// Makes documents and keeps them until what is served changes.
#[derive(Debug, Default)]
pub struct Publisher {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    generation: u64,
    custom: Option<Arc<BTreeMap<String, Document>>>,
    v2: Option<Document>,
}

impl Publisher {
    /// `/openapi/v3`: the URL of every document.
    pub fn index(&self, state: &State) -> Document {
        let mut paths = Map::new();
        let mut add = |path: &str, hash: &str| {
            let url = format!("/openapi/v3/{path}?hash={hash}");
            paths.insert(path.to_owned(), json!({ "serverRelativeURL": url }));
        };
        for document in BuiltIn::all().filter(|one| is_served(state, one.path())) {
            add(document.path(), document.hash());
        }
        for (path, document) in self.custom(state).iter() {
            add(path, &document.hash);
        }
        Document::made(&json!({ "paths": paths }))
    }

    /// `/openapi/v3/PATH`; `None` where nothing of that path is served.
    pub fn document(&self, state: &State, path: &str) -> Option<Document> {
        let built_in = BuiltIn::find(path).filter(|_| is_served(state, path));
        if let Some(document) = built_in {
            return Some(Document {
                hash: document.hash().to_owned(),
                body: Body::BuiltIn(document),
                message: Arc::default(),
            });
        }
        self.custom(state).get(path).cloned()
    }

    /// `/openapi/v2`.
    pub fn v2(&self, state: &State) -> Document {
        let mut kept = self.kept.lock();
        kept.refresh(state);
        kept.v2
            .get_or_insert_with(|| Document::made(&v2::document(state)))
            .clone()
    }

    /// The v3 documents of custom group versions by path.
    fn custom(&self, state: &State) -> Arc<BTreeMap<String, Document>> {
        let mut kept = self.kept.lock();
        kept.refresh(state);
        let made = kept.custom.get_or_insert_with(|| {
            let documents = custom_versions(state)
                .into_iter()
                .filter_map(|group_version| {
                    let document = custom::document(state, &group_version)?;
                    Some((format!("apis/{group_version}"), Document::made(&document)))
                });
            Arc::new(documents.collect())
        });
        Arc::clone(made)
    }
}

impl Kept {
    /// Forgets what was made of another state.
    fn refresh(&mut self, state: &State) {
        if self.generation != state.generation {
            *self = Self {
                generation: state.generation,
                ..Self::default()
            };
        }
    }
}

/// Whether the built-in document of a path belongs to what is served.
fn is_served(state: &State, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["api", version] => state
            .versions
            .contains_key(&GroupVersion::new("", *version)),
        ["apis", group] => state.order.iter().any(|served| &*served.group == *group),
        ["apis", group, version] => state
            .versions
            .contains_key(&GroupVersion::new(*group, *version)),
        ["api" | "apis" | "version"] | ["openid" | ".well-known", ..] => true,
        _ => false,
    }
}

/// The group versions of custom resources, in order.
fn custom_versions(state: &State) -> Vec<GroupVersion> {
    let versions = state.versions.keys();
    versions
        .filter(|group_version| !state.order.contains(group_version))
        .cloned()
        .collect()
}

//! An object as the store keeps it: its final bytes, and the few facts that lists filter by.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use serde_json::Value;

use super::Revision;
use crate::object::{Key, Object};

/// An object ready to be stored: encoded, but for the revision, which is known at the append.
#[derive(Clone, Debug)]
pub struct Draft {
    /// JSON up to and including `"resourceVersion":"`.
    pub head: Bytes,
    /// JSON from the closing quote of the revision on.
    pub tail: Bytes,
    /// Labels in key order.
    pub labels: Box<[(Box<str>, Box<str>)]>,
    /// Selectable fields beyond name and namespace, in key order.
    pub fields: Box<[(Box<str>, Box<str>)]>,
}

/// An object in the store.
#[derive(Debug)]
pub struct Stored {
    /// Which object.
    pub key: Key,
    /// The revision of the write that made it so.
    pub revision: Revision,
    /// The final JSON, in the version it is stored in.
    pub bytes: Bytes,
    /// What it was made of.
    pub draft: Arc<Draft>,
    /// Other forms, made on first demand: by a number that names the form.
    forms: Mutex<Vec<(u64, Bytes)>>,
}

impl Draft {
    /// Encodes an object, leaving the place of `metadata.resourceVersion` open.
    pub fn encode(object: &Object, fields: Box<[(Box<str>, Box<str>)]>) -> Self {
        const MARK: &str = "\u{1}";
        let labels = object
            .labels()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        let mut marked = object.clone();
        marked.set(&["metadata", "resourceVersion"], MARK);
        let bytes = Bytes::from(marked.into_value().to_string());
        let needle = b"\"resourceVersion\":\"\\u0001\"";
        let at = bytes
            .windows(needle.len())
            .position(|window| window == needle)
            .unwrap_or(0);
        let open = at + b"\"resourceVersion\":\"".len();
        Self {
            head: bytes.slice(..open),
            tail: bytes.slice(open + b"\\u0001".len()..),
            labels,
            fields,
        }
    }

    /// The final JSON at a revision.
    pub fn at(&self, revision: Revision) -> Bytes {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(revision.0);
        let mut out = BytesMut::with_capacity(self.head.len() + digits.len() + self.tail.len());
        out.put_slice(&self.head);
        out.put_slice(digits.as_bytes());
        out.put_slice(&self.tail);
        out.freeze()
    }
}

impl Stored {
    /// The object of a draft, stored at a revision.
    pub fn new(key: Key, revision: Revision, draft: Arc<Draft>) -> Self {
        let bytes = draft.at(revision);
        Self {
            key,
            revision,
            bytes,
            draft,
            forms: Mutex::new(Vec::new()),
        }
    }

    /// The object, parsed anew from its bytes.
    pub fn object(&self) -> Object {
        serde_json::from_slice::<Value>(&self.bytes)
            .ok()
            .and_then(Object::from_value)
            .unwrap_or_default()
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        let labels = &self.draft.labels;
        let at = labels.binary_search_by(|(k, _)| k.as_ref().cmp(key)).ok()?;
        Some(&labels[at].1)
    }

    /// The value of a selectable field; name and namespace included.
    pub fn field(&self, path: &str) -> Option<&str> {
        match path {
            "metadata.name" => Some(self.key.name()),
            "metadata.namespace" => Some(self.key.namespace()),
            _ => {
                let fields = &self.draft.fields;
                let at = fields
                    .binary_search_by(|(k, _)| k.as_ref().cmp(path))
                    .ok()?;
                Some(&fields[at].1)
            }
        }
    }

    /// Another form of the object, made once and kept: `form` names it, `make` makes it.
    pub fn form(&self, form: u64, make: impl FnOnce() -> Bytes) -> Bytes {
        if let Some((_, bytes)) = self.forms.lock().iter().find(|(known, _)| *known == form) {
            return bytes.clone();
        }
        let bytes = make();
        self.forms.lock().push((form, bytes.clone()));
        bytes
    }
}

//! An object as the store keeps it: its final bytes, and the few facts that lists filter by.
//!
//! The bytes begin with `apiVersion` and `kind`, so that a list can write its items without them by
//! leaving a prefix out, and the place of `metadata.resourceVersion` is known, so that a removal can
//! write the object anew at its own revision. Labels are places in the bytes, not copies of them.
//!
//! *Upstream:* `apiserver/pkg/storage/etcd3/store.go`, `storage/cacher/caching_object.go`.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;

use super::draft::{Draft, Facts};
use super::{Forms, Revision};
use crate::object::{Key, Object};

/// An object in the store.
#[derive(Debug)]
pub struct Stored {
    /// Which object.
    pub key: Key,
    /// The revision of the write that made it so.
    pub revision: Revision,
    /// The final JSON, in the version it is stored in.
    pub bytes: Bytes,
    facts: Facts,
    /// The parsed form, while somebody holds it.
    parsed: Mutex<Weak<Object>>,
    forms: Forms,
}

impl Stored {
    /// The object of a draft, stored at a revision.
    pub fn new(key: Key, revision: Revision, draft: Draft) -> Self {
        let bytes = draft.at(revision);
        Self::from_parts(key, revision, bytes, draft.facts)
    }

    pub(super) fn from_parts(key: Key, revision: Revision, bytes: Bytes, facts: Facts) -> Self {
        Self {
            key,
            revision,
            bytes,
            facts,
            parsed: Mutex::new(Weak::new()),
            forms: Forms::default(),
        }
    }

    /// The same object at another revision: what a removal leaves.
    pub fn moved_to(&self, revision: Revision) -> Self {
        let digits = self.revision.0.checked_ilog10().unwrap_or(0) as usize + 1;
        let (head, tail) = self.bytes.split_at(self.facts.revision_at as usize);
        let bytes = super::draft::splice(head, revision, &tail[digits..]);
        Self::from_parts(self.key.clone(), revision, bytes, self.facts.clone())
    }

    /// The object as an item of a list of its kind: the JSON after the opening brace, without
    /// `apiVersion` and `kind`.
    pub fn item(&self) -> Bytes {
        self.bytes.slice(self.facts.item_at as usize..)
    }

    /// `apiVersion`, as stored; empty where there is none.
    pub fn api_version(&self) -> &str {
        let rest = self.bytes.strip_prefix(br#"{"apiVersion":""#);
        let rest = rest.unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'"').unwrap_or(0);
        str::from_utf8(&rest[..end]).unwrap_or_default()
    }

    /// The object, parsed. The parsed form is shared while somebody holds it.
    pub fn parsed(&self) -> Arc<Object> {
        let mut parsed = self.parsed.lock();
        parsed.upgrade().unwrap_or_else(|| {
            let object = Arc::new(self.object());
            *parsed = Arc::downgrade(&object);
            object
        })
    }

    /// The object, parsed anew from its bytes.
    pub fn object(&self) -> Object {
        serde_json::from_slice::<Value>(&self.bytes)
            .ok()
            .and_then(Object::from_value)
            .unwrap_or_default()
    }

    /// Labels in key order.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.facts.labels(&self.bytes)
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value)
    }

    /// The value of a selectable field; name and namespace included. A field without a value is
    /// not kept.
    pub fn field(&self, path: &str) -> Option<&str> {
        match path {
            "metadata.name" => Some(self.key.name()),
            "metadata.namespace" => Some(self.key.namespace()),
            _ => self
                .facts
                .fields()
                .find(|(known, _)| *known == path)
                .map(|(_, value)| value),
        }
    }

    /// Another form of the object, made once and kept: `form` names it, `make` makes it.
    pub fn form(&self, form: &str, make: impl FnOnce() -> Bytes) -> Bytes {
        self.forms.get_or_make(form, make)
    }
}

//! An object ready to be stored: encoded once, but for the revision, which is known at the append.
//!
//! The piece of memory holds the object with `apiVersion` and `kind` last and the two bytes `},`
//! in front. So an item of a list, which ends the item before it and comes without its type, is a
//! slice of the same piece, as the whole object is.
//!
//! *Upstream:* `apiserver/pkg/storage/etcd3/store.go` (`prepareKey`, the versioner's update).

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::Revision;
use crate::object::meta::MANAGED_FIELDS;
use crate::object::{ManagedFields, Object, json};

/// An encoded object whose `metadata.resourceVersion` is still open.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The piece, with an empty resource version.
    piece: Vec<u8>,
    /// The object itself, where it is to be kept at hand for who reads on in the log.
    pub(super) tree: Option<Tree>,
    pub(super) facts: Facts,
}

/// What is known of an encoded object without parsing it.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Where the digits of the resource version begin.
    pub(super) revision_at: u32,
    /// How many bytes, from the end, `apiVersion` and `kind` take: `,"apiVersion":…}`.
    pub(super) type_len: u32,
    /// Where the entries of `metadata.managedFields` stand; empty where there are none. They come
    /// before the resource version, so that their place holds at every revision.
    pub(super) managed_fields: Range<u32>,
    /// What tells the `apiVersion` from others: see [`version_tag`].
    pub(super) version_tag: u64,
    /// Whether `metadata.ownerReferences` names anybody.
    pub(super) names_owners: bool,
    labels: Box<[LabelAt]>,
    /// `key NUL value NUL` for each selectable field that has a value.
    fields: Box<str>,
}

/// A label's place in the JSON; its value begins three bytes (`":"`) after its key. All labels come
/// before the resource version, so that their places hold at every revision.
#[derive(Clone, Copy, Debug)]
struct LabelAt {
    key_at: u32,
    key_len: u16,
    value_len: u16,
}

impl Draft {
    /// Encodes an object, leaving the place of `metadata.resourceVersion` open. `fields` are the
    /// values of its selectable fields beyond name and namespace.
    pub fn encode(object: &Object, fields: Box<[(Box<str>, Box<str>)]>) -> Self {
        Self::around(object, fields, ("", b"")).0
    }

    /// The same of an object one of whose fields is given as its text, name and comma with it; and
    /// where in the piece that text stands.
    pub(super) fn around(
        object: &Object,
        fields: Box<[(Box<str>, Box<str>)]>,
        kept: (&str, &[u8]),
    ) -> (Self, usize) {
        let mut packed = String::new();
        for (key, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            for text in [key, value] {
                packed.push_str(text);
                packed.push('\0');
            }
        }
        drop(fields);
        let mut encoder = Encoder {
            json: Vec::with_capacity(PIECE_LENGTH_USUAL),
            revision_at: 0,
            managed_fields: 0..0,
            labels: Vec::new(),
        };
        let places = encoder.object(object.as_map(), object.managed_fields(), kept);
        let (kept_at, type_at) = places;
        let draft = Self {
            facts: Facts {
                revision_at: encoder.revision_at,
                type_len: encoder.here() - type_at,
                managed_fields: encoder.managed_fields,
                version_tag: version_tag(object.api_version()),
                names_owners: !object.items(&["metadata", "ownerReferences"]).is_empty(),
                labels: encoder.labels.into(),
                fields: packed.into(),
            },
            piece: encoder.json,
            tree: None,
        };
        (draft, kept_at as usize)
    }

    /// How long the piece is, but for the revision.
    pub(super) fn len(&self) -> usize {
        self.piece.len()
    }

    /// The same with the object that it was made of.
    pub fn with_tree(mut self, tree: &Tree) -> Self {
        self.tree = Some(tree.clone());
        self
    }

    /// The same with another tag than that of its `apiVersion`: see [`version_tag`].
    pub fn with_tag(mut self, tag: u64) -> Self {
        self.facts.version_tag = tag;
        self
    }

    /// The final piece at a revision.
    pub(super) fn at(&self, revision: Revision) -> Bytes {
        let (head, tail) = self.piece.split_at(self.facts.revision_at as usize);
        splice(head, revision, tail)
    }
}

/// An object on its way into the store: with a writer until the write succeeds, then in the store.
#[derive(Clone, Debug)]
pub struct Tree(Arc<Mutex<Option<Arc<Object>>>>);

impl Tree {
    /// An object to be stored.
    pub fn new(object: Arc<Object>) -> Self {
        Self(Arc::new(Mutex::new(Some(object))))
    }

    /// The object, which is not here any more then.
    pub fn take(&self) -> Option<Arc<Object>> {
        self.0.lock().take()
    }
}

/// What is in front of the object in its piece.
pub(super) const PREFIX: &[u8] = b"},";

/// Room for most objects, so that few grow while they are written.
const PIECE_LENGTH_USUAL: usize = 4096;

/// A number for an `apiVersion`, by which lists tell the version of an object without looking at
/// its bytes (FNV-1a). Custom resources have the mark of their schema in it.
pub fn version_tag(api_version: &str) -> u64 {
    api_version
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |tag: u64, byte| {
            (tag ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// Head, revision, tail, in one piece of exactly that size.
pub(super) fn splice(head: &[u8], revision: Revision, tail: &[u8]) -> Bytes {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(revision.0).as_bytes();
    let mut out = Vec::with_capacity(head.len() + digits.len() + tail.len());
    out.extend_from_slice(head);
    out.extend_from_slice(digits);
    out.extend_from_slice(tail);
    out.into()
}

impl Facts {
    pub(super) fn labels<'a>(
        &'a self,
        piece: &'a [u8],
    ) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.labels.iter().filter_map(move |label| {
            let key_at = label.key_at as usize;
            let key_end = key_at + usize::from(label.key_len);
            let value_at = key_end + 3;
            let value = piece.get(value_at..value_at + usize::from(label.value_len))?;
            let key = piece.get(key_at..key_end)?;
            Some((str::from_utf8(key).ok()?, str::from_utf8(value).ok()?))
        })
    }

    /// The value of one label: compared as bytes, since most labels looked at are others.
    pub(super) fn label<'a>(&'a self, piece: &'a [u8], key: &str) -> Option<&'a str> {
        let key = key.as_bytes();
        let found = self.labels.iter().find(|label| {
            let at = label.key_at as usize;
            usize::from(label.key_len) == key.len() && piece.get(at..at + key.len()) == Some(key)
        })?;
        let value_at = found.key_at as usize + key.len() + 3;
        let value = piece.get(value_at..value_at + usize::from(found.value_len))?;
        str::from_utf8(value).ok()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut parts = self.fields.split_terminator('\0');
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }
}

struct Encoder {
    json: Vec<u8>,
    revision_at: u32,
    managed_fields: Range<u32>,
    labels: Vec<LabelAt>,
}

impl Encoder {
    /// Writes the object and returns where the field that is given as text begins, and where its
    /// type does.
    fn object(
        &mut self,
        map: &Map<String, Value>,
        managed: Option<&ManagedFields>,
        (kept, text): (&str, &[u8]),
    ) -> (u32, u32) {
        self.json.extend_from_slice(PREFIX);
        self.json.push(b'{');
        let empty = Map::new();
        let metadata = map.get("metadata").and_then(Value::as_object);
        self.name("metadata");
        self.metadata(metadata.unwrap_or(&empty), managed);
        self.json.push(b',');
        let is_own = |name: &str| !matches!(name, "apiVersion" | "kind" | "metadata");
        let own = || map.iter().filter(|(name, _)| is_own(name));
        for (name, value) in own().filter(|(name, _)| name.as_str() < kept) {
            self.entry(name, value);
        }
        let kept_at = self.here();
        self.json.extend_from_slice(text);
        for (name, value) in own().filter(|(name, _)| name.as_str() >= kept) {
            self.entry(name, value);
        }
        let type_at = self.here() - 1;
        for name in ["apiVersion", "kind"] {
            if let Some(value) = map.get(name) {
                self.entry(name, value);
            }
        }
        self.close();
        (kept_at, type_at)
    }

    fn metadata(&mut self, metadata: &Map<String, Value>, managed: Option<&ManagedFields>) {
        const VERSION: &str = "resourceVersion";
        self.json.push(b'{');
        let named = |from: &'static str, to: &'static str| {
            let names = metadata.iter();
            names.filter(move |(name, _)| name.as_str() > from && name.as_str() < to)
        };
        for (name, value) in named("", MANAGED_FIELDS) {
            match value.as_object() {
                Some(labels) if name == "labels" => {
                    self.name(name);
                    self.labels(labels);
                    self.json.push(b',');
                }
                _ => self.entry(name, value),
            }
        }
        if let Some(managed) = managed {
            self.name(MANAGED_FIELDS);
            let start = self.here();
            self.json.extend_from_slice(managed.text());
            self.managed_fields = start..self.here();
            self.json.push(b',');
        }
        for (name, value) in named(MANAGED_FIELDS, VERSION) {
            self.entry(name, value);
        }
        self.name(VERSION);
        self.json.push(b'"');
        self.revision_at = self.here();
        self.json.extend_from_slice(b"\",");
        for (name, value) in metadata.iter().filter(|(name, _)| name.as_str() > VERSION) {
            self.entry(name, value);
        }
        self.close();
    }

    fn labels(&mut self, labels: &Map<String, Value>) {
        self.json.push(b'{');
        for (key, value) in labels {
            let key_at = self.here() + 1;
            self.entry(key, value);
            let Some(value) = value.as_str() else {
                continue;
            };
            // A text that JSON must escape is no valid label; it is written, but not selected by.
            let written = self.json.len() - key_at as usize;
            if written == key.len() + value.len() + r#"":"","#.len()
                && let (Ok(key_len), Ok(value_len)) = (key.len().try_into(), value.len().try_into())
            {
                self.labels.push(LabelAt {
                    key_at,
                    key_len,
                    value_len,
                });
            }
        }
        self.close();
    }

    /// `"name":value,`
    fn entry(&mut self, name: &str, value: &Value) {
        self.name(name);
        self.value(value);
        self.json.push(b',');
    }

    /// `"name":`
    fn name(&mut self, name: &str) {
        self.value(name);
        self.json.push(b':');
    }

    fn value(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        json::write(&mut self.json, value);
    }

    /// Ends an object, in place of the comma after its last field.
    fn close(&mut self) {
        if self.json.last() == Some(&b',') {
            self.json.pop();
        }
        self.json.push(b'}');
    }

    fn here(&self) -> u32 {
        // Bodies are limited to a few MiB long before they come here.
        self.json.len() as u32
    }
}

//! An object as the store keeps it: its final bytes, and the few facts that lists filter by.
//!
//! There is one piece of memory for each object: its JSON, its form as an item of a list and its
//! labels are slices of it. The place of `metadata.resourceVersion` is known, so that a removal can
//! write the object anew at its own revision.
//!
//! *Upstream:* `apiserver/pkg/storage/etcd3/store.go`, `storage/cacher/caching_object.go`.

use std::ops::Range;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

use super::draft::{self, Draft, Facts, Tree};
use super::{Forms, Revision};
use crate::object::{Key, ManagedFields, Object, json};

/// An object in the store.
#[derive(Debug)]
pub struct Stored {
    /// Which object.
    pub key: Key,
    /// The revision of the write that made it so.
    pub revision: Revision,
    /// The JSON in the version it is stored in, with what [`super::draft`] puts in front of it.
    piece: Bytes,
    facts: Facts,
    parsed: Mutex<Parsed>,
    forms: Forms,
}

/// The parsed form of an object.
#[derive(Debug)]
enum Parsed {
    /// What was written, until its writer takes it.
    Fresh(Arc<Object>),
    /// While somebody holds it.
    Held(Weak<Object>),
}

impl Default for Parsed {
    fn default() -> Self {
        Self::Held(Weak::new())
    }
}

impl Stored {
    /// The object of a draft, stored at a revision.
    pub fn new(key: Key, revision: Revision, draft: Draft) -> Self {
        let piece = draft.at(revision);
        let tree = draft.tree.as_ref().and_then(Tree::take);
        let mut stored = Self::from_parts(key, revision, piece, draft.facts);
        if let Some(mut tree) = tree {
            let version = revision.0.to_string();
            Arc::make_mut(&mut tree).set(&["metadata", "resourceVersion"], version);
            debug_assert_eq!(*tree, stored.object(), "what is written is what is read");
            stored.parsed = Mutex::new(Parsed::Fresh(tree));
        }
        stored
    }

    /// What was written, as a tree, for its writer, who came with it.
    pub fn take_fresh(&self) -> Option<Arc<Object>> {
        let mut parsed = self.parsed.lock();
        match std::mem::take(&mut *parsed) {
            Parsed::Fresh(tree) => {
                *parsed = Parsed::Held(Arc::downgrade(&tree));
                Some(tree)
            }
            other @ Parsed::Held(_) => {
                *parsed = other;
                None
            }
        }
    }

    pub(super) fn from_parts(key: Key, revision: Revision, piece: Bytes, facts: Facts) -> Self {
        Self {
            key,
            revision,
            piece,
            facts,
            parsed: Mutex::default(),
            forms: Forms::default(),
        }
    }

    /// The same object at another revision: what a removal leaves.
    pub fn moved_to(&self, revision: Revision) -> Self {
        let digits = self.revision.0.checked_ilog10().unwrap_or(0) as usize + 1;
        let (head, tail) = self.piece.split_at(self.facts.revision_at as usize);
        let piece = draft::splice(head, revision, &tail[digits..]);
        Self::from_parts(self.key.clone(), revision, piece, self.facts.clone())
    }

    /// The final JSON.
    pub fn bytes(&self) -> Bytes {
        self.piece.slice(draft::PREFIX.len()..)
    }

    /// The final JSON, to look at.
    pub fn json(&self) -> &[u8] {
        &self.piece[draft::PREFIX.len()..]
    }

    /// The object as the first item of a list of its kind: without its type and its last brace.
    pub fn first_item(self: Arc<Self>) -> Item {
        let place = draft::PREFIX.len()..self.type_at();
        Item::of(self, place)
    }

    /// The object as a later item of a list of its kind: the last brace of the item before it and a
    /// comma, then the object without its type and its last brace.
    pub fn later_item(self: Arc<Self>) -> Item {
        let place = 0..self.type_at();
        Item::of(self, place)
    }

    /// The object as a later item of a list that keeps the types of its items: a comma, then the
    /// object.
    pub fn later_whole_item(self: Arc<Self>) -> Item {
        let place = 1..self.piece.len();
        Item::of(self, place)
    }

    fn type_at(&self) -> usize {
        self.piece.len() - self.facts.type_len as usize
    }

    /// Whether the object names any owners.
    pub fn names_owners(&self) -> bool {
        self.facts.names_owners
    }

    /// A number for `apiVersion`, as stored: see [`draft::version_tag`].
    pub fn version_tag(&self) -> u64 {
        self.facts.version_tag
    }

    /// The next state of the object where one long field stays as it is, which is not written anew:
    /// `old` and `new` are the two states without it. `None` where this is not what `old` says.
    pub fn next_keeping(&self, field: &str, old: &Object, new: &Object) -> Option<Draft> {
        let (without, at) = Draft::around(old, [].into(), (field, b""));
        let known = without.at(self.revision);
        // What comes before the field has the revision in it.
        let (before, after) = known.split_at(at + known.len() - without.len());
        let text = self.piece.strip_prefix(before)?.strip_suffix(after)?;
        Some(Draft::around(new, [].into(), (field, text)).0)
    }

    /// Whether a draft, at the revision of this object, is this object.
    pub fn is_written_as(&self, draft: &Draft) -> bool {
        draft.at(self.revision) == self.piece
    }

    /// Whoever wants the object parsed finds this, while somebody holds it: it is what the bytes
    /// say.
    pub fn remember(&self, object: &Arc<Object>) {
        debug_assert_eq!(**object, self.object(), "what is written is what is read");
        *self.parsed.lock() = Parsed::Held(Arc::downgrade(object));
    }

    /// The object, parsed. The parsed form is shared while somebody holds it.
    pub fn parsed(&self) -> Arc<Object> {
        let mut parsed = self.parsed.lock();
        let known = match &*parsed {
            Parsed::Fresh(tree) => Some(Arc::clone(tree)),
            Parsed::Held(tree) => tree.upgrade(),
        };
        known.unwrap_or_else(|| {
            let object = Arc::new(self.object());
            *parsed = Parsed::Held(Arc::downgrade(&object));
            object
        })
    }

    /// The object, parsed anew from its bytes.
    pub fn object(&self) -> Object {
        let parse = |text: &[u8]| Object::from_value(json::read(text)).unwrap_or_default();
        let place = &self.facts.managed_fields;
        if place.is_empty() {
            return parse(self.json());
        }
        // The managed fields stay text: the rest is parsed as if `null` stood there.
        let place = place.start as usize..place.end as usize;
        let parts = [
            &self.piece[draft::PREFIX.len()..place.start],
            b"null",
            &self.piece[place.end..],
        ];
        let mut object = parse(&parts.concat());
        let entries = ManagedFields::from_text(self.piece.slice(place));
        object.set_managed_fields(Some(entries));
        object
    }

    /// Labels in key order.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.facts.labels(&self.piece)
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.facts.label(&self.piece, key)
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

    /// Another form of the object, where it was made and kept.
    pub fn known_form(&self, form: &str) -> Option<Bytes> {
        self.forms.get(form)
    }

    /// Another form of the object, made once and kept: `form` names it, `make` makes it.
    pub fn form(&self, form: &str, make: impl FnOnce() -> Bytes) -> Bytes {
        self.forms.get_or_make(form, make)
    }
}

/// An object as an item of a list: a part of its piece, which the object is kept for. A list takes
/// every object once, and counts no other reference to it.
#[derive(Clone, Debug)]
pub struct Item {
    object: Arc<Stored>,
    place: Range<u32>,
}

impl Item {
    fn of(object: Arc<Stored>, place: Range<usize>) -> Self {
        let place = place.start as u32..place.end as u32;
        Self { object, place }
    }

    /// Drops bytes at the beginning.
    pub fn advance(&mut self, count: usize) {
        self.place.start = (self.place.start + count as u32).min(self.place.end);
    }
}

impl AsRef<[u8]> for Item {
    fn as_ref(&self) -> &[u8] {
        &self.object.piece[self.place.start as usize..self.place.end as usize]
    }
}

//! `metadata.managedFields` as the text it is stored and sent as.
//!
//! Every write keeps these entries, most reads pass them on, and few look into them; as a tree they
//! would be the larger half of most objects. So they stand beside the tree of an object, and only
//! who works on them reads them.
//!
//! *Invariant:* the text is JSON, with the fields of each object sorted, as a tree would print it.
//! *Upstream:* `metav1.ManagedFieldsEntry`, whose `FieldsV1` is raw bytes for the same reason.

use bytes::Bytes;
use serde_json::Value;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedFields(Bytes);

impl ManagedFields {
    /// Entries that are written already.
    pub fn from_text(text: Bytes) -> Self {
        Self(text)
    }

    /// Entries that came as a tree.
    pub fn from_value(entries: &Value) -> Self {
        Self(entries.to_string().into())
    }

    /// The entries as they are written.
    pub fn text(&self) -> &[u8] {
        &self.0
    }

    /// The entries as a tree.
    pub fn to_value(&self) -> Value {
        serde_json::from_slice(&self.0).unwrap_or_default()
    }
}

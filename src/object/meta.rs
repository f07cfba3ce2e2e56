//! Metadata: names, labels, finalizers, owners, deletion.

use serde_json::{Map, Value};

use super::{Key, ManagedFields, Object, json};

impl Object {
    /// `metadata`, where there is one.
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        self.as_map().get("metadata").and_then(Value::as_object)
    }

    /// `metadata`, made where missing.
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        let metadata = self
            .as_map_mut()
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        if !metadata.is_object() {
            *metadata = Value::Object(Map::new());
        }
        match metadata {
            Value::Object(map) => map,
            // Made an object just above.
            _ => unreachable!(),
        }
    }

    /// `metadata` as JSON text.
    pub fn write_metadata(&self, out: &mut Vec<u8>) {
        let empty = Map::new();
        let metadata = self.metadata().unwrap_or(&empty);
        out.push(b'{');
        write_entries(out, metadata, self.managed_fields());
        out.push(b'}');
    }

    /// `metadata.name`, or empty.
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    /// `metadata.generateName`, or empty.
    pub fn generate_name(&self) -> &str {
        self.text(&["metadata", "generateName"])
    }

    /// `metadata.namespace`, or empty.
    pub fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }

    /// `metadata.uid`, or empty.
    pub fn uid(&self) -> &str {
        self.text(&["metadata", "uid"])
    }

    /// `metadata.resourceVersion`, or empty.
    pub fn resource_version(&self) -> &str {
        self.text(&["metadata", "resourceVersion"])
    }

    /// `metadata.generation`, or 0.
    pub fn generation(&self) -> i64 {
        self.integer(&["metadata", "generation"]).unwrap_or(0)
    }

    /// Whether `metadata.deletionTimestamp` is set.
    pub fn is_being_deleted(&self) -> bool {
        !self.text(&["metadata", "deletionTimestamp"]).is_empty()
    }

    /// The texts of `metadata.finalizers`.
    pub fn finalizers(&self) -> impl Iterator<Item = &str> {
        self.items(&["metadata", "finalizers"])
            .iter()
            .filter_map(Value::as_str)
    }

    /// The label with this key.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.get(&["metadata", "labels"])?.get(key)?.as_str()
    }

    /// Labels in key order.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        texts(self.get(&["metadata", "labels"]))
    }

    /// Annotations in key order.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        texts(self.get(&["metadata", "annotations"]))
    }

    /// Where it is stored.
    pub fn key(&self) -> Key {
        Key::new(self.namespace(), self.name())
    }
}

/// The name under which the entries of [`ManagedFields`] are written.
pub(crate) const MANAGED_FIELDS: &str = "managedFields";

/// Writes entries of the metadata in their order, the managed fields at their place among them.
pub(super) fn write_entries(
    out: &mut Vec<u8>,
    metadata: &Map<String, Value>,
    mut managed_fields: Option<&ManagedFields>,
) {
    let mut comma: &[u8] = b"";
    let mut begin = |out: &mut Vec<u8>, name: &str| {
        out.extend_from_slice(comma);
        comma = b",";
        json::write(out, name);
        out.push(b':');
    };
    for (name, value) in metadata {
        if name.as_str() > MANAGED_FIELDS
            && let Some(entries) = managed_fields.take()
        {
            begin(out, MANAGED_FIELDS);
            out.extend_from_slice(entries.text());
        }
        begin(out, name);
        json::write(out, value);
    }
    if let Some(entries) = managed_fields {
        begin(out, MANAGED_FIELDS);
        out.extend_from_slice(entries.text());
    }
}

/// The entries of a JSON object whose values are texts.
fn texts(value: Option<&Value>) -> impl Iterator<Item = (&str, &str)> {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

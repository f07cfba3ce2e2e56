//! What an object is: a JSON map with `apiVersion`, `kind` and `metadata`.
//!
//! *Invariant:* knows no schema, no storage, no HTTP.

pub mod duration;
pub mod field_path;
pub mod json;
pub mod json_path;
pub mod label_syntax;
pub mod managed_fields;
pub mod meta;
pub mod names;
pub mod quantity;
pub mod quote;

pub mod selector;
pub mod time;
pub mod yaml;

pub use field_path::FieldPath;
pub use managed_fields::ManagedFields;
pub use names::{GroupResource, GroupVersion, GroupVersionKind, Key};
use serde_json::{Map, Value};

/// Room for most objects as text, so that few grow while they are written.
const JSON_LENGTH_USUAL: usize = 4096;

/// An object of any kind, as JSON. Metadata accessors are in [`meta`].
///
/// `metadata.managedFields` are no part of the map: see [`managed_fields`].
#[derive(Clone, Debug, Default)]
pub struct Object {
    map: Map<String, Value>,
    managed_fields: Option<ManagedFields>,
}

impl PartialEq for Object {
    /// Looks first where writes change something, and last at the long rest.
    fn eq(&self, other: &Self) -> bool {
        self.managed_fields == other.managed_fields
            && ["metadata", "status"]
                .iter()
                .all(|name| self.map.get(*name) == other.map.get(*name))
            && self.map == other.map
    }
}

impl Object {
    /// An object from a JSON value; `None` where it is not a JSON object.
    pub fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self::from_map(map)),
            _ => None,
        }
    }

    /// An object from a JSON map.
    pub fn from_map(mut map: Map<String, Value>) -> Self {
        let metadata = map.get_mut("metadata").and_then(Value::as_object_mut);
        let entries = metadata.and_then(|metadata| metadata.remove("managedFields"));
        Self {
            map,
            managed_fields: entries
                .filter(|entries| !entries.is_null())
                .map(|entries| ManagedFields::from_value(&entries)),
        }
    }

    /// The whole object as a JSON value.
    pub fn into_value(mut self) -> Value {
        if let Some(entries) = self.managed_fields.take() {
            let entries = entries.to_value();
            self.metadata_mut()
                .insert("managedFields".to_owned(), entries);
        }
        Value::Object(self.map)
    }

    /// The whole object as JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(JSON_LENGTH_USUAL);
        out.push(b'{');
        for (index, (name, value)) in self.map.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::write(&mut out, name);
            out.push(b':');
            match value {
                Value::Object(metadata) if name == "metadata" => {
                    out.push(b'{');
                    meta::write_entries(&mut out, metadata, self.managed_fields.as_ref());
                    out.push(b'}');
                }
                value => json::write(&mut out, value),
            }
        }
        out.push(b'}');
        out
    }

    /// The JSON map, without `metadata.managedFields`.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.map
    }

    /// The JSON map, without `metadata.managedFields`, to change.
    pub fn as_map_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.map
    }

    /// `metadata.managedFields`.
    pub fn managed_fields(&self) -> Option<&ManagedFields> {
        self.managed_fields.as_ref()
    }

    /// Sets `metadata.managedFields`, or takes them away.
    pub fn set_managed_fields(&mut self, entries: Option<ManagedFields>) {
        self.managed_fields = entries;
    }

    /// `apiVersion`, or empty.
    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"])
    }

    /// `kind`, or empty.
    pub fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    /// Sets `apiVersion` and `kind`.
    pub fn set_type(&mut self, api_version: &str, kind: &str) {
        for (name, text) in [("apiVersion", api_version), ("kind", kind)] {
            if self.text(&[name]) != text {
                self.map.insert(name.to_owned(), text.into());
            }
        }
    }

    /// The value at a path of field names, or `None` where any step is missing.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let mut value = json::get(&self.map, first)?;
        for name in rest {
            value = json::get(value.as_object()?, name)?;
        }
        Some(value)
    }

    /// The value at a path of field names, to change.
    pub fn get_mut(&mut self, path: &[&str]) -> Option<&mut Value> {
        let (first, rest) = path.split_first()?;
        let mut value = self.map.get_mut(*first)?;
        for name in rest {
            value = value.as_object_mut()?.get_mut(*name)?;
        }
        Some(value)
    }

    /// The text at a path, or empty.
    pub fn text(&self, path: &[&str]) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or("")
    }

    /// The integer at a path.
    pub fn integer(&self, path: &[&str]) -> Option<i64> {
        self.get(path).and_then(Value::as_i64)
    }

    /// Whether true stands at a path.
    pub fn is_true(&self, path: &[&str]) -> bool {
        self.get(path).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The items of the list at a path; empty where there is none.
    pub fn items(&self, path: &[&str]) -> &[Value] {
        self.get(path)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// Sets the value at a path; objects on the way are made where missing.
    pub fn set(&mut self, path: &[&str], value: impl Into<Value>) {
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        let mut map = &mut self.map;
        for name in parents {
            let next = map.entry((*name).to_owned()).or_insert(Value::Null);
            if !next.is_object() {
                *next = Value::Object(Map::new());
            }
            let Value::Object(inner) = next else { return };
            map = inner;
        }
        map.insert((*last).to_owned(), value.into());
    }

    /// Removes and returns the value at a path.
    pub fn remove(&mut self, path: &[&str]) -> Option<Value> {
        let (last, parents) = path.split_last()?;
        let mut map = &mut self.map;
        for name in parents {
            map = map.get_mut(*name)?.as_object_mut()?;
        }
        map.remove(*last)
    }
}

//! What a custom resource's schema does not know is left out (built-in kinds: see `normalise`).
//!
//! *Invariant:* runs before defaulting, so that a default is never mistaken for what was sent.
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/{pruning,objectmeta}/algorithm.go`,
//! `schema/defaulting/prunenulls.go`.

use serde_json::{Map, Value};

use super::{Node, Origin, Schema};

/// Where the walk stands, for the paths of what it leaves out.
struct Walk<'a> {
    schema: &'a Schema,
    /// Whether metadata is left as it is.
    keeps_metadata: bool,
    /// Paths of what was left out; `None` where nobody asks.
    unknown: Option<Vec<String>>,
    path: String,
}

/// Leaves out what the schema of a custom resource does not know, and nulls that it does not
/// allow. Does nothing to built-in kinds.
pub fn apply(object: &mut Map<String, Value>, schema: &Schema) {
    run(object, schema, None);
}

/// As [`apply`]; the paths of the fields left out, sorted: `spec.a`, `spec.list[0].b`.
pub fn apply_reporting(object: &mut Map<String, Value>, schema: &Schema) -> Vec<String> {
    let mut unknown = run(object, schema, Some(Vec::new())).unwrap_or_default();
    unknown.sort();
    unknown
}

/// Leaves out the unknown fields of a value that stands at the schema's root; nulls and metadata
/// stay.
pub fn unknown_fields(value: &mut Value, schema: &Schema) {
    let mut walk = Walk {
        schema,
        keeps_metadata: true,
        unknown: None,
        path: String::new(),
    };
    walk.value(Some(schema.root()), value);
}

fn run(
    object: &mut Map<String, Value>,
    schema: &Schema,
    unknown: Option<Vec<String>>,
) -> Option<Vec<String>> {
    if schema.origin() == Origin::BuiltIn {
        return unknown;
    }
    let mut walk = Walk {
        schema,
        // Who asks what is unknown has read metadata as the struct they are, or will.
        keeps_metadata: unknown.is_some(),
        unknown,
        path: String::new(),
    };
    let root = schema.root();
    walk.map(root, object, true);
    drop_nulls_in_map(schema, root, object);
    walk.unknown
}

impl Walk<'_> {
    fn value(&mut self, node: Option<&Node>, value: &mut Value) {
        match (value, node) {
            (Value::Object(map), Some(node)) => self.map(node, map, node.is_embedded_resource),
            (Value::Object(map), None) => self.clear(map),
            (Value::Array(list), node) => {
                if node.is_some_and(|node| node.preserves_unknown_fields) {
                    // Upstream looks into such lists for what their items describe, too.
                    self.preserved_list(node, list);
                    return;
                }
                let schema = self.schema;
                let items = node
                    .and_then(|node| schema.items(node))
                    .map(|id| schema.node(id));
                for (index, value) in list.iter_mut().enumerate() {
                    let length = self.push_index(index);
                    self.value(items, value);
                    self.path.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn preserved_list(&mut self, node: Option<&Node>, list: &mut [Value]) {
        let Some(id) = node.and_then(|node| self.schema.items(node)) else {
            return;
        };
        let schema = self.schema;
        for (index, value) in list.iter_mut().enumerate() {
            if let Value::Object(map) = value {
                let length = self.push_index(index);
                let items = schema.node(id);
                self.fields(items, map, items.is_embedded_resource, true);
                self.path.truncate(length);
            }
        }
    }

    fn map(&mut self, node: &Node, map: &mut Map<String, Value>, is_resource: bool) {
        self.fields(node, map, is_resource, node.preserves_unknown_fields);
    }

    fn fields(
        &mut self,
        node: &Node,
        map: &mut Map<String, Value>,
        is_resource: bool,
        preserves: bool,
    ) {
        let schema = self.schema;
        map.retain(|name, value| {
            if is_resource && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                return self.meta(name, value);
            }
            match schema.child(node, name) {
                Some(id) => {
                    let length = self.push_key(name);
                    self.value(Some(schema.node(id)), value);
                    self.path.truncate(length);
                    true
                }
                None if preserves => true,
                None => {
                    self.report(name);
                    false
                }
            }
        });
    }

    /// `apiVersion`, `kind` and `metadata` of a resource: metadata is a Go struct of its own.
    fn meta(&mut self, name: &str, value: &mut Value) -> bool {
        if name != "metadata" || self.keeps_metadata {
            return true;
        }
        let Some(node) = self.schema.meta() else {
            return true;
        };
        let node = self.schema.node(node);
        let length = self.push_key(name);
        if let Value::Object(map) = value {
            self.fields(node, map, false, false);
        }
        self.path.truncate(length);
        true
    }

    fn clear(&mut self, map: &mut Map<String, Value>) {
        for name in map.keys() {
            self.report(name);
        }
        map.clear();
    }

    fn push_key(&mut self, name: &str) -> usize {
        let length = self.path.len();
        if self.unknown.is_some() {
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(name);
        }
        length
    }

    fn push_index(&mut self, index: usize) -> usize {
        let length = self.path.len();
        if self.unknown.is_some() {
            self.path.push('[');
            self.path.push_str(&index.to_string());
            self.path.push(']');
        }
        length
    }

    fn report(&mut self, name: &str) {
        if let Some(unknown) = &mut self.unknown {
            let path = if self.path.is_empty() {
                name.to_owned()
            } else {
                format!("{}.{name}", self.path)
            };
            unknown.push(path);
        }
    }
}

/// Leaves out nulls that are neither allowed nor replaced by a default.
fn drop_nulls_in_map(schema: &Schema, node: &Node, map: &mut Map<String, Value>) {
    map.retain(|name, value| {
        let Some(id) = schema.child(node, name) else {
            return true;
        };
        let child = schema.node(id);
        // Metadata that the schema says nothing of are read as the struct they are.
        Some(id) == schema.meta()
            || !(value.is_null() && !child.is_nullable && child.default.is_none())
    });
    let is_resource = node.is_embedded_resource || std::ptr::eq(node, schema.root());
    for (name, value) in map.iter_mut() {
        // What null is in metadata, their struct knows.
        if is_resource && name == "metadata" {
            continue;
        }
        if let Some(id) = schema.child(node, name) {
            drop_nulls(schema, schema.node(id), value);
        }
    }
}

fn drop_nulls(schema: &Schema, node: &Node, value: &mut Value) {
    match value {
        Value::Object(map) => drop_nulls_in_map(schema, node, map),
        Value::Array(list) => {
            if let Some(id) = schema.items(node) {
                for value in list {
                    drop_nulls(schema, schema.node(id), value);
                }
            }
        }
        _ => {}
    }
}

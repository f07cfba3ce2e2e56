//! How large a value can be, and how the schema says so.
//!
//! *Upstream:* `apiserver/pkg/cel/common/schemas.go`, `apiserver/pkg/cel/limits.go`.

use crate::cel::names;
use crate::schema::{Node, NodeId, Origin, Schema, Shape};

/// The largest request, in bytes.
pub(super) const REQUEST_MAX: u64 = 3 * 1024 * 1024;

/// The least and the most elements of a value: characters, items, entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Size {
    /// Nothing is known.
    pub(super) const UNKNOWN: Self = Self {
        min: 0,
        max: u64::MAX,
    };

    /// Just this many.
    pub(super) const fn fixed(size: u64) -> Self {
        Self {
            min: size,
            max: size,
        }
    }

    /// As many as both together.
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            min: self.min.saturating_add(other.min),
            max: self.max.saturating_add(other.max),
        }
    }

    /// As many as one for each of the other.
    pub(super) const fn times(self, other: Self) -> Self {
        Self {
            min: self.min.saturating_mul(other.min),
            max: self.max.saturating_mul(other.max),
        }
    }

    /// Either of both.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// Where in a schema a path leads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// A node, and whether it is a whole resource.
    Node(NodeId, bool),
    /// A text of which nothing is said, or an object's metadata.
    Plain,
    /// A text of so many bytes.
    Text(u64),
    /// An object's metadata.
    Meta,
}

impl Place {
    /// One step further; `None` where there is no such thing.
    pub(super) fn step(self, schema: &Schema, step: &str) -> Option<Self> {
        let (id, is_resource) = match self {
            Self::Node(id, is_resource) => (id, is_resource),
            Self::Meta => return matches!(step, "name" | "generateName").then_some(Self::Plain),
            Self::Plain | Self::Text(_) => return None,
        };
        let node = schema.node(id);
        let at = |id| Self::Node(id, schema.node(id).is_embedded_resource);
        match (step, &node.shape) {
            ("@items" | "@values", Shape::List(inner) | Shape::Map(inner)) => Some(at(*inner)),
            ("@keys", Shape::Map(_)) => match key_length(schema, node) {
                Some(length) => Some(Self::Text(length)),
                None => Some(Self::Plain),
            },
            // What has a size of its own is found by the names of its entries, too.
            (_, Shape::Map(inner)) => {
                let is_sized = key_length(schema, node).is_some();
                (is_sized && is_visible(schema.node(*inner))).then(|| at(*inner))
            }
            (_, Shape::Struct(_)) => {
                if is_resource {
                    match step {
                        "apiVersion" | "kind" => return Some(Self::Plain),
                        "metadata" => return Some(Self::Meta),
                        _ => {}
                    }
                }
                let field = schema.field(node, &names::unescape(step)?)?;
                is_visible(schema.node(field.node)).then(|| at(field.node))
            }
            _ => None,
        }
    }

    /// How many elements there can be.
    pub(super) fn size(self, schema: &Schema) -> Size {
        let max = match self {
            Self::Node(id, _) => most_elements(schema, schema.node(id)),
            Self::Plain | Self::Meta => 0,
            Self::Text(length) => length,
        };
        Size { min: 0, max }
    }
}

/// How long the keys of a map can be, where a built-in type says so.
fn key_length(schema: &Schema, node: &Node) -> Option<u64> {
    let checks = node.checks.as_ref()?;
    checks
        .length
        .1
        .filter(|_| schema.origin() == Origin::BuiltIn)
}

/// Whether expressions can reach what a node describes.
fn is_visible(node: &Node) -> bool {
    !node.is_untyped && !matches!(node.shape, Shape::Any)
}

/// How many items or entries a node can hold at most, where its schema says so.
pub fn stated_max(node: &Node) -> Option<u64> {
    let checks = node.checks.as_ref()?;
    match node.shape {
        Shape::List(_) => checks.items.1,
        Shape::Map(_) => checks.properties.1,
        _ => None,
    }
}

/// How often a value of a node can stand in a request at most, wherever it may stand.
pub fn cardinality(schema: &Schema, id: NodeId) -> u64 {
    REQUEST_MAX / (least_size(schema, schema.node(id), 0) + 1)
}

/// The smallest JSON of a node.
fn least_size(schema: &Schema, node: &Node, depth: u8) -> u64 {
    match &node.shape {
        Shape::Boolean => 4,
        Shape::Integer(_) | Shape::Number | Shape::IntOrString => 1,
        Shape::String(_) => match format(node) {
            "duration" => 3,
            "date" => 12,
            "date-time" => 21,
            _ => 2,
        },
        Shape::Struct(fields) if depth < 32 => {
            let required = fields.iter().filter(|field| {
                let node_of = schema.node(field.node);
                node.required.contains(&field.name)
                    && node_of.default.is_none()
                    && is_visible(node_of)
            });
            let sizes = required.map(|field| {
                let inner = least_size(schema, schema.node(field.node), depth + 1);
                field.name.len() as u64 + inner + 4
            });
            2 + sizes.sum::<u64>()
        }
        _ => 2,
    }
}

fn format(node: &Node) -> &str {
    node.checks
        .as_ref()
        .map_or("", |checks| checks.format.as_ref())
}

/// The most elements a value of a node can have: characters, items, entries.
fn most_elements(schema: &Schema, node: &Node) -> u64 {
    let checks = node.checks.as_deref();
    let stated = checks.and_then(|checks| checks.length.1);
    match &node.shape {
        // Upstream counts the elements of text, lists and maps only.
        Shape::Boolean | Shape::Integer(_) | Shape::Number | Shape::Struct(_) | Shape::Any => 0,
        Shape::IntOrString => stated.map_or(REQUEST_MAX - 2, |max| max * 4),
        Shape::String(_) => match (format(node), stated) {
            ("duration" | "date-time", _) => 32,
            ("date", _) => 12,
            ("byte", Some(max)) => max,
            (_, Some(max)) => max.saturating_mul(4),
            ("byte", None) => REQUEST_MAX - 2,
            (_, None) => longest(node).unwrap_or(REQUEST_MAX - 2),
        },
        Shape::List(items) => stated_max(node).unwrap_or_else(|| {
            (REQUEST_MAX - 2) / (least_size(schema, schema.node(*items), 0) + 1)
        }),
        Shape::Map(values) => stated_max(node).unwrap_or_else(|| {
            (REQUEST_MAX - 2) / (least_size(schema, schema.node(*values), 0) + 6)
        }),
    }
}

/// The longest of a text's allowed values.
fn longest(node: &Node) -> Option<u64> {
    let allowed = &node.checks.as_ref()?.enumeration;
    if allowed.is_empty() {
        return None;
    }
    let lengths = allowed.iter().filter_map(|value| value.as_str());
    Some(lengths.map(|text| text.len() as u64).max().unwrap_or(0))
}

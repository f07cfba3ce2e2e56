//! `openAPIV3Schema` of a CustomResourceDefinition: made into a [`Schema`], or told why it is not
//! structural.
//!
//! *Invariant:* everything that can be prepared is prepared here, once: fields sorted, the metadata
//! every object has put in. Schemas that are served are compiled when somebody first looks at them,
//! and so are regular expressions.
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/{convert,structural}.go`.

pub mod field_path;
mod graft;
mod invariants;
pub mod json;
pub mod regular_expression;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

pub use self::invariants::validate;
use self::json::{is_true, list, object, text};
use super::node::Pattern;
use super::{
    Checks, Field, Format, ListKind, MapKind, Node, NodeId, Origin, Rule, Schema, SchemaSet, Shape,
    formats,
};
use crate::object::json::parse;

/// A schema from an `openAPIV3Schema` that passed validation. `meta` is the schema of
/// `ObjectMeta`.
pub fn compile(source: &Map<String, Value>, meta: &Schema) -> Schema {
    run(source, meta, Level::Root, false)
}

/// The same of such a document as text, compiled when somebody first looks at it: of the kinds that
/// are installed, few are used.
pub fn compile_later(document: Bytes, meta: &Schema) -> Schema {
    let nodes = graft::nodes(meta);
    let root = NodeId(nodes.len() as u32);
    let set = SchemaSet::later(
        Origin::Custom,
        Box::new(move || match parse(&document) {
            Ok(Value::Object(source)) => nodes_of(&source, nodes, Level::Root, false),
            _ => nodes_of(&Map::new(), nodes, Level::Root, false),
        }),
    );
    Schema::new(Arc::new(set), root)
}

/// A schema for a place inside an object: with the metadata of a root only where it is a resource
/// of its own.
pub fn compile_at(source: &Map<String, Value>, meta: &Schema, is_resource: bool) -> Schema {
    let level = if is_resource {
        Level::Root
    } else {
        Level::Inner
    };
    run(source, meta, level, false)
}

/// The schema by which upstream checks a default: formats stay whether known or not, and what is
/// int or string has no type.
pub fn compile_described(source: &Map<String, Value>, meta: &Schema) -> Schema {
    run(source, meta, Level::Inner, true)
}

fn run(source: &Map<String, Value>, meta: &Schema, level: Level, is_of_default: bool) -> Schema {
    let nodes = graft::nodes(meta);
    let root = NodeId(nodes.len() as u32);
    let nodes = nodes_of(source, nodes, level, is_of_default);
    let set = SchemaSet::new(Origin::Custom, nodes);
    Schema::new(Arc::new(set), root)
}

/// The nodes of `ObjectMeta`, the root, and all others.
fn nodes_of(
    source: &Map<String, Value>,
    mut nodes: Vec<Node>,
    level: Level,
    is_of_default: bool,
) -> Vec<Node> {
    // Nodes are large: those of a long definition should not move when more come.
    nodes.reserve(count_places(source));
    let root = nodes.len();
    nodes.push(Node::default());
    let mut compiler = Compiler {
        nodes,
        is_of_default,
    };
    compiler.nodes[root] = compiler.node(source, level);
    compiler.nodes
}

/// How many places a schema has, at most.
fn count_places(source: &Map<String, Value>) -> usize {
    let inner = source.values().map(|value| match value {
        Value::Object(map) => count_places(map),
        Value::Array(items) => {
            let maps = items.iter().filter_map(Value::as_object);
            maps.map(count_places).sum()
        }
        _ => 0,
    });
    1 + inner.sum::<usize>()
}

/// The types there are.
pub const TYPES: &[&str] = &["array", "boolean", "integer", "number", "object", "string"];

/// Where in a schema a part of it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The whole object.
    Root,
    /// A property, an item, a value.
    Inner,
    /// Below `anyOf`, `oneOf`, `allOf` or `not`: only checks.
    Nested,
}

struct Compiler {
    nodes: Vec<Node>,
    /// See [`compile_described`].
    is_of_default: bool,
}

impl Compiler {
    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() as u32 - 1)
    }

    fn place(&mut self, source: &Map<String, Value>, level: Level) -> NodeId {
        let node = self.node(source, level);
        self.add(node)
    }

    fn node(&mut self, source: &Map<String, Value>, level: Level) -> Node {
        let is_int_or_string = !self.is_of_default && is_true(source, "x-kubernetes-int-or-string");
        let below = if level == Level::Nested {
            Level::Nested
        } else {
            Level::Inner
        };
        let mut node = Node {
            shape: if is_int_or_string {
                Shape::IntOrString
            } else {
                self.shape(source, below)
            },
            is_untyped: !is_int_or_string && text(source, "type").is_empty(),
            is_nullable: is_true(source, "nullable"),
            preserves_unknown_fields: is_true(source, "x-kubernetes-preserve-unknown-fields"),
            is_embedded_resource: is_true(source, "x-kubernetes-embedded-resource"),
            list: list_kind(source),
            map: match text(source, "x-kubernetes-map-type") {
                "atomic" => MapKind::Atomic,
                _ => MapKind::Granular,
            },
            required: json::texts(source, "required"),
            default: source
                .get("default")
                .filter(|value| !value.is_null())
                .cloned(),
            ..Node::default()
        };
        node.forbids_additional = source.get("additionalProperties") == Some(&Value::Bool(false));
        node.required.sort();
        if let Shape::Struct(fields) = &node.shape
            && !fields.is_empty()
            && source.get("additionalProperties") == Some(&Value::Bool(true))
        {
            node.additional = Some(self.add(Node::default()));
        }
        if level == Level::Root || (node.is_embedded_resource && !self.is_of_default) {
            self.add_metadata(&mut node);
        }
        node.checks = self.checks(source);
        node
    }

    fn shape(&mut self, source: &Map<String, Value>, below: Level) -> Shape {
        match text(source, "type") {
            "boolean" => Shape::Boolean,
            "integer" if text(source, "format") == "int32" => Shape::Integer(32),
            "integer" => Shape::Integer(64),
            "number" => Shape::Number,
            "string" => Shape::String(Format::Plain),
            "array" => self.items(source, below),
            "object" => self.object(source, below),
            _ if object(source, "properties").is_some() => self.object(source, below),
            _ if source
                .get("additionalProperties")
                .is_some_and(Value::is_object) =>
            {
                self.object(source, below)
            }
            _ if source.get("items").is_some_and(Value::is_object) => self.items(source, below),
            _ => Shape::Any,
        }
    }

    fn items(&mut self, source: &Map<String, Value>, below: Level) -> Shape {
        match object(source, "items") {
            Some(items) => Shape::List(self.place(items, below)),
            None => Shape::List(self.add(Node::default())),
        }
    }

    fn object(&mut self, source: &Map<String, Value>, below: Level) -> Shape {
        let properties = object(source, "properties").filter(|map| !map.is_empty());
        if let Some(properties) = properties {
            let mut fields: Vec<Field> = properties
                .iter()
                .filter_map(|(name, property)| {
                    let node = self.place(property.as_object()?, below);
                    Some(graft::field(name, node))
                })
                .collect();
            fields.sort_by(|a, b| a.name.cmp(&b.name));
            return Shape::Struct(fields);
        }
        match source.get("additionalProperties") {
            Some(Value::Object(values)) => Shape::Map(self.place(values, below)),
            Some(Value::Bool(_)) => Shape::Map(self.add(Node::default())),
            _ => Shape::Struct(Vec::new()),
        }
    }

    /// `apiVersion`, `kind` and `metadata`, which every resource has, said or not.
    fn add_metadata(&mut self, node: &mut Node) {
        let Shape::Struct(fields) = &mut node.shape else {
            return;
        };
        let mut own = std::mem::take(fields);
        for name in ["apiVersion", "kind"] {
            if own.iter().all(|field| field.name != name) {
                let text = self.add(Node {
                    shape: Shape::String(Format::Plain),
                    ..Node::default()
                });
                own.push(graft::field(name, text));
            }
        }
        match own.iter_mut().find(|field| field.name == "metadata") {
            None => own.push(graft::field("metadata", NodeId(0))),
            Some(field) => {
                let merged = graft::narrow(&self.nodes, field.node);
                field.node = self.add(merged);
            }
        }
        own.sort_by(|a, b| a.name.cmp(&b.name));
        node.shape = Shape::Struct(own);
    }

    fn checks(&mut self, source: &Map<String, Value>) -> Option<Box<Checks>> {
        let pattern = text(source, "pattern");
        let mut branches = |name: &str| -> Vec<NodeId> {
            list(source, name)
                .iter()
                .filter_map(Value::as_object)
                .map(|branch| self.place(branch, Level::Nested))
                .collect()
        };
        let (any_of, one_of, all_of) = (branches("anyOf"), branches("oneOf"), branches("allOf"));
        let checks = Checks {
            format: if self.is_of_default {
                text(source, "format").to_owned().into()
            } else {
                format(source)
            },
            enumeration: list(source, "enum").to_vec(),
            minimum: bound(source, "minimum", "exclusiveMinimum"),
            maximum: bound(source, "maximum", "exclusiveMaximum"),
            multiple_of: source.get("multipleOf").and_then(Value::as_f64),
            length: counts(source, "minLength", "maxLength"),
            pattern: (!pattern.is_empty()).then(|| Pattern::new(pattern)),
            items: counts(source, "minItems", "maxItems"),
            unique_items: is_true(source, "uniqueItems"),
            properties: counts(source, "minProperties", "maxProperties"),
            all_of,
            any_of,
            one_of,
            not: object(source, "not").map(|branch| self.place(branch, Level::Nested)),
            rules: rules(source),
            unheard_type: match text(source, "type") {
                kind if self.is_of_default && !TYPES.contains(&kind) => kind.to_owned().into(),
                _ => "".into(),
            },
        };
        (!is_empty(&checks)).then(|| Box::new(checks))
    }
}

/// Whether nothing is checked.
fn is_empty(checks: &Checks) -> bool {
    let has_counts = [checks.length, checks.items, checks.properties]
        .iter()
        .any(|(min, max)| min.is_some() || max.is_some());
    let has_bounds = checks.minimum.is_some() || checks.maximum.is_some();
    let has_branches =
        !checks.any_of.is_empty() || !checks.one_of.is_empty() || !checks.all_of.is_empty();
    !has_counts
        && !has_bounds
        && !has_branches
        && checks.format.is_empty()
        && checks.enumeration.is_empty()
        && checks.multiple_of.is_none()
        && checks.pattern.is_none()
        && !checks.unique_items
        && checks.not.is_none()
        && checks.rules.is_empty()
        && checks.unheard_type.is_empty()
}

/// The format, where the API server checks it for the type.
fn format(source: &Map<String, Value>) -> super::Text {
    let format = text(source, "format");
    let is_checked = match text(source, "type") {
        "" | "string" => formats::is_known(format),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    };
    if is_checked {
        format.to_owned().into()
    } else {
        "".into()
    }
}

fn list_kind(source: &Map<String, Value>) -> ListKind {
    match text(source, "x-kubernetes-list-type") {
        "set" => ListKind::Set,
        "map" => ListKind::Map(json::texts(source, "x-kubernetes-list-map-keys")),
        _ => ListKind::Atomic,
    }
}

fn bound(source: &Map<String, Value>, name: &str, exclusive: &str) -> Option<(f64, bool)> {
    let limit = source.get(name)?.as_f64()?;
    Some((limit, is_true(source, exclusive)))
}

fn counts(source: &Map<String, Value>, min: &str, max: &str) -> (Option<u64>, Option<u64>) {
    let count = |name| source.get(name).and_then(Value::as_u64);
    (count(min), count(max))
}

fn rules(source: &Map<String, Value>) -> Vec<Rule> {
    list(source, "x-kubernetes-validations")
        .iter()
        .filter_map(Value::as_object)
        .map(|rule| Rule {
            rule: text(rule, "rule").to_owned(),
            message: text(rule, "message").to_owned(),
            message_expression: text(rule, "messageExpression").to_owned(),
            reason: text(rule, "reason").to_owned(),
            field_path: text(rule, "fieldPath").to_owned(),
            optional_old_self: is_true(rule, "optionalOldSelf"),
        })
        .collect()
}

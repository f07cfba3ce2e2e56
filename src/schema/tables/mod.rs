//! The generated rows, and how they become schemas and resources.
//!
//! *Invariant:* built once for a process and shared by every cluster in it.

mod rows;

pub use rows::Column;

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::catalog::{Catalog, Resource, Subresource};
use super::node::{
    Checks, Encoding, Field, Format, ListKind, MapKind, MergeRule, Node, NodeId, Origin, Schema,
    SchemaSet, Shape, Text,
};
use crate::object::{GroupResource, GroupVersion, GroupVersionKind};

/// The rows of Kubernetes 1.37.
#[allow(clippy::all, clippy::pedantic, clippy::nursery)]
mod v1_37 {
    use crate::schema::tables::rows::Shape::{
        Any, Boolean, Byte, DateTime, Int32, Int64, IntOrString, List, Map, MicroTime, Number,
        Object, Quantity, Ref, String, Struct,
    };
    use crate::schema::tables::rows::{
        Column, Group, Message, Resource, Schema, c, f, fd, fr, g, s, v,
    };
    include!(concat!(env!("OUT_DIR"), "/v1_37.rs"));
}

/// The schemas of all built-in kinds, one arena.
pub fn schemas() -> &'static Arc<SchemaSet> {
    static SET: OnceLock<Arc<SchemaSet>> = OnceLock::new();
    SET.get_or_init(|| Arc::new(Loader::load(v1_37::SCHEMAS)))
}

/// The schema of a component, `io.k8s.api.core.v1.Pod`.
pub fn component(name: &str) -> Option<Schema> {
    let place = v1_37::SCHEMAS
        .binary_search_by(|row| row.name.cmp(name))
        .ok()?;
    Some(at(place as u16))
}

/// The schema of a built-in kind, served or not: `DeleteOptions`, `Scale`, `Pod`.
pub fn kind(group: &str, version: &str, kind: &str) -> Option<Schema> {
    let place = v1_37::SCHEMAS
        .iter()
        .position(|row| row.kinds.contains(&(group, version, kind)))?;
    Some(at(place as u16))
}

/// The component of a built-in kind, `io.k8s.api.core.v1.Pod`.
pub fn component_of(group: &str, version: &str, kind: &str) -> Option<&'static str> {
    let mut rows = v1_37::SCHEMAS.iter();
    rows.find(|row| row.kinds.contains(&(group, version, kind)))
        .map(|row| row.name)
}

/// The fields of a protobuf message by its full name: number, JSON name (empty where JSON has them
/// in the parent), type (`*` before a list's, `%` before a map's).
pub fn message(name: &str) -> Option<&'static [(u32, &'static str, &'static str)]> {
    let place = v1_37::MESSAGES
        .binary_search_by(|(row, _)| str::cmp(row, name))
        .ok()?;
    Some(v1_37::MESSAGES[place].1)
}

/// The columns of a kind's Tables by its name in Go, `core.Pod`; the default columns where it has
/// none of its own.
pub fn columns(kind: &str) -> &'static [rows::Column<'static>] {
    let find = |kind| v1_37::COLUMNS.binary_search_by(|(name, _)| str::cmp(name, kind));
    find(kind)
        .or_else(|_| find(""))
        .map_or(&[], |place| v1_37::COLUMNS[place].1)
}

/// Why a resource or subresource is refused; `None` where it is served.
pub fn refusal(
    group: &str,
    version: &str,
    plural: &str,
    subresource: &str,
) -> Option<&'static str> {
    let group = v1_37::GROUPS.iter().find(|row| row.name == group)?;
    let version = group.versions.iter().find(|row| row.name == version)?;
    let resource = version.resources.iter().find(|row| row.plural == plural)?;
    let reason = if subresource.is_empty() {
        resource.refused
    } else {
        let mut rows = resource.subresources.iter();
        rows.find(|row| row.name == subresource)?.refused
    };
    (!reason.is_empty()).then_some(reason)
}

/// `groupPriorityMinimum` and `versionPriority` of a built-in group version's `APIService`.
pub fn priority(group: &str, version: &str) -> Option<(u32, u32)> {
    let group = v1_37::GROUPS.iter().find(|row| row.name == group)?;
    let version = group.versions.iter().find(|row| row.name == version)?;
    Some(version.priority)
}

/// A text the server puts into the OpenAPI of every custom resource; empty where there is none.
pub fn custom_text(section: &str, name: &str) -> &'static str {
    let section = v1_37::TEXTS.iter().find(|(found, _)| *found == section);
    let texts = section.map_or(&[][..], |(_, texts)| texts);
    texts
        .iter()
        .find(|(found, _)| *found == name)
        .map_or("", |(_, text)| text)
}

/// The fields of a Go struct as it is printed, a text for each; empty where there is none.
pub fn go_struct(name: &str) -> &'static [&'static str] {
    let found = v1_37::STRUCTS.binary_search_by_key(&name, |(name, _)| name);
    found.map_or(&[], |place| v1_37::STRUCTS[place].1)
}

/// The fields of a Go struct as controllers hash it, a text for each; empty where there is none.
pub fn go_dump(name: &str) -> &'static [&'static str] {
    let found = v1_37::DUMPS.binary_search_by_key(&name, |(name, _)| name);
    found.map_or(&[], |place| v1_37::DUMPS[place].1)
}

/// Every group version Kubernetes knows of, served or not.
pub fn registered() -> impl Iterator<Item = GroupVersion> {
    v1_37::REGISTERED
        .iter()
        .filter_map(|text| GroupVersion::parse(text))
}

/// Serves the built-in group versions that a default server serves, and those asked for by name
/// (`scheduling.k8s.io/v1beta1`), unless switched off by name.
pub fn install(catalog: &Catalog, choice: impl Fn(&str) -> Option<bool>) {
    let mut resources = Vec::new();
    let mut order = Vec::new();
    for group in v1_37::GROUPS {
        for version in group.versions {
            let group_version = GroupVersion::new(group.name, version.name);
            if choice(&group_version.to_string()).unwrap_or(version.is_served) {
                let rows = version.resources.iter();
                resources.extend(rows.map(|row| resource(&group_version, row)));
                order.push(group_version);
            }
        }
    }
    catalog.install_all(order, resources);
}

fn at(place: u16) -> Schema {
    Schema::new(Arc::clone(schemas()), NodeId(u32::from(place)))
}

fn words(text: &'static str) -> Vec<Text> {
    text.split_whitespace().map(Text::Borrowed).collect()
}

fn resource(group_version: &GroupVersion, row: &'static rows::Resource) -> Resource {
    let (storage_group, storage_version) = row.storage;
    Resource {
        group_version: group_version.clone(),
        plural: row.plural.into(),
        singular: row.singular.into(),
        kind: row.kind.into(),
        list_kind: row.list_kind.into(),
        is_namespaced: row.is_namespaced,
        short_names: words(row.short_names),
        categories: words(row.categories),
        verbs: words(row.verbs),
        schema: at(row.schema),
        subresources: row.subresources.iter().map(subresource).collect(),
        storage: GroupResource::new(storage_group, row.plural),
        storage_version: GroupVersion::new(storage_group, storage_version),
        storage_version_hash: row.hash.into(),
        deprecation: row.deprecation.into(),
        custom: None,
        empty: OnceLock::new(),
    }
}

fn subresource(row: &'static rows::Subresource) -> Subresource {
    let (group, version, kind) = row.kind;
    Subresource {
        name: row.name.into(),
        kind: GroupVersionKind::new(group, version, kind),
        verbs: words(row.verbs),
        schema: row.schema.map(at),
    }
}

/// Rows to nodes. Components take the first places, in the order of their rows; then one node for
/// each scalar, shared by every field without rules of its own; then what fields need beside that.
struct Loader {
    nodes: Vec<Node>,
    scalars: u32,
}

/// The shapes that share a node, in the order they are laid out.
const SCALARS: [Shape; 13] = [
    Shape::Any,
    Shape::Boolean,
    Shape::Integer(32),
    Shape::Integer(64),
    Shape::Number,
    Shape::String(Format::Plain),
    Shape::String(Format::Byte),
    Shape::String(Format::DateTime),
    Shape::String(Format::MicroTime),
    Shape::String(Format::Quantity),
    Shape::IntOrString,
    // An object of any form, and the struct without fields.
    Shape::Any,
    Shape::Struct(Vec::new()),
];

/// The place of a row's shape among [`SCALARS`].
fn scalar(shape: rows::Shape) -> Option<u32> {
    Some(match shape {
        rows::Shape::Any => 0,
        rows::Shape::Boolean => 1,
        rows::Shape::Int32 => 2,
        rows::Shape::Int64 => 3,
        rows::Shape::Number => 4,
        rows::Shape::String => 5,
        rows::Shape::Byte => 6,
        rows::Shape::DateTime => 7,
        rows::Shape::MicroTime => 8,
        rows::Shape::Quantity => 9,
        rows::Shape::IntOrString => 10,
        rows::Shape::Object => 11,
        rows::Shape::Struct => 12,
        rows::Shape::Ref(_) | rows::Shape::List(_) | rows::Shape::Map(_) => return None,
    })
}

fn scalar_node(place: u32) -> Node {
    Node {
        shape: SCALARS[place as usize].clone(),
        preserves_unknown_fields: place == 0 || place == 11,
        ..Node::default()
    }
}

impl Loader {
    fn load(schemas: &'static [rows::Schema]) -> SchemaSet {
        let mut nodes = vec![Node::default(); schemas.len()];
        nodes.extend((0..SCALARS.len() as u32).map(scalar_node));
        let scalars = schemas.len() as u32;
        let mut loader = Self { nodes, scalars };
        for (place, row) in schemas.iter().enumerate() {
            loader.nodes[place] = Self::component(row);
        }
        // Fields that override a component's rules copy it, so all components come first.
        for (place, row) in schemas.iter().enumerate() {
            let fields: Vec<Field> = row.fields.iter().map(|row| loader.field(row)).collect();
            if let Shape::Struct(of) = &mut loader.nodes[place].shape {
                *of = fields;
            }
        }
        SchemaSet::new(Origin::BuiltIn, loader.nodes)
    }

    /// A component without its fields.
    fn component(row: &'static rows::Schema) -> Node {
        let required = row
            .fields
            .iter()
            .filter(|field| rules(field).any(|rule| rule == "required"));
        Node {
            component: Some(row.name.into()),
            go_struct: row.go.rsplit('.').next().unwrap_or(row.go).into(),
            required: required.map(|field| field.name.into()).collect(),
            map: if row.is_atomic {
                MapKind::Atomic
            } else {
                MapKind::Granular
            },
            ..scalar(row.shape).map(scalar_node).unwrap_or_default()
        }
    }

    fn field(&mut self, row: &'static rows::Field) -> Field {
        let go_type = row.go.split(',').next().unwrap_or(row.go);
        let mut merge = MergeRule::default();
        for rule in rules(row) {
            match rule {
                "patch-merge" => merge.merges = true,
                "patch-retainKeys" => merge.retains_keys = true,
                "patch-replace" => merge.replaces = true,
                other => {
                    if let Some(key) = other.strip_prefix("key:") {
                        merge.key = key.into();
                    }
                }
            }
        }
        Field {
            name: row.name.into(),
            node: self.place(row),
            default: default(row.default),
            encoding: Encoding {
                is_pointer: row.go.starts_with('*'),
                omits_empty: row.go.contains(",omitempty"),
                omits_zero: row.go.contains(",omitzero"),
            },
            merge,
            go_type: go_type.trim_start_matches('*').into(),
        }
    }

    /// The node of a field: shared where nothing is special about it.
    fn place(&mut self, row: &'static rows::Field) -> NodeId {
        let id = self.shape(row.shape, row.values);
        let mut node = None;
        for rule in rules(row) {
            let (list, map) = match rule {
                "list-set" => (Some(ListKind::Set), None),
                "map-atomic" => (None, Some(MapKind::Atomic)),
                "map-granular" => (None, Some(MapKind::Granular)),
                other => (other.strip_prefix("list-map:").map(list_keys), None),
            };
            if list.is_some() || map.is_some() {
                let node = node.get_or_insert_with(|| self.nodes[id.0 as usize].clone());
                node.list = list.unwrap_or_else(|| std::mem::take(&mut node.list));
                node.map = map.unwrap_or(node.map);
            }
        }
        match (node, row.shape) {
            (None, _) => id,
            // Made for this field alone: changed in place.
            (Some(node), rows::Shape::List(_) | rows::Shape::Map(_)) => {
                self.nodes[id.0 as usize] = node;
                id
            }
            (Some(node), _) => self.add(node),
        }
    }

    fn shape(&mut self, shape: rows::Shape, values: &'static [&'static str]) -> NodeId {
        let node = match shape {
            rows::Shape::Ref(place) => return NodeId(u32::from(place)),
            rows::Shape::List(items) => Shape::List(self.shape(*items, values)).into(),
            rows::Shape::Map(of) => Shape::Map(self.shape(*of, values)).into(),
            other => {
                let place = scalar(other).unwrap_or_default();
                if values.is_empty() {
                    return NodeId(self.scalars + place);
                }
                Node {
                    checks: Some(Box::new(Checks {
                        enumeration: values.iter().map(|value| Value::from(*value)).collect(),
                        ..Checks::default()
                    })),
                    ..scalar_node(place)
                }
            }
        };
        self.add(node)
    }

    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId((self.nodes.len() - 1) as u32)
    }
}

impl From<Shape> for Node {
    fn from(shape: Shape) -> Self {
        Self {
            shape,
            ..Self::default()
        }
    }
}

fn rules(row: &'static rows::Field) -> impl Iterator<Item = &'static str> {
    row.rules.split_whitespace()
}

fn list_keys(keys: &'static str) -> ListKind {
    ListKind::Map(keys.split(',').map(Text::Borrowed).collect())
}

/// Codegen printed it as JSON, so it reads back.
fn default(text: &'static str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    serde_json::from_str(text).ok()
}

//! The nodes of `ObjectMeta`, put in front of every arena of custom resources.
//!
//! *Invariant:* `ObjectMeta` itself is node 0, as [`Schema::meta`] says.
//! *Upstream:* `apiextensions-apiserver/pkg/controller/openapi/builder/builder.go`.

use std::collections::BTreeMap;

use crate::schema::{Encoding, Field, MergeRule, Node, NodeId, Schema, Shape};

/// The nodes that `meta` reaches, renumbered, its root first.
pub(super) fn nodes(meta: &Schema) -> Vec<Node> {
    let mut numbers = BTreeMap::from([(meta.root_id(), NodeId(0))]);
    let mut order = vec![meta.root_id()];
    let mut next = 0;
    while let Some(id) = order.get(next).copied() {
        next += 1;
        for child in children(meta.node(id)) {
            numbers.entry(child).or_insert_with(|| {
                order.push(child);
                NodeId(order.len() as u32 - 1)
            });
        }
    }
    order
        .into_iter()
        .map(|id| renumbered(meta.node(id), &numbers))
        .collect()
}

fn children(node: &Node) -> Vec<NodeId> {
    match &node.shape {
        Shape::Struct(fields) => fields.iter().map(|field| field.node).collect(),
        Shape::Map(values) => vec![*values],
        Shape::List(items) => vec![*items],
        _ => Vec::new(),
    }
}

fn renumbered(node: &Node, numbers: &BTreeMap<NodeId, NodeId>) -> Node {
    let number = |id: &NodeId| numbers.get(id).copied().unwrap_or(NodeId(0));
    let mut node = node.clone();
    // What Go always prints, and what was said about Go's types, binds no custom resource.
    node.required.clear();
    node.checks = None;
    match &mut node.shape {
        Shape::Struct(fields) => {
            for field in fields {
                field.node = number(&field.node);
            }
        }
        Shape::Map(id) | Shape::List(id) => *id = number(id),
        _ => {}
    }
    node
}

/// A field of a custom resource.
pub(super) fn field(name: &str, node: NodeId) -> Field {
    Field {
        name: name.to_owned().into(),
        node,
        default: None,
        encoding: Encoding {
            is_pointer: true,
            omits_empty: true,
            omits_zero: false,
        },
        merge: MergeRule::default(),
        go_type: "".into(),
    }
}

/// `ObjectMeta` narrowed by what an author said about `metadata`.
pub(super) fn narrow(nodes: &[Node], own: NodeId) -> Node {
    let own = &nodes[own.0 as usize];
    let mut node = nodes[0].clone();
    node.required.clone_from(&own.required);
    node.checks.clone_from(&own.checks);
    node.default.clone_from(&own.default);
    let (Shape::Struct(fields), Shape::Struct(said)) = (&mut node.shape, &own.shape) else {
        return node;
    };
    for said in said {
        match fields.iter_mut().find(|field| field.name == said.name) {
            Some(field) => field.node = said.node,
            None => fields.push(said.clone()),
        }
    }
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    node
}

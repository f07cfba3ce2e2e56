//! What the walks over objects ask of a struct for every object, found out once when a schema is
//! complete.
//!
//! *Upstream:* none; Go asks its compiled types.

use super::{Field, Node, NodeId, Shape, zero};

/// See the module. Empty for what is no struct.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookup {
    /// The beginning of each field's name as a number, in the order of the fields, so that most
    /// fields are found without looking at a text.
    beginnings: Vec<u64>,
    /// The fields that Go prints where they are absent.
    pub(super) printed_absent: Vec<u32>,
    /// The fields that have a default.
    pub(super) defaulted: Vec<u32>,
    /// Whether the struct, or anything in it, has a default.
    pub(super) has_defaults: bool,
}

/// The first eight bytes of a name, which are ordered as names are.
fn beginning(name: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = name.len().min(bytes.len());
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

impl Lookup {
    /// The field with this name.
    pub(super) fn find<'f>(&self, fields: &'f [Field], name: &str) -> Option<&'f Field> {
        if self.beginnings.len() != fields.len() {
            // The schema is not complete yet.
            let found = fields.binary_search_by(|field| field.name.as_ref().cmp(name));
            return found.ok().map(|place| &fields[place]);
        }
        let beginning = beginning(name);
        let first = self.beginnings.partition_point(|own| *own < beginning);
        let same = self.beginnings[first..]
            .iter()
            .take_while(|own| **own == beginning)
            .count();
        fields[first..first + same]
            .iter()
            .find(|field| field.name.as_ref() == name)
    }
}

/// Finds out what is to be known of every struct.
pub(super) fn complete(nodes: &mut [Node]) {
    let lookups: Vec<Lookup> = nodes.iter().map(|node| lookup(nodes, node)).collect();
    for (node, lookup) in nodes.iter_mut().zip(lookups) {
        node.lookup = lookup;
    }
    // What is below comes up step by step, since structs may hold themselves.
    loop {
        let found: Vec<usize> = (0..nodes.len())
            .filter(|place| !nodes[*place].lookup.has_defaults)
            .filter(|place| inner(&nodes[*place]).any(|id| nodes[id].lookup.has_defaults))
            .collect();
        if found.is_empty() {
            return;
        }
        for place in found {
            nodes[place].lookup.has_defaults = true;
        }
    }
}

fn lookup(nodes: &[Node], node: &Node) -> Lookup {
    let Shape::Struct(fields) = &node.shape else {
        return Lookup::default();
    };
    let places = |is_meant: &dyn Fn(&Field) -> bool| -> Vec<u32> {
        let places = fields.iter().zip(0..).filter(|(field, _)| is_meant(field));
        places.map(|(_, place)| place).collect()
    };
    let node_of = |field: &Field| &nodes[field.node.0 as usize];
    let defaulted = places(&|field| field.default.is_some());
    Lookup {
        beginnings: fields.iter().map(|field| beginning(&field.name)).collect(),
        printed_absent: places(&|field| zero::prints_absent(field, node_of(field))),
        has_defaults: !defaulted.is_empty(),
        defaulted,
    }
}

/// The places of what is in a value of a node.
fn inner(node: &Node) -> impl Iterator<Item = usize> {
    let fields = match &node.shape {
        Shape::Struct(fields) => fields.as_slice(),
        _ => &[],
    };
    let one = match &node.shape {
        Shape::Map(values) | Shape::List(values) => Some(*values),
        _ => None,
    };
    let place = |id: NodeId| id.0 as usize;
    let fields = fields.iter().map(|field| field.node);
    fields.chain(one).map(place)
}

//! What the walks over objects ask of a struct for every object, found out once when a schema is
//! complete.
//!
//! *Upstream:* none; Go asks its compiled types.

#[cfg(test)]
mod tests;

use super::{Field, Node, NodeId, Shape, zero};

/// See the module. Empty for what is no struct.
#[derive(Clone, Debug, Default)]
pub(in crate::schema) struct Lookup {
    /// The beginning of each field's name as a number, in the order of the fields, so that most
    /// fields are found without looking at a text.
    beginnings: Vec<u64>,
    /// The fields that Go prints where they are absent.
    pub(in crate::schema) printed_absent: Vec<u32>,
    /// The fields that have a default.
    pub(in crate::schema) defaulted: Vec<u32>,
    /// Whether the struct, or anything in it, has a default.
    pub(in crate::schema) has_defaults: bool,
}

/// The first eight bytes of a name as a number, which is ordered as names are.
fn beginning(name: &str) -> u64 {
    let bytes = name.as_bytes();
    if let Some(first) = bytes.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    // A copy of so many bytes would be a call; two halves that overlap are not.
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let first = u64::from(u32::from_be_bytes(*first)) << 32;
        let last = u64::from(u32::from_be_bytes(*last)) << (8 * (8 - bytes.len()));
        return first | last;
    }
    let shifted = |(place, byte): (usize, &u8)| u64::from(*byte) << (56 - 8 * place);
    bytes.iter().enumerate().map(shifted).sum()
}

/// Whether two names are the same whose beginnings are. Few are so long that their texts have to be
/// compared.
fn is_same(own: &str, name: &str) -> bool {
    let ends = (own.as_bytes().last_chunk(), name.as_bytes().last_chunk());
    own.len() == name.len()
        && match ends {
            (Some(own_end), Some(end)) if own.len() <= 16 => {
                u64::from_ne_bytes(*own_end) == u64::from_ne_bytes(*end)
            }
            (Some(_), Some(_)) => own == name,
            // The beginning is all of it.
            _ => true,
        }
}

/// Finds the fields of a struct by names that come in their order, as those of a map do: one walk
/// along both.
pub(crate) struct Cursor<'n> {
    lookup: &'n Lookup,
    fields: &'n [Field],
    at: usize,
}

impl<'n> Cursor<'n> {
    /// At the first field of a struct; one of what is no struct finds nothing.
    pub(crate) fn new(node: &'n Node) -> Self {
        let fields = match &node.shape {
            Shape::Struct(fields) => fields.as_slice(),
            _ => &[],
        };
        Self {
            lookup: &node.lookup,
            fields,
            at: 0,
        }
    }

    /// The field with this name, and its place.
    pub(crate) fn find(&mut self, name: &str) -> Option<(usize, &'n Field)> {
        let beginning = beginning(name);
        let beginnings = &self.lookup.beginnings;
        while *beginnings.get(self.at)? < beginning {
            self.at += 1;
        }
        let rest = beginnings[self.at..].iter().zip(&self.fields[self.at..]);
        let mut same = rest.take_while(|(own, _)| **own == beginning);
        let place = same.position(|(_, field)| is_same(&field.name, name))?;
        let place = self.at + place;
        Some((place, &self.fields[place]))
    }
}

impl Lookup {
    /// The field with this name.
    pub(in crate::schema) fn find<'f>(&self, fields: &'f [Field], name: &str) -> Option<&'f Field> {
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
            .find(|field| is_same(&field.name, name))
    }
}

/// Finds out what is to be known of every struct.
pub(in crate::schema) fn complete(nodes: &mut [Node]) {
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

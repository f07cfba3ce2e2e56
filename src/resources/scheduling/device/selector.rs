//! Expressions that choose devices: what they may say of one, and what that may cost.
//!
//! *Upstream:* `dynamic-resource-allocation/cel/compile.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::cel::syntax::{Kind, Literal};
use crate::cel::types::{Record, Type};
use crate::cel::value::{Map, Value as CelValue};
use crate::cel::{Dialect, Program, cost};
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::object::quantity::Quantity;
use crate::schema::{
    Checks, Encoding, Field, Format, MergeRule, Node, NodeId, Origin, Schema, SchemaSet, Shape,
};

const EXPRESSION_LENGTH_MAX: usize = 10 * 1024;
/// The most an expression may cost.
const COST_MAX: u64 = 1_000_000;
/// How many attributes or capacities a device may have, and so how many domains of them.
const ENTRIES_MAX: u64 = 32;
const DOMAIN_LENGTH_MAX: u64 = 63;
const ID_LENGTH_MAX: u64 = 32;
const VALUE_LENGTH_MAX: u64 = 64;

/// The type of `device`.
fn device() -> Type {
    let of_domains = |values: Type| Type::map(Type::String, Type::map(Type::String, values));
    let fields = [
        ("driver", Type::String),
        ("allowMultipleAllocations", Type::Bool),
        ("attributes", of_domains(Type::Any)),
        ("capacity", of_domains(Type::Opaque("kubernetes.Quantity"))),
    ];
    Type::Record(Arc::new(Record {
        name: "kubernetes.DRADevice".to_owned(),
        fields: fields
            .into_iter()
            .map(|(name, of)| (name.to_owned(), of))
            .collect(),
        is_open: false,
    }))
}

/// The sizes of what a device has, as a schema says them: lengths of texts in bytes, of the keys of
/// a map as if the map were a text.
fn sizes() -> Schema {
    let sized = |shape: Shape, length: u64, entries: u64| {
        let checks = Checks {
            format: "byte".into(),
            length: (None, Some(length)),
            properties: (None, Some(entries)),
            ..Checks::default()
        };
        let mut node = Node::of(shape);
        node.checks = Some(Box::new(checks));
        node
    };
    let text = |length| sized(Shape::String(Format::Plain), length, 0);
    let map = |values, length| sized(Shape::Map(NodeId(values)), length, ENTRIES_MAX);
    let field = |name: &'static str, node| Field {
        name: name.into(),
        node: NodeId(node),
        default: None,
        encoding: Encoding::default(),
        merge: MergeRule::default(),
        go_type: "".into(),
    };
    // A quantity is nothing that has a size.
    let mut quantity = Node::of(Shape::Any);
    quantity.is_untyped = true;
    let device = Node::of(Shape::Struct(vec![
        field("allowMultipleAllocations", 1),
        field("attributes", 5),
        field("capacity", 7),
        field("driver", 2),
    ]));
    let nodes = vec![
        device,
        text(1),
        text(DOMAIN_LENGTH_MAX),
        text(VALUE_LENGTH_MAX),
        map(3, ID_LENGTH_MAX),
        map(4, DOMAIN_LENGTH_MAX),
        map(8, ID_LENGTH_MAX),
        map(6, DOMAIN_LENGTH_MAX),
        quantity,
    ];
    let set = SchemaSet::new(Origin::BuiltIn, nodes);
    Schema::new(Arc::new(set), NodeId(0))
}

/// What is wrong with an expression that is to choose devices.
pub(super) fn check(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    if text.len() > EXPRESSION_LENGTH_MAX {
        errors.too_long(path, EXPRESSION_LENGTH_MAX);
        return;
    }
    let dialect = Dialect {
        has_bindings: true,
        ..Dialect::default()
    };
    match Program::compile_with(text, &[("device".to_owned(), device())], dialect) {
        Err(why) => errors.invalid(path, &text.into(), why.to_string()),
        Ok(program) if !matches!(program.result, Type::Bool | Type::Any) => {
            let detail = "must evaluate to bool or the unknown type, not ".to_owned();
            let detail = detail + &program.result.to_string();
            errors.invalid(path, &text.into(), detail);
        }
        Ok(program) => {
            let sizes = sizes();
            if cost::estimate(&program, &sizes, sizes.root_id(), false) > COST_MAX {
                errors.forbidden(path, "too complex, exceeds cost limit");
            }
        }
    }
}

/// Whether an expression takes a device of a driver, as a slice describes it.
pub fn selects_device(text: &str, driver: &str, of: &Json) -> Result<bool, String> {
    let dialect = Dialect {
        has_bindings: true,
        ..Dialect::default()
    };
    let program = Program::compile_with(text, &[("device".to_owned(), device())], dialect)
        .map_err(|why| why.to_string())?;
    // A domain that a device has nothing of is there, and empty.
    let mut named: Vec<String> = Vec::new();
    program.expr().walk(&mut |expr| {
        if let Kind::Literal(Literal::String(text)) = &expr.kind {
            named.push(text.clone());
        }
    });
    let key = |text: &str| CelValue::text(text);
    let domains = |field: &str, read: &dyn Fn(&Json) -> Option<CelValue<'static>>| {
        let mut all: BTreeMap<String, Vec<_>> = BTreeMap::new();
        all.extend(named.iter().map(|domain| (domain.clone(), Vec::new())));
        all.entry(driver.to_owned()).or_default();
        for (name, value) in of[field].as_object().into_iter().flatten() {
            let (domain, id) = name.split_once('/').unwrap_or((driver, name));
            if let Some(value) = read(value) {
                all.entry(domain.to_owned())
                    .or_default()
                    .push((key(id), value));
            }
        }
        let all = all.into_iter();
        let all = all.map(|(domain, ids)| (key(&domain), CelValue::Map(Map::Own(Arc::new(ids)))));
        CelValue::Map(Map::Own(Arc::new(all.collect())))
    };
    let shares = of["allowMultipleAllocations"].as_bool().unwrap_or(false);
    let fields = vec![
        (key("driver"), key(driver)),
        (key("allowMultipleAllocations"), CelValue::Bool(shares)),
        (key("attributes"), domains("attributes", &attribute)),
        (
            key("capacity"),
            domains("capacity", &|one| {
                let amount = Quantity::from_json(&one["value"])?;
                Some(CelValue::Quantity(Arc::new(amount)))
            }),
        ),
    ];
    let device = CelValue::Map(Map::Own(Arc::new(fields)));
    let taken = program.holds(&[("device", device)]);
    taken.map_err(|failure| failure.0.into_owned())
}

/// The value of an attribute.
fn attribute(of: &Json) -> Option<CelValue<'static>> {
    if let Some(text) = of["string"].as_str() {
        return Some(CelValue::text(text));
    }
    if let Some(text) = of["version"].as_str() {
        return CelValue::semver(text);
    }
    let number = of["int"].as_i64().map(CelValue::Int);
    number.or_else(|| of["bool"].as_bool().map(CelValue::Bool))
}

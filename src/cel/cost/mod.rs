//! What an expression may cost at most, so that a definition with a rule that could never be run
//! is refused.
//!
//! Counted as upstream counts: a step is one, going over a text a tenth of its length, and what is
//! of unknown size may fill a whole request. A value is known by the path that leads to it, whose
//! first part is taken to be the whole value that the rule is on.
//!
//! *Upstream:* `cel-go/checker/cost.go`.

mod calls;
mod size;

use std::collections::BTreeMap;

use self::size::{Place, Size};
pub use self::size::{cardinality, stated_max};
use super::Program;
use super::check::Checked;
use super::syntax::{ACCUMULATOR, Call, Comprehension, Element, Expr, Kind, Literal};
use super::types::Type;
use crate::schema::{NodeId, Schema};

/// What an expression over values of a schema costs at most.
pub fn estimate(program: &Program, schema: &Schema, id: NodeId, is_root: bool) -> u64 {
    let is_resource = is_root || schema.node(id).is_embedded_resource;
    let mut run = Estimate {
        checked: &program.checked,
        schema,
        root: Place::Node(id, is_resource),
        locals: Vec::new(),
        paths: BTreeMap::new(),
        sizes: BTreeMap::new(),
        entries: BTreeMap::new(),
    };
    run.cost(program.expr())
}

/// The sizes of what a list or map holds.
#[derive(Clone, Copy, Debug)]
struct Entry {
    is_list: bool,
    key: Size,
    value: Size,
}

/// What is known of a variable of a loop.
#[derive(Clone, Debug)]
struct Local<'e> {
    name: &'e str,
    path: Vec<&'e str>,
    size: Option<Size>,
    entry: Option<Entry>,
}

struct Estimate<'e> {
    checked: &'e Checked,
    schema: &'e Schema,
    root: Place,
    locals: Vec<Local<'e>>,
    paths: BTreeMap<u32, Vec<&'e str>>,
    sizes: BTreeMap<u32, Size>,
    entries: BTreeMap<u32, Entry>,
}

impl<'e> Estimate<'e> {
    fn cost(&mut self, expr: &'e Expr) -> u64 {
        match &expr.kind {
            Kind::Literal(_) => 0,
            Kind::Ident(name) => {
                let path = match self.local(name) {
                    Some(local) => local.path.clone(),
                    None => vec![name.as_str()],
                };
                self.paths.insert(expr.id, path);
                1
            }
            Kind::Select {
                operand,
                field,
                is_test,
            } => {
                let cost = self.cost(operand);
                if *is_test {
                    return cost;
                }
                let is_read = matches!(
                    self.checked.of(operand),
                    Type::Map(..) | Type::Object(_) | Type::Record(_)
                );
                let mut path = self.path(operand);
                path.push(field);
                self.paths.insert(expr.id, path);
                cost.saturating_add(u64::from(is_read))
            }
            Kind::Call(call) => self.call(expr, call),
            Kind::List(items) => {
                let cost = self.elements(items.iter());
                let value = self.union(items.iter().map(|item| &item.value));
                let entry = Entry {
                    is_list: true,
                    key: Size::fixed(1),
                    value,
                };
                self.entries.insert(expr.id, entry);
                cost.saturating_add(10)
            }
            Kind::Map(entries) => {
                let mut cost: u64 = 0;
                for (key, value) in entries {
                    cost = cost.saturating_add(self.cost(key));
                    cost = cost.saturating_add(self.cost(&value.value));
                }
                let key = self.union(entries.iter().map(|(key, _)| key));
                let value = self.union(entries.iter().map(|(_, value)| &value.value));
                let entry = Entry {
                    is_list: false,
                    key,
                    value,
                };
                self.entries.insert(expr.id, entry);
                cost.saturating_add(30)
            }
            Kind::Struct { fields, .. } => self
                .elements(fields.iter().map(|(_, _, field)| field))
                .saturating_add(40),
            Kind::Comprehension(inner) if inner.is_bind() => self.bind(expr, inner),
            Kind::Comprehension(inner) => self.comprehension(expr, inner),
        }
    }

    fn elements(&mut self, elements: impl Iterator<Item = &'e Element>) -> u64 {
        elements.fold(0, |sum: u64, element| {
            sum.saturating_add(self.cost(&element.value))
        })
    }

    fn union(&mut self, parts: impl Iterator<Item = &'e Expr>) -> Size {
        let sizes = parts.map(|part| self.size(part)).reduce(Size::or);
        sizes.unwrap_or(Size::fixed(0))
    }

    fn local(&self, name: &str) -> Option<&Local<'e>> {
        self.locals.iter().rev().find(|local| local.name == name)
    }

    fn path(&self, expr: &'e Expr) -> Vec<&'e str> {
        if let Kind::Ident(name) = &expr.kind
            && let Some(local) = self.local(name)
        {
            return local.path.clone();
        }
        self.paths.get(&expr.id).cloned().unwrap_or_default()
    }

    /// What the schema says of the size of what a path leads to.
    fn stated(&self, path: &[&str]) -> Option<Size> {
        let (_, steps) = path.split_first()?;
        let mut place = self.root;
        for step in steps {
            place = place.step(self.schema, step)?;
        }
        Some(place.size(self.schema))
    }

    fn known_size(&mut self, expr: &'e Expr) -> Option<Size> {
        if let Some(size) = self.sizes.get(&expr.id) {
            return Some(*size);
        }
        match &expr.kind {
            Kind::Literal(literal) => return Some(Size::fixed(literal_size(literal))),
            Kind::List(items) => return Some(Size::fixed(items.len() as u64)),
            Kind::Map(entries) => return Some(Size::fixed(entries.len() as u64)),
            _ => {}
        }
        if let Some(size) = self.stated(&self.path(expr)) {
            self.sizes.insert(expr.id, size);
            return Some(size);
        }
        if is_scalar(self.checked.of(expr)) {
            return Some(Size::fixed(1));
        }
        match &expr.kind {
            Kind::Ident(name) => self.local(name)?.size,
            _ => None,
        }
    }

    fn size(&mut self, expr: &'e Expr) -> Size {
        self.known_size(expr).unwrap_or(Size::UNKNOWN)
    }

    fn entry(&self, expr: &Expr) -> Option<Entry> {
        if let Some(entry) = self.entries.get(&expr.id) {
            return Some(*entry);
        }
        match &expr.kind {
            Kind::Ident(name) => self.local(name)?.entry,
            _ => None,
        }
    }

    fn call(&mut self, expr: &'e Expr, call: &'e Call) -> u64 {
        if let ("dyn", [arg]) = (call.name.as_str(), &call.args[..]) {
            let cost = self.cost(arg);
            self.copy(expr, arg);
            return cost.saturating_add(1);
        }
        let mut costs = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            costs.push(self.cost(arg));
        }
        let overloads = self.checked.overloads(expr);
        if overloads.is_empty() {
            return 0;
        }
        let target = call.target.as_deref();
        let cost = target.map_or(0, |target| self.cost(target));
        let mut most: u64 = 0;
        let mut result: Option<Size> = None;
        for overload in overloads {
            let found = self.overload(expr, call, overload.id, &costs);
            most = most.max(found.cost);
            result = match (result, found.result) {
                (Some(known), Some(other)) => Some(known.or(other)),
                (known, other) => known.or(other),
            };
            if let ("index_list" | "index_map", Some(of)) = (overload.id, call.args.first()) {
                result = self.entry(of).map(|entry| entry.value);
                let mut path = self.path(of);
                path.push(if overload.id == "index_list" {
                    "@items"
                } else {
                    "@values"
                });
                self.paths.insert(expr.id, path);
            }
            if result.is_none() {
                result = self.known_size(expr);
            }
        }
        if let Some(size) = result {
            self.sizes.insert(expr.id, size);
        }
        cost.saturating_add(most)
    }

    fn copy(&mut self, to: &'e Expr, from: &'e Expr) {
        if let Some(size) = self.known_size(from) {
            self.sizes.insert(to.id, size);
        }
        if let Some(entry) = self.entry(from) {
            self.entries.insert(to.id, entry);
        }
    }

    fn bind(&mut self, expr: &'e Expr, inner: &'e Comprehension) -> u64 {
        let cost = self
            .cost(&inner.range)
            .saturating_add(self.cost(&inner.init));
        self.declare(&inner.accumulator, &inner.init);
        let cost = cost.saturating_add(self.cost(&inner.result));
        self.copy(expr, &inner.result);
        self.locals.pop();
        cost
    }

    fn declare(&mut self, name: &'e str, value: &'e Expr) {
        let local = Local {
            name,
            path: self.path(value),
            size: self.known_size(value),
            entry: self.entry(value),
        };
        self.locals.push(local);
    }

    /// Declares a variable of a loop: the key or the value of what it goes over.
    fn iterate(&mut self, name: &'e str, range: &'e Expr, is_key: bool) {
        let entry = self.entry(range);
        let size = entry.map(|entry| if is_key { entry.key } else { entry.value });
        let is_list = match entry {
            Some(entry) => entry.is_list,
            None => matches!(self.checked.of(range), Type::List(_)),
        };
        let mut path = self.path(range);
        path.push(match (is_key, is_list) {
            (true, true) => "@indices",
            (true, false) => "@keys",
            (false, true) => "@items",
            (false, false) => "@values",
        });
        self.locals.push(Local {
            name,
            path,
            size,
            entry: None,
        });
    }

    fn comprehension(&mut self, expr: &'e Expr, inner: &'e Comprehension) -> u64 {
        let mut cost = self
            .cost(&inner.range)
            .saturating_add(self.cost(&inner.init));
        let depth = self.locals.len();
        self.declare(&inner.accumulator, &inner.init);
        if let Some(second) = &inner.second {
            self.iterate(&inner.variable, &inner.range, true);
            self.iterate(second, &inner.range, false);
        } else {
            let is_list = match self.entry(&inner.range) {
                Some(entry) => entry.is_list,
                None => matches!(self.checked.of(&inner.range), Type::List(_)),
            };
            self.iterate(&inner.variable, &inner.range, !is_list);
        }
        let turn = self
            .cost(&inner.condition)
            .saturating_add(self.cost(&inner.step));
        self.locals.truncate(depth + 1);
        cost = cost.saturating_add(self.cost(&inner.result));
        self.locals.truncate(depth);
        let count = self.size(&inner.range);
        cost = cost.saturating_add(count.max.saturating_mul(turn));
        match &inner.init.kind {
            Kind::Literal(_) => {
                if let Some(size) = self.known_size(&inner.init) {
                    self.sizes.insert(expr.id, size);
                }
            }
            Kind::List(_) | Kind::Map(_) => {
                self.sizes.insert(expr.id, count);
                if let Some(entry) = self.entry(&inner.step) {
                    self.entries.insert(expr.id, entry);
                }
            }
            _ => {}
        }
        cost
    }

    /// The path of a value, unless it begins at a loop's own accumulator.
    fn reachable(&self, expr: &'e Expr) -> Vec<&'e str> {
        let path = self.path(expr);
        if path.first() == Some(&ACCUMULATOR) {
            return Vec::new();
        }
        path
    }
}

fn literal_size(literal: &Literal) -> u64 {
    match literal {
        Literal::String(text) => text.chars().count() as u64,
        Literal::Bytes(bytes) => bytes.len() as u64,
        _ => 1,
    }
}

/// Whether every value of a type is of the same size.
fn is_scalar(of: &Type) -> bool {
    match of {
        Type::Bool | Type::Double | Type::Duration | Type::Int | Type::Timestamp | Type::Uint => {
            true
        }
        Type::Optional(inner) => is_scalar(inner),
        _ => false,
    }
}

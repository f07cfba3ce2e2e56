//! What an expression may cost at most, so that a definition with a rule that could never be run
//! is refused.
//!
//! Counted as upstream counts: a step is one, going over a text a tenth of its length, and what is
//! of unknown size may fill a whole request.
//!
//! *Upstream:* `cel-go/checker/cost.go`, `apiserver/pkg/cel/library/cost.go`,
//! `apiserver/pkg/cel/common/schemas.go`.

use super::syntax::{BindKind, Call, Comprehension, ComprehensionKind, Expr, Kind, Literal};
use crate::schema::{Node, NodeId, Schema, Shape};

/// The largest request, in bytes.
const REQUEST_MAX: u64 = 3 * 1024 * 1024;
/// What going over a byte of text costs.
const TRAVERSAL: f64 = 0.1;
/// What a character of a pattern costs for each character it is tried on.
const PATTERN: f64 = 0.25;

/// What an expression over values of a schema costs at most.
pub fn estimate(expr: &Expr, schema: &Schema, id: NodeId) -> u64 {
    let mut run = Estimate {
        schema,
        scope: vec![
            ("self".to_owned(), Known::at(schema, id)),
            ("oldSelf".to_owned(), Known::at(schema, id)),
        ],
    };
    run.expr(expr).0
}

/// How often a value of a node can stand in a request at most, wherever it may stand.
pub fn cardinality(schema: &Schema, id: NodeId) -> u64 {
    REQUEST_MAX / (least_size(schema, schema.node(id), 0) + 1)
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

/// What is known of a value: where it comes from, and how large it is.
#[derive(Clone, Debug)]
struct Known {
    node: Option<NodeId>,
    size: u64,
}

const UNKNOWN: Known = Known {
    node: None,
    size: u64::MAX,
};
const SCALAR: Known = Known {
    node: None,
    size: 1,
};

impl Known {
    fn at(schema: &Schema, id: NodeId) -> Self {
        Self {
            node: Some(id),
            size: most_elements(schema, schema.node(id)),
        }
    }

    fn sized(size: u64) -> Self {
        Self { node: None, size }
    }
}

/// One of two values: of the same place, or of one place where the other is empty.
fn either(a: &Known, b: &Known) -> Known {
    let node = match (a.node, b.node) {
        (Some(node), None) if b.size == 0 => Some(node),
        (None, Some(node)) if a.size == 0 => Some(node),
        (a, b) if a == b => a,
        _ => None,
    };
    let size = a.size.max(b.size);
    Known { node, size }
}

/// The smallest JSON of a node.
fn least_size(schema: &Schema, node: &Node, depth: u8) -> u64 {
    match &node.shape {
        Shape::Boolean => 4,
        Shape::Integer(_) | Shape::Number | Shape::IntOrString => 1,
        Shape::String(_) => match node.checks.as_ref().map_or("", |c| c.format.as_ref()) {
            "duration" => 4,
            "date" => 12,
            "date-time" => 22,
            _ => 2,
        },
        Shape::Struct(fields) if depth < 32 => {
            let required = fields.iter().filter(|field| {
                let has_default = schema.node(field.node).default.is_some();
                node.required.contains(&field.name) && !has_default
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

/// The most elements a value of a node can have: characters, items, entries.
fn most_elements(schema: &Schema, node: &Node) -> u64 {
    let checks = node.checks.as_deref();
    let stated = checks.and_then(|checks| checks.length.1);
    match &node.shape {
        // Upstream counts the elements of text, lists and maps only.
        Shape::Boolean | Shape::Integer(_) | Shape::Number | Shape::Struct(_) | Shape::Any => 0,
        Shape::IntOrString => stated.map_or(REQUEST_MAX - 2, |max| max * 4),
        Shape::String(_) => match checks.map_or("", |checks| checks.format.as_ref()) {
            "duration" => 32,
            "date" => 12,
            "date-time" => 27,
            _ => match stated {
                Some(max) => max.saturating_mul(4),
                None => longest(node).unwrap_or(REQUEST_MAX - 2),
            },
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
    let lengths = allowed.iter().filter_map(|value| value.as_str());
    lengths.map(|text| text.len() as u64).max()
}

struct Estimate<'a> {
    schema: &'a Schema,
    scope: Vec<(String, Known)>,
}

impl Estimate<'_> {
    /// The cost of an expression, and what is known of its value.
    fn expr(&mut self, expr: &Expr) -> (u64, Known) {
        match &expr.kind {
            Kind::Literal(literal) => (0, literal_size(literal)),
            Kind::Ident(name) => {
                let found = self.scope.iter().rev().find(|(known, _)| known == name);
                (1, found.map_or(UNKNOWN, |(_, known)| known.clone()))
            }
            Kind::Select { operand, field, .. } => {
                let (cost, of) = self.expr(operand);
                (cost.saturating_add(1), self.child(&of, field))
            }
            Kind::Has { operand, .. } => (self.expr(operand).0.saturating_add(1), SCALAR),
            Kind::Call(call) => self.call(call),
            Kind::List(items) => {
                let costs = items.iter().map(|item| self.expr(&item.value).0);
                let cost = costs.fold(10, u64::saturating_add);
                (cost, Known::sized(items.len() as u64))
            }
            Kind::Map(entries) => {
                let mut cost: u64 = 30;
                for (key, value) in entries {
                    cost = cost.saturating_add(self.expr(key).0);
                    cost = cost.saturating_add(self.expr(&value.value).0);
                }
                (cost, Known::sized(entries.len() as u64))
            }
            Kind::Struct { fields, .. } => {
                let costs = fields.iter().map(|(_, field)| self.expr(&field.value).0);
                (costs.fold(40, u64::saturating_add), UNKNOWN)
            }
            Kind::Comprehension(inner) => self.comprehension(inner),
            Kind::Bind(bind) => {
                let (cost, known) = self.expr(&bind.value);
                let known = if bind.kind == BindKind::Value {
                    known
                } else {
                    UNKNOWN
                };
                self.scope.push((bind.variable.clone(), known));
                let (body, known) = self.expr(&bind.body);
                self.scope.pop();
                (cost.saturating_add(body), known)
            }
        }
    }

    fn child(&self, of: &Known, name: &str) -> Known {
        let Some(id) = of.node else {
            return UNKNOWN;
        };
        let node = self.schema.node(id);
        let name = match node.shape {
            Shape::Map(_) => Some(name.to_owned()),
            _ => super::names::unescape(name),
        };
        name.and_then(|name| self.schema.child(node, &name))
            .map_or(UNKNOWN, |id| Known::at(self.schema, id))
    }

    /// What is known of the items of a list or the values of a map.
    fn inside(&self, of: &Known) -> Known {
        let found = of.node.and_then(|id| match self.schema.node(id).shape {
            Shape::List(inner) | Shape::Map(inner) => Some(inner),
            _ => None,
        });
        found.map_or(UNKNOWN, |id| Known::at(self.schema, id))
    }

    fn call(&mut self, call: &Call) -> (u64, Known) {
        let target = call.target.as_ref().map(|target| self.expr(target));
        let args: Vec<(u64, Known)> = call.args.iter().map(|arg| self.expr(arg)).collect();
        let all = target.iter().chain(&args);
        let given = all.map(|(cost, _)| *cost).fold(0, u64::saturating_add);
        let sizes: Vec<u64> = target
            .iter()
            .chain(&args)
            .map(|(_, known)| known.size)
            .collect();
        let first = sizes.first().copied().unwrap_or(1);
        let second = sizes.get(1).copied().unwrap_or(1);
        let own = match call.name.as_str() {
            "_&&_" | "_||_" => 0,
            "_?_:_" => {
                let branches = args[1].0.max(args[2].0);
                let known = either(&args[1].1, &args[2].1);
                return (args[0].0.saturating_add(branches), known);
            }
            "_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_" => traverse(first.min(second)),
            "_+_" if first > 1 && second > 1 => traverse(first.saturating_add(second)),
            "@in" => second,
            "startsWith" | "endsWith" => traverse(second),
            "contains" => traverse(first).saturating_mul(traverse(second)),
            "matches" | "find" | "findAll" => {
                traverse(first.saturating_add(1)).saturating_mul(scaled(second, PATTERN))
            }
            "isSorted" | "sum" | "min" | "max" | "indexOf" | "lastIndexOf" => first,
            "split" | "replace" | "lowerAscii" | "upperAscii" | "substring" | "trim" | "join"
            | "format" | "url" | "isURL" | "quantity" | "isQuantity" | "ip" | "isIP" | "cidr"
            | "isCIDR" | "semver" | "isSemver" | "validate" => traverse(first),
            _ => 1,
        };
        let known = match call.name.as_str() {
            "_[_]" | "_[?_]" => self.inside(&args[0].1),
            "_+_" => Known::sized(first.saturating_add(second)),
            "trim" | "lowerAscii" | "upperAscii" | "substring" | "find" | "split" => {
                Known::sized(first)
            }
            "value" | "orValue" | "or" | "min" | "max" | "optional.of" | "string" | "dyn" => {
                let inner = target.as_ref().or(args.first());
                inner.map_or(UNKNOWN, |(_, known)| known.clone())
            }
            "replace" | "join" | "format" | "findAll" | "getQuery" | "getEscapedPath" => UNKNOWN,
            // Everything else comes to a number, a truth, a time.
            _ => SCALAR,
        };
        (given.saturating_add(own), known)
    }

    fn comprehension(&mut self, inner: &Comprehension) -> (u64, Known) {
        use ComprehensionKind::{All, Exists, ExistsOne, Filter, Map, TransformMap};
        let (range_cost, range) = self.expr(&inner.range);
        let is_map = range
            .node
            .is_some_and(|id| matches!(self.schema.node(id).shape, Shape::Map(_)));
        let items = self.inside(&range);
        let first = match (is_map, &inner.second) {
            // Upstream takes the keys of a map to be empty.
            (true, _) => Known::sized(0),
            (false, Some(_)) => SCALAR,
            (false, None) => items.clone(),
        };
        let depth = self.scope.len();
        self.scope.push((inner.variable.clone(), first));
        if let Some(name) = &inner.second {
            self.scope.push((name.clone(), items));
        }
        let mut cost_of = |part: &Option<Expr>| part.as_ref().map_or(0, |part| self.expr(part).0);
        let (condition, body) = (cost_of(&inner.condition), cost_of(&inner.body));
        self.scope.truncate(depth);
        // What the loop itself does each time, and around it.
        let (each, around): (u64, u64) = match inner.kind {
            All => (3, 1),
            Exists => (4, 1),
            ExistsOne => (2, 2),
            Map => (12, 11),
            Filter => (13, 11),
            TransformMap => (32, 31),
        };
        let step = each.saturating_add(condition).saturating_add(body);
        let cost = range_cost
            .saturating_add(around)
            .saturating_add(range.size.saturating_mul(step));
        let known = match inner.kind {
            All | Exists | ExistsOne => SCALAR,
            Map | Filter | TransformMap => Known::sized(range.size),
        };
        (cost, known)
    }
}

fn literal_size(literal: &Literal) -> Known {
    match literal {
        Literal::String(text) => Known::sized(text.len() as u64),
        Literal::Bytes(bytes) => Known::sized(bytes.len() as u64),
        _ => SCALAR,
    }
}

fn traverse(size: u64) -> u64 {
    scaled(size, TRAVERSAL)
}

fn scaled(size: u64, factor: f64) -> u64 {
    let cost = (size as f64 * factor).ceil();
    if cost >= u64::MAX as f64 {
        u64::MAX
    } else {
        cost as u64
    }
}

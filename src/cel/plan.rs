//! How an expression is evaluated: its checked tree with names resolved to places, functions to
//! what runs them, and constants made beforehand.
//!
//! What upstream reads as one attribute (`self.a[0].b`) is one node here, since costs count it so.
//!
//! *Upstream:* `cel-go/interpreter/{planner,attributes,decorators}.go`.

use std::sync::{Arc, OnceLock};

use regex::Regex;

use super::check::Checked;
use super::eval::{self, Failure};
use super::library::{self, Module};
use super::syntax::{ACCUMULATOR, Call, Comprehension, Element, Expr, Kind, Literal, OPT_SELECT};
use super::types::Type;
use super::value::{Map, Value};

/// A step of an evaluation.
#[derive(Debug)]
pub(super) enum Node {
    /// What is known beforehand.
    Constant(Value<'static>),
    /// A variable and what is read of it.
    Attribute(Box<Attribute>),
    /// All hold.
    And(Vec<Node>),
    /// One holds.
    Or(Vec<Node>),
    /// Both are equal, or not.
    Equal(Box<[Node; 2]>, bool),
    /// Whether a value is among constants.
    Among(Box<Node>, Vec<Value<'static>>),
    /// Whether it is anything but false.
    NotStrictlyFalse(Box<Node>),
    /// The first of two optionals that is there; or its value.
    First(Box<[Node; 2]>, bool),
    /// A function.
    Call(Box<Function>),
    /// A list.
    List(Vec<Item>),
    /// A map.
    Map(Vec<(Node, Item)>),
    /// An object.
    Struct(String, Vec<(String, Item)>),
    /// A loop.
    Fold(Box<Fold>),
}

/// An item of a literal; an optional one that is empty is left out.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) node: Node,
    pub(super) is_optional: bool,
}

/// A variable and what is read of it.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) root: Root,
    pub(super) steps: Vec<Step>,
}

/// What an attribute begins with.
#[derive(Debug)]
pub(super) enum Root {
    /// A variable of a loop, by its place.
    Local(usize),
    /// A variable of the environment.
    Global(String),
    /// Any value.
    Value(Node),
    /// One of two.
    Either(Box<[Node; 3]>),
}

/// What is read of a value.
#[derive(Debug)]
pub(super) enum Step {
    /// A field.
    Field {
        /// Its name.
        name: String,
        /// Whether a missing one makes an empty optional.
        is_optional: bool,
        /// Whether it only asks if there is one.
        is_test: bool,
    },
    /// What stands at an index or key.
    Index(Node, bool),
}

/// A function and what it is given.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    /// Which way of calling it; empty where only values tell.
    pub(super) overload: &'static str,
    pub(super) args: Vec<Node>,
    pub(super) module: Module,
    /// Its pattern, where that is known beforehand.
    pub(super) regex: OnceLock<Option<Regex>>,
    /// The place of the accumulator that a list is joined to: it is the loop's next one.
    pub(super) grows: Option<usize>,
}

/// A loop.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) range: Node,
    /// The place of the accumulator; the loop's variables follow it.
    pub(super) place: usize,
    pub(super) has_second: bool,
    pub(super) init: Node,
    pub(super) condition: Node,
    pub(super) step: Node,
    pub(super) result: Node,
}

/// Plans an expression; fails where a constant cannot be made.
pub(super) fn plan(expr: &Expr, checked: &Checked) -> Result<Node, Failure> {
    let mut planner = Planner {
        checked,
        locals: Vec::new(),
    };
    planner.node(expr)
}

struct Planner<'e> {
    checked: &'e Checked,
    /// Names of the variables of loops, by their places.
    locals: Vec<&'e str>,
}

impl<'e> Planner<'e> {
    fn node(&mut self, expr: &'e Expr) -> Result<Node, Failure> {
        Ok(match &expr.kind {
            Kind::Literal(literal) => Node::Constant(constant(literal)),
            Kind::Ident(name) => self.ident(name, self.checked.of(expr)),
            Kind::Select {
                operand,
                field,
                is_test,
            } => {
                let step = Step::Field {
                    name: field.clone(),
                    is_optional: false,
                    is_test: *is_test,
                };
                self.attribute(operand, step)?
            }
            Kind::Call(call) => self.call(expr, call)?,
            Kind::List(items) => self.list(items)?,
            Kind::Map(entries) => self.map(entries)?,
            Kind::Struct { name, fields } => {
                let fields = fields
                    .iter()
                    .map(|(_, name, field)| Ok((name.clone(), self.item(field)?)))
                    .collect::<Result<_, Failure>>()?;
                Node::Struct(name.clone(), fields)
            }
            Kind::Comprehension(inner) => self.fold(inner)?,
        })
    }

    fn ident(&self, name: &'e str, of: &Type) -> Node {
        let local = self.locals.iter().rposition(|known| *known == name);
        if let Some(place) = local {
            return attribute(Root::Local(place));
        }
        if let Type::Type(Some(of)) = of {
            return Node::Constant(Value::type_of(of));
        }
        attribute(Root::Global(name.to_owned()))
    }

    /// Reads one more thing of what may be an attribute already.
    fn attribute(&mut self, operand: &'e Expr, step: Step) -> Result<Node, Failure> {
        let mut found = match self.node(operand)? {
            Node::Attribute(found) => found,
            other => Box::new(Attribute {
                root: Root::Value(other),
                steps: Vec::new(),
            }),
        };
        found.steps.push(step);
        Ok(Node::Attribute(found))
    }

    fn call(&mut self, expr: &'e Expr, call: &'e Call) -> Result<Node, Failure> {
        match (call.name.as_str(), &call.args[..]) {
            (OPT_SELECT, [operand, field]) => {
                let Kind::Literal(Literal::String(name)) = &field.kind else {
                    return Err(Failure::no_overload());
                };
                let step = Step::Field {
                    name: name.clone(),
                    is_optional: true,
                    is_test: false,
                };
                return self.attribute(operand, step);
            }
            ("_[_]" | "_[?_]", [operand, index]) => {
                let index = self.node(index)?;
                return self.attribute(operand, Step::Index(index, call.name == "_[?_]"));
            }
            ("_?_:_", [condition, then, otherwise]) => {
                let parts = [
                    self.node(condition)?,
                    self.node(then)?,
                    self.node(otherwise)?,
                ];
                return Ok(attribute(Root::Either(Box::new(parts))));
            }
            ("_==_" | "_!=_", [a, b]) => {
                let parts = [self.node(a)?, self.node(b)?];
                return Ok(Node::Equal(Box::new(parts), call.name == "_==_"));
            }
            _ => {}
        }
        let args: Vec<Node> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .map(|arg| self.node(arg))
            .collect::<Result<_, _>>()?;
        let overload = match self.checked.overloads(expr) {
            [only] => only.id,
            _ => "",
        };
        let mut planned = planned(call, overload, args)?;
        if let (Node::Call(function), "_+_", Some(first)) =
            (&mut planned, call.name.as_str(), call.args.first())
            && matches!(&first.kind, Kind::Ident(name) if name == ACCUMULATOR)
        {
            function.grows = self.locals.iter().rposition(|name| *name == ACCUMULATOR);
        }
        Ok(planned)
    }

    fn item(&mut self, element: &'e Element) -> Result<Item, Failure> {
        Ok(Item {
            node: self.node(&element.value)?,
            is_optional: element.is_optional,
        })
    }

    fn list(&mut self, items: &'e [Element]) -> Result<Node, Failure> {
        let items: Vec<Item> = items
            .iter()
            .map(|item| self.item(item))
            .collect::<Result<_, _>>()?;
        let constants = items.iter().map(|item| match &item.node {
            Node::Constant(value) if !item.is_optional => Some(value.clone()),
            _ => None,
        });
        let constants: Option<Vec<_>> = constants.collect();
        Ok(match constants {
            Some(values) => Node::Constant(Value::list(values)),
            None => Node::List(items),
        })
    }

    fn map(&mut self, entries: &'e [(Expr, Element)]) -> Result<Node, Failure> {
        let entries: Vec<(Node, Item)> = entries
            .iter()
            .map(|(key, value)| Ok((self.node(key)?, self.item(value)?)))
            .collect::<Result<_, Failure>>()?;
        let constants = entries.iter().map(|(key, value)| match (key, &value.node) {
            (Node::Constant(key), Node::Constant(inner)) if !value.is_optional => {
                Some((key.clone(), inner.clone()))
            }
            _ => None,
        });
        let constants: Option<Vec<_>> = constants.collect();
        let Some(constants) = constants else {
            return Ok(Node::Map(entries));
        };
        let mut made: Vec<(Value<'static>, Value<'static>)> = Vec::new();
        for (key, value) in constants {
            eval::insert(&mut made, key, value);
        }
        Ok(Node::Constant(Value::Map(Map::Own(Arc::new(made)))))
    }

    fn fold(&mut self, inner: &'e Comprehension) -> Result<Node, Failure> {
        let init = self.node(&inner.init)?;
        let range = self.node(&inner.range)?;
        let place = self.locals.len();
        self.locals.push(&inner.accumulator);
        self.locals.push(&inner.variable);
        if let Some(second) = &inner.second {
            self.locals.push(second);
        }
        let condition = self.node(&inner.condition)?;
        let step = self.node(&inner.step)?;
        // The loop's own variables are out of reach of its result.
        for name in &mut self.locals[place + 1..] {
            *name = "";
        }
        let result = self.node(&inner.result)?;
        self.locals.truncate(place);
        Ok(Node::Fold(Box::new(Fold {
            range,
            place,
            has_second: inner.second.is_some(),
            init,
            condition,
            step,
            result,
        })))
    }
}

fn attribute(root: Root) -> Node {
    Node::Attribute(Box::new(Attribute {
        root,
        steps: Vec::new(),
    }))
}

/// Conversions, which of a constant make a constant.
const CONVERSIONS: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "duration",
    "dyn",
    "int",
    "string",
    "timestamp",
    "type",
    "uint",
];

fn planned(call: &Call, overload: &'static str, mut args: Vec<Node>) -> Result<Node, Failure> {
    let name = call.name.as_str();
    if args.len() == 1
        && CONVERSIONS.contains(&name)
        && let Node::Constant(value) = &args[0]
    {
        let value = library::call(
            name,
            library::module(name),
            std::slice::from_ref(value),
            None,
        )?;
        return Ok(Node::Constant(value));
    }
    Ok(match (name, &args[..]) {
        ("_&&_", _) => Node::And(args),
        ("_||_", _) => Node::Or(args),
        ("@not_strictly_false", [_]) => Node::NotStrictlyFalse(Box::new(args.remove(0))),
        ("or" | "orValue", [_, _]) => {
            let second = args.remove(1);
            Node::First(Box::new([args.remove(0), second]), name == "orValue")
        }
        ("@in", [_, Node::Constant(Value::List(list))])
            if overload == "in_list" && list.iter().all(|item| is_plain(&item)) =>
        {
            let values = list.iter().collect();
            Node::Among(Box::new(args.remove(0)), values)
        }
        _ => {
            let regex = OnceLock::new();
            if let ("matches" | "find" | "findAll", Some(Node::Constant(Value::String(pattern)))) =
                (name, args.get(1))
            {
                let compiled = library::regex::compile(pattern).map_err(Failure::new)?;
                let _ = regex.set(Some(compiled));
            }
            Node::Call(Box::new(Function {
                name: name.to_owned(),
                overload,
                args,
                module: library::module(name),
                regex,
                grows: None,
            }))
        }
    })
}

/// Whether upstream can look a value up in a set.
fn is_plain(value: &Value) -> bool {
    matches!(
        value,
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::String(_)
    )
}

fn constant(literal: &Literal) -> Value<'static> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::String(text) => Value::text(text.as_str()),
        Literal::Bytes(bytes) => Value::Bytes(bytes.as_slice().into()),
    }
}

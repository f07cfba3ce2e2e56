//! What an expression comes to.
//!
//! *Invariant:* no clock, no chance, no state: the same values make the same result.
//! *Upstream:* `cel-go/interpreter`.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use super::Program;
use super::library;
use super::syntax::{
    Bind, BindKind, Call, Comprehension, ComprehensionKind, Element, Expr, Kind, Literal,
};
use super::value::{Map, Struct, Value};

/// How much an evaluation may do before it is stopped.
const STEPS_MAX: u64 = 1_000_000;

/// Why an expression comes to nothing, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub Cow<'static, str>);

impl Failure {
    /// A failure with these words.
    pub fn new(words: impl Into<Cow<'static, str>>) -> Self {
        Self(words.into())
    }

    /// The values are of no types that the function takes.
    pub const fn no_overload() -> Self {
        Self(Cow::Borrowed("no such overload"))
    }
}

/// A result.
pub type Outcome<'a> = Result<Value<'a>, Failure>;

/// Evaluates a program over these variables; gives back what it cost as well.
pub fn run<'a>(
    program: &'a Program,
    variables: &[(&'a str, Value<'a>)],
    lazies: Option<&Lazies<'a>>,
) -> (Outcome<'a>, u64) {
    let mut run = Run {
        scope: variables.to_vec(),
        variables,
        lazies,
        steps: 0,
    };
    let outcome = run.expr(program.expr());
    (outcome, run.steps)
}

/// Variables that are evaluated when they are first named, and the name they all go by.
#[derive(Debug)]
pub struct Lazies<'a> {
    entries: Vec<Lazy<'a>>,
    cost: Cell<u64>,
}

#[derive(Debug)]
struct Lazy<'a> {
    name: &'a str,
    program: Result<&'a Program, &'a str>,
    outcome: OnceCell<Outcome<'a>>,
}

impl<'a> Lazies<'a> {
    /// Variables by name; each with its program, or why it does not compile.
    pub fn new(entries: impl Iterator<Item = (&'a str, Result<&'a Program, &'a str>)>) -> Self {
        let lazy = |(name, program)| Lazy {
            name,
            program,
            outcome: OnceCell::new(),
        };
        Self {
            entries: entries.map(lazy).collect(),
            cost: Cell::new(0),
        }
    }

    /// What they have cost since this was last asked.
    pub fn take_cost(&self) -> u64 {
        self.cost.take()
    }

    fn get(&self, name: &str, variables: &[(&'a str, Value<'a>)]) -> Option<Outcome<'a>> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        if let Some(outcome) = entry.outcome.get() {
            return Some(outcome.clone());
        }
        let outcome = match entry.program {
            Err(why) => Err(Failure::new(format!(
                "composited variable {name:?} fails to compile: {why}"
            ))),
            Ok(program) => {
                let (outcome, cost) = run(program, variables, Some(self));
                self.cost.set(self.cost.get().saturating_add(cost));
                outcome.map_err(|why| {
                    Failure::new(format!(
                        "composited variable {name:?} fails to evaluate: {why}"
                    ))
                })
            }
        };
        Some(entry.outcome.get_or_init(|| outcome).clone())
    }
}

/// What all variables of a policy go by.
const LAZIES: &str = "variables";

struct Run<'a, 'r> {
    scope: Vec<(&'a str, Value<'a>)>,
    variables: &'r [(&'a str, Value<'a>)],
    lazies: Option<&'r Lazies<'a>>,
    steps: u64,
}

impl<'a> Run<'a, '_> {
    fn expr(&mut self, expr: &'a Expr) -> Outcome<'a> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Failure::new(
                "operation cancelled: actual cost limit exceeded",
            ));
        }
        match &expr.kind {
            Kind::Literal(literal) => Ok(constant(literal)),
            Kind::Ident(name) => self.ident(name),
            Kind::Select {
                operand,
                field,
                is_optional,
            } => {
                if let Some(name) = type_name(expr) {
                    return Ok(Value::Type(Cow::Borrowed(name)));
                }
                if let Kind::Ident(root) = &operand.kind
                    && let Some(found) = self.dotted(root, field)
                {
                    return found;
                }
                let operand = self.expr(operand)?;
                select(&operand, field, *is_optional)
            }
            Kind::Has { operand, field } => {
                if let (Kind::Ident(root), Some(lazies)) = (&operand.kind, self.lazies)
                    && root == LAZIES
                {
                    let is_known = lazies.entries.iter().any(|entry| entry.name == field);
                    return Ok(Value::Bool(is_known));
                }
                let operand = self.expr(operand)?;
                has(&operand, field).map(Value::Bool)
            }
            Kind::Call(call) => self.call(call),
            Kind::List(items) => {
                let mut out = Vec::with_capacity(items.len());
                for item in items {
                    out.extend(self.element(item)?);
                }
                Ok(Value::list(out))
            }
            Kind::Map(entries) => {
                let mut out: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = self.expr(key)?;
                    if let Some(value) = self.element(value)? {
                        if out.iter().any(|(known, _)| known.equals(&key)) {
                            let key = library::strings::printed(&key);
                            return Err(Failure::new(format!("Failed with repeated key: {key}")));
                        }
                        out.push((key, value));
                    }
                }
                Ok(Value::Map(Map::Own(Rc::new(out))))
            }
            Kind::Comprehension(inner) => self.comprehension(inner),
            Kind::Bind(bind) => self.bind(bind),
            Kind::Struct { name, fields } => self.object(name, fields),
        }
    }

    fn object(&mut self, name: &str, fields: &'a [(String, Element)]) -> Outcome<'a> {
        let mut out = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            if let Some(value) = self.element(value)? {
                out.push((name.clone(), value));
            }
        }
        Ok(Value::Struct(Rc::new(Struct {
            name: name.to_owned(),
            fields: out,
        })))
    }

    /// What a name with a dot stands for: a variable of a policy, or one declared so.
    fn dotted(&self, root: &str, field: &str) -> Option<Outcome<'a>> {
        if let Some(lazies) = self.lazies.filter(|_| root == LAZIES) {
            return lazies.get(field, self.variables);
        }
        let found = self.variables.iter().find(|(known, _)| {
            known
                .strip_prefix(root)
                .and_then(|rest| rest.strip_prefix('.'))
                == Some(field)
        });
        found.map(|(_, value)| Ok(value.clone()))
    }

    fn ident(&self, name: &'a str) -> Outcome<'a> {
        if let Some((_, value)) = self.scope.iter().rev().find(|(known, _)| *known == name) {
            return Ok(value.clone());
        }
        match name {
            "bool" | "int" | "uint" | "double" | "string" | "bytes" | "list" | "map"
            | "null_type" | "type" => Ok(Value::Type(Cow::Owned(name.to_owned()))),
            _ => Err(Failure::new(format!("no such attribute(s): {name}"))),
        }
    }

    /// The value of an item; `None` where it is an empty optional.
    fn element(&mut self, element: &'a Element) -> Result<Option<Value<'a>>, Failure> {
        let value = self.expr(&element.value)?;
        if !element.is_optional {
            return Ok(Some(value));
        }
        match value {
            Value::Optional(inner) => Ok(inner.map(|inner| inner.as_ref().clone())),
            _ => Err(Failure::no_overload()),
        }
    }

    fn call(&mut self, call: &'a Call) -> Outcome<'a> {
        match call.name.as_str() {
            "_&&_" => return self.either(call, false),
            "_||_" => return self.either(call, true),
            "_?_:_" => {
                return match self.expr(&call.args[0])? {
                    Value::Bool(true) => self.expr(&call.args[1]),
                    Value::Bool(false) => self.expr(&call.args[2]),
                    _ => Err(Failure::no_overload()),
                };
            }
            // Only what is not there needs its alternative.
            "orValue" | "or" if call.args.len() == 1 => {
                if let Some(target) = &call.target {
                    return match self.expr(target)? {
                        found @ Value::Optional(Some(_)) if call.name == "or" => Ok(found),
                        Value::Optional(Some(inner)) => Ok(inner.as_ref().clone()),
                        Value::Optional(None) => self.expr(&call.args[0]),
                        _ => Err(Failure::no_overload()),
                    };
                }
            }
            _ => {}
        }
        let mut values = Vec::with_capacity(call.args.len() + 1);
        if let Some(target) = &call.target {
            values.push(self.expr(target)?);
        }
        for arg in &call.args {
            values.push(self.expr(arg)?);
        }
        self.steps += values.iter().map(size).sum::<u64>() / 10;
        library::call(call, &values)
    }

    /// And, or: the one value that decides does so whatever the other side fails with.
    fn either(&mut self, call: &'a Call, decides: bool) -> Outcome<'a> {
        let left = self.expr(&call.args[0]);
        if matches!(left, Ok(Value::Bool(value)) if value == decides) {
            return left;
        }
        let right = self.expr(&call.args[1]);
        if matches!(right, Ok(Value::Bool(value)) if value == decides) {
            return right;
        }
        match (left?, right?) {
            (Value::Bool(_), right @ Value::Bool(_)) => Ok(right),
            _ => Err(Failure::no_overload()),
        }
    }

    fn comprehension(&mut self, inner: &'a Comprehension) -> Outcome<'a> {
        let range = self.expr(&inner.range)?;
        let has_second = inner.second.is_some();
        let pairs: Vec<(Value, Value)> = match &range {
            Value::List(list) if has_second => list
                .iter()
                .enumerate()
                .map(|(index, value)| (Value::Int(index as i64), value))
                .collect(),
            Value::List(list) => list.iter().map(|value| (value, Value::Null)).collect(),
            Value::Map(map) => map.entries(),
            _ => return Err(Failure::no_overload()),
        };
        let depth = self.scope.len();
        let outcome = self.fold(inner, pairs);
        self.scope.truncate(depth);
        outcome
    }

    fn fold(
        &mut self,
        inner: &'a Comprehension,
        pairs: Vec<(Value<'a>, Value<'a>)>,
    ) -> Outcome<'a> {
        let depth = self.scope.len();
        let mut failure: Option<Failure> = None;
        let (mut count, mut kept, mut entries) = (0, Vec::new(), Vec::new());
        for (first, second) in pairs {
            self.scope.truncate(depth);
            self.scope.push((&inner.variable, first.clone()));
            if let Some(name) = &inner.second {
                self.scope.push((name, second));
            }
            let holds = match &inner.condition {
                None => Ok(true),
                Some(condition) => match self.expr(condition) {
                    Ok(Value::Bool(holds)) => Ok(holds),
                    Ok(_) => Err(Failure::no_overload()),
                    Err(failure) => Err(failure),
                },
            };
            match (inner.kind, holds) {
                (ComprehensionKind::All, Ok(false)) => return Ok(Value::Bool(false)),
                (ComprehensionKind::Exists, Ok(true)) => return Ok(Value::Bool(true)),
                (ComprehensionKind::All | ComprehensionKind::Exists, Err(why)) => {
                    failure = Some(why);
                }
                (_, Err(why)) => return Err(why),
                (_, Ok(false)) | (ComprehensionKind::All, Ok(true)) => {}
                (ComprehensionKind::ExistsOne, Ok(true)) => count += 1,
                (ComprehensionKind::Filter, Ok(true)) => kept.push(first),
                (ComprehensionKind::Map | ComprehensionKind::TransformMap, Ok(true)) => {
                    let Some(body) = &inner.body else { continue };
                    let value = self.expr(body)?;
                    if inner.kind == ComprehensionKind::Map {
                        kept.push(value);
                    } else {
                        entries.push((first, value));
                    }
                }
            }
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        Ok(match inner.kind {
            ComprehensionKind::All => Value::Bool(true),
            ComprehensionKind::Exists => Value::Bool(false),
            ComprehensionKind::ExistsOne => Value::Bool(count == 1),
            ComprehensionKind::Map | ComprehensionKind::Filter => Value::list(kept),
            ComprehensionKind::TransformMap => Value::Map(Map::Own(Rc::new(entries))),
        })
    }

    fn bind(&mut self, bind: &'a Bind) -> Outcome<'a> {
        let value = self.expr(&bind.value)?;
        let value = match (bind.kind, value) {
            (BindKind::Value, value) => value,
            (_, Value::Optional(None)) => return Ok(Value::Optional(None)),
            (_, Value::Optional(Some(inner))) => inner.as_ref().clone(),
            _ => return Err(Failure::no_overload()),
        };
        self.scope.push((&bind.variable, value));
        let body = self.expr(&bind.body);
        self.scope.pop();
        match bind.kind {
            BindKind::Value | BindKind::OptFlatMap => body,
            BindKind::OptMap => body.map(Value::some),
        }
    }
}

fn constant(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::String(text) => Value::String(Cow::Borrowed(text)),
        Literal::Bytes(bytes) => Value::Bytes(bytes.as_slice().into()),
    }
}

/// The type a dotted name stands for.
fn type_name(expr: &Expr) -> Option<&'static str> {
    let Kind::Select { operand, field, .. } = &expr.kind else {
        return None;
    };
    let Kind::Select {
        operand: root,
        field: middle,
        ..
    } = &operand.kind
    else {
        return None;
    };
    let is_root = matches!(&root.kind, Kind::Ident(name) if name == "google");
    match field.as_str() {
        _ if !is_root || middle != "protobuf" => None,
        "Timestamp" => Some("google.protobuf.Timestamp"),
        "Duration" => Some("google.protobuf.Duration"),
        _ => None,
    }
}

fn select<'a>(operand: &Value<'a>, field: &str, is_optional: bool) -> Outcome<'a> {
    match operand {
        Value::Map(map) => match map.field(field) {
            Some(value) if is_optional => Ok(Value::some(value)),
            Some(value) => Ok(value),
            None if is_optional => Ok(Value::Optional(None)),
            None => Err(Failure::new(format!("no such key: {field}"))),
        },
        Value::Struct(object) => match object.get(field) {
            Some(value) if is_optional => Ok(Value::some(value)),
            Some(value) => Ok(value),
            None if is_optional => Ok(Value::Optional(None)),
            None => Err(Failure::new(format!("no such key: {field}"))),
        },
        Value::Optional(None) => Ok(Value::Optional(None)),
        Value::Optional(Some(inner)) => match select(inner, field, true)? {
            found @ Value::Optional(_) => Ok(found),
            found => Ok(Value::some(found)),
        },
        _ => Err(Failure::no_overload()),
    }
}

fn has(operand: &Value, field: &str) -> Result<bool, Failure> {
    match operand {
        Value::Map(map) => Ok(map.field(field).is_some()),
        Value::Struct(object) => Ok(object.get(field).is_some()),
        Value::Optional(None) => Ok(false),
        Value::Optional(Some(inner)) => has(inner, field),
        _ => Err(Failure::no_overload()),
    }
}

/// What going over a value once costs.
fn size(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::List(list) => list.len() as u64,
        _ => 1,
    }
}

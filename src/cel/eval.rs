//! What an expression comes to, and what that costs.
//!
//! *Invariant:* no clock, no chance, no state: the same values make the same result.
//! *Upstream:* `cel-go/interpreter/{interpretable,attributes,runtimecost}.go`.

use std::borrow::Cow;
use std::sync::Arc;

use super::lazy::{LAZIES, Lazies};
use super::library::{self, spend};
use super::plan::{Attribute, Fold, Function, Item, Node, Root, Step};
use super::value::{List, Map, Struct, Value};

/// How much one evaluation may cost before it is stopped.
pub const COST_MAX: u64 = 1_000_000;

/// Why an expression comes to nothing, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub Cow<'static, str>);

/// What is said of an evaluation that was stopped.
const STOPPED: &str = "operation cancelled: actual cost limit exceeded";

impl Failure {
    /// A failure with these words.
    pub fn new(words: impl Into<Cow<'static, str>>) -> Self {
        Self(words.into())
    }

    /// The values are of no types that the function takes.
    pub const fn no_overload() -> Self {
        Self(Cow::Borrowed("no such overload"))
    }

    /// There is no such key.
    pub fn no_key(key: &Value) -> Self {
        Self::new(format!("no such key: {}", library::display(key)))
    }

    /// Whether the evaluation was stopped, which nothing may hide.
    pub fn is_stop(&self) -> bool {
        self.0 == STOPPED
    }
}

/// A result.
pub type Outcome<'a> = Result<Value<'a>, Failure>;

/// Variables of an environment.
pub type Names<'a> = [(&'a str, Value<'a>)];

/// Evaluates a plan over these variables; gives back what it cost as well.
pub(super) fn run<'a>(
    plan: &'a Node,
    names: &Names<'a>,
    lazies: Option<&Lazies<'a>>,
) -> (Outcome<'a>, u64) {
    let mut run = Run {
        names,
        lazies,
        locals: Vec::new(),
        cost: 0,
    };
    let outcome = run.node(plan);
    (outcome, run.cost)
}

/// The value of a loop's variable; an accumulator is made when it is first read.
enum Local<'a> {
    Pending(&'a Node),
    Ready(Outcome<'a>),
}

struct Run<'a, 'r> {
    names: &'r Names<'a>,
    lazies: Option<&'r Lazies<'a>>,
    locals: Vec<Local<'a>>,
    cost: u64,
}

impl<'a> Run<'a, '_> {
    fn spend(&mut self, cost: u64) -> Result<(), Failure> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > COST_MAX {
            return Err(Failure(Cow::Borrowed(STOPPED)));
        }
        Ok(())
    }

    fn node(&mut self, node: &'a Node) -> Outcome<'a> {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Attribute(attribute) => {
                let value = self.attribute(attribute)?;
                if !matches!(attribute.root, Root::Either(_)) {
                    let is_test = matches!(
                        attribute.steps.last(),
                        Some(Step::Field { is_test: true, .. })
                    );
                    self.spend(u64::from(!is_test))?;
                }
                Ok(value)
            }
            Node::And(terms) => self.connect(terms, false),
            Node::Or(terms) => self.connect(terms, true),
            Node::Equal(sides, wanted) => self.equal(sides, *wanted),
            Node::Among(item, values) => {
                let item = self.node(item)?;
                Ok(Value::Bool(values.iter().any(|value| value.equals(&item))))
            }
            Node::NotStrictlyFalse(inner) => {
                let is_false = match self.node(inner) {
                    Err(failure) if failure.is_stop() => return Err(failure),
                    outcome => matches!(outcome, Ok(Value::Bool(false))),
                };
                self.spend(1)?;
                Ok(Value::Bool(!is_false))
            }
            Node::First(sides, wants_value) => match self.node(&sides[0])? {
                Value::Optional(None) => self.node(&sides[1]),
                Value::Optional(Some(inner)) if *wants_value => Ok(inner.as_ref().clone()),
                found @ Value::Optional(_) => Ok(found),
                _ => Err(Failure::no_overload()),
            },
            Node::Call(function) => self.call(function),
            Node::List(items) => self.list(items),
            Node::Map(entries) => self.map(entries),
            Node::Struct(name, fields) => self.object(name, fields),
            Node::Fold(fold) => self.fold(fold),
        }
    }

    /// And, or: the one value that decides does so whatever the others fail with.
    fn connect(&mut self, terms: &'a [Node], decides: bool) -> Outcome<'a> {
        let mut failure = None;
        for term in terms {
            match self.node(term) {
                Ok(Value::Bool(value)) if value == decides => return Ok(Value::Bool(decides)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => {
                    failure.get_or_insert_with(Failure::no_overload);
                }
                Err(why) if why.is_stop() => return Err(why),
                Err(why) => {
                    failure.get_or_insert(why);
                }
            }
        }
        failure.map_or(Ok(Value::Bool(!decides)), Err)
    }

    fn equal(&mut self, sides: &'a [Node; 2], wanted: bool) -> Outcome<'a> {
        let a = self.node(&sides[0]);
        if matches!(&a, Err(why) if why.is_stop()) {
            return a;
        }
        let b = self.node(&sides[1]);
        let (a, b) = (a?, b?);
        self.spend(spend::equality(&a, &b, wanted))?;
        Ok(Value::Bool(a.try_equals(&b)? == wanted))
    }

    fn local(&mut self, place: usize) -> Outcome<'a> {
        if let Local::Pending(node) = self.locals[place] {
            // What it is made of lies outside the loop.
            let inside = self.locals.split_off(place);
            let outcome = self.node(node);
            self.locals.extend(inside);
            if matches!(&outcome, Err(why) if why.is_stop()) {
                return outcome;
            }
            self.locals[place] = Local::Ready(outcome);
        }
        match &self.locals[place] {
            Local::Ready(outcome) => outcome.clone(),
            Local::Pending(_) => Err(Failure::no_overload()),
        }
    }

    fn global(&self, name: &str) -> Outcome<'a> {
        match self.names.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => Err(Failure::new(format!("no such attribute(s): {name}"))),
        }
    }

    /// The value of an attribute, its own cost aside.
    fn attribute(&mut self, attribute: &'a Attribute) -> Outcome<'a> {
        let mut steps = attribute.steps.as_slice();
        let mut value = match &attribute.root {
            Root::Local(place) => self.local(*place)?,
            Root::Global(name) => match (self.lazies, steps.split_first()) {
                (
                    Some(lazies),
                    Some((
                        Step::Field {
                            name: field,
                            is_test,
                            ..
                        },
                        rest,
                    )),
                ) if name == LAZIES => {
                    self.spend(1)?;
                    steps = rest;
                    if *is_test {
                        Value::Bool(lazies.has(field))
                    } else {
                        lazies.get(field, self.names)?
                    }
                }
                _ => self.global(name)?,
            },
            Root::Value(node) => self.node(node)?,
            Root::Either(parts) => match self.node(&parts[0])? {
                Value::Bool(true) => self.branch(&parts[1])?,
                Value::Bool(false) => self.branch(&parts[2])?,
                _ => return Err(Failure::no_overload()),
            },
        };
        if steps.is_empty() {
            return Ok(value);
        }
        let mut is_optional = false;
        if let Value::Optional(inner) = &value {
            let Some(inner) = inner else {
                let is_test = matches!(steps.last(), Some(Step::Field { is_test: true, .. }));
                return Ok(if is_test { Value::Bool(false) } else { value });
            };
            value = inner.as_ref().clone();
            is_optional = true;
        }
        for step in steps {
            value = match self.step(&value, step, &mut is_optional)? {
                Some(value) => value,
                None => return Ok(Value::Optional(None)),
            };
        }
        let is_test = matches!(steps.last(), Some(Step::Field { is_test: true, .. }));
        Ok(if is_optional && !is_test {
            Value::some(value)
        } else {
            value
        })
    }

    /// One side of a choice: a variable is read for nothing there.
    fn branch(&mut self, node: &'a Node) -> Outcome<'a> {
        match node {
            Node::Attribute(attribute) => self.attribute(attribute),
            other => self.node(other),
        }
    }

    /// What a step reads; `None`: nothing, and none is asked to be.
    fn step(
        &mut self,
        value: &Value<'a>,
        step: &'a Step,
        is_optional: &mut bool,
    ) -> Result<Option<Value<'a>>, Failure> {
        let found = match step {
            Step::Field {
                name,
                is_optional: opens,
                is_test,
            } => {
                *is_optional |= opens;
                let found = value.field(name, *is_optional || *is_test)?;
                if *is_test {
                    self.spend(1)?;
                    return Ok(Some(Value::Bool(found.is_some())));
                }
                if found.is_none() && !*is_optional {
                    return Err(Failure::no_key(&Value::text(name.as_str())));
                }
                found
            }
            Step::Index(index, opens) => {
                *is_optional |= opens;
                let index = self.branch(index)?;
                value.index(&index, *is_optional)?
            }
        };
        if found.is_some() {
            self.spend(1)?;
        }
        Ok(found)
    }

    fn call(&mut self, function: &'a Function) -> Outcome<'a> {
        let mut values = Vec::with_capacity(function.args.len());
        for arg in &function.args {
            values.push(self.node(arg)?);
        }
        if let Some(place) = function.grows
            && let [Value::List(List::Own(_)), Value::List(_)] = &values[..]
        {
            self.spend(1)?;
            return Ok(self.grow(place, values));
        }
        let regex = function.regex.get().and_then(Option::as_ref);
        let outcome = library::call(&function.name, function.module, &values, regex);
        let result = outcome.as_ref().ok();
        let cost = spend::call(&function.name, function.overload, &values, result);
        self.spend(cost)?;
        outcome
    }

    /// Joins a list to the accumulator, in place where nothing else holds that: a list that is
    /// made item by item is not copied for each.
    fn grow(&mut self, place: usize, mut values: Vec<Value<'a>>) -> Value<'a> {
        self.locals[place] = Local::Ready(Ok(Value::Null));
        let more = values.pop().unwrap_or(Value::Null);
        let mut grown = values.pop().unwrap_or(Value::Null);
        if let (Value::List(List::Own(items)), Value::List(more)) = (&mut grown, &more) {
            Arc::make_mut(items).extend(more.iter());
        }
        grown
    }

    /// The value of an item; `None` where it is an empty optional.
    fn item(&mut self, item: &'a Item) -> Result<Option<Value<'a>>, Failure> {
        let value = self.node(&item.node)?;
        if !item.is_optional {
            return Ok(Some(value));
        }
        match value {
            Value::Optional(inner) => Ok(inner.map(|inner| inner.as_ref().clone())),
            other => Err(Failure::new(format!(
                "cannot initialize optional list element from non-optional value {}",
                library::display(&other)
            ))),
        }
    }

    fn list(&mut self, items: &'a [Item]) -> Outcome<'a> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            out.extend(self.item(item)?);
        }
        self.spend(10)?;
        Ok(Value::list(out))
    }

    fn map(&mut self, entries: &'a [(Node, Item)]) -> Outcome<'a> {
        let mut out: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.node(key)?;
            match self.item(value)? {
                Some(value) => insert(&mut out, key, value),
                None => out.retain(|(known, _)| !known.equals(&key)),
            }
        }
        self.spend(30)?;
        Ok(Value::Map(Map::Own(Arc::new(out))))
    }

    fn object(&mut self, name: &str, fields: &'a [(String, Item)]) -> Outcome<'a> {
        let mut out = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            if let Some(value) = self.item(value)? {
                out.push((name.clone(), value));
            }
        }
        self.spend(40)?;
        Ok(Value::Struct(Arc::new(Struct {
            name: name.to_owned(),
            fields: out,
        })))
    }

    fn fold(&mut self, fold: &'a Fold) -> Outcome<'a> {
        let range = self.node(&fold.range)?;
        self.locals.truncate(fold.place);
        self.locals.push(Local::Pending(&fold.init));
        let none = || Local::Ready(Ok(Value::Null));
        self.locals.push(none());
        if fold.has_second {
            self.locals.push(none());
        }
        let mut outcome = Ok(());
        match &range {
            Value::List(list) => {
                for index in 0..list.len() {
                    let Some(item) = list.get(index) else { break };
                    let (first, second) = if fold.has_second {
                        (Value::Int(index as i64), Some(item))
                    } else {
                        (item, None)
                    };
                    outcome = self.turn(fold, first, second);
                    if !matches!(outcome, Ok(())) {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (key, value) in map.entries() {
                    let second = fold.has_second.then_some(value);
                    outcome = self.turn(fold, key, second);
                    if !matches!(outcome, Ok(())) {
                        break;
                    }
                }
            }
            other => {
                self.locals.truncate(fold.place);
                let kind = go_type(other);
                return Err(Failure::new(if fold.has_second {
                    format!("unsupported comprehension range type: {kind}")
                } else {
                    format!("got '{kind}', expected iterable type")
                }));
            }
        }
        let result = match outcome {
            Err(Some(stop)) => Err(stop),
            _ => self.node(&fold.result),
        };
        self.locals.truncate(fold.place);
        result
    }

    /// One turn of a loop; `Err(None)`: it was the last, `Err(Some(_))`: everything stops.
    fn turn(
        &mut self,
        fold: &'a Fold,
        first: Value<'a>,
        second: Option<Value<'a>>,
    ) -> Result<(), Option<Failure>> {
        self.locals[fold.place + 1] = Local::Ready(Ok(first));
        if let Some(second) = second {
            self.locals[fold.place + 2] = Local::Ready(Ok(second));
        }
        match self.node(&fold.condition) {
            Ok(Value::Bool(false)) => return Err(None),
            Err(why) if why.is_stop() => return Err(Some(why)),
            _ => {}
        }
        let next = self.node(&fold.step);
        match next {
            Err(why) if why.is_stop() => Err(Some(why)),
            next => {
                self.locals[fold.place] = Local::Ready(next);
                Ok(())
            }
        }
    }
}

/// Sets an entry of a map that is being made; the last of the same key stays.
pub(super) fn insert<'a>(
    entries: &mut Vec<(Value<'a>, Value<'a>)>,
    key: Value<'a>,
    value: Value<'a>,
) {
    match entries.iter_mut().find(|(known, _)| known.equals(&key)) {
        Some((_, known)) => *known = value,
        None => entries.push((key, value)),
    }
}

/// What Go calls the type of a value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "types.Null",
        Value::Bool(_) => "types.Bool",
        Value::Int(_) => "types.Int",
        Value::Uint(_) => "types.Uint",
        Value::Double(_) => "types.Double",
        Value::String(_) => "types.String",
        Value::Bytes(_) => "types.Bytes",
        Value::Duration(_) => "types.Duration",
        Value::Timestamp(_) => "types.Timestamp",
        Value::Optional(_) => "*types.Optional",
        Value::Type(_) => "*types.Type",
        _ => "ref.Val",
    }
}

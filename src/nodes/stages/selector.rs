//! Which objects a Stage is about, and values that it takes from them.
//!
//! *Upstream:* kwok's `pkg/utils/expression/selector.go`,
//! `pkg/utils/lifecycle/{value_duration_from,value_int_from}.go`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::query::Query;
use crate::cel::Program;
use crate::cel::types::Type;
use crate::cel::value::Value as CelValue;
use crate::object::{Object, duration};

/// An object as queries and expressions see it.
pub(super) struct Subject {
    value: Value,
    text: Vec<u8>,
}

impl Subject {
    pub(super) fn of(object: &Object) -> Self {
        Self {
            value: Value::Object(object.as_map().clone()),
            text: object.to_json(),
        }
    }
}

/// An expression of CEL over `self`.
#[derive(Debug)]
struct Expression(Program);

impl Expression {
    fn parse(text: &str) -> Result<Self, String> {
        let program = Program::compile(text, &[("self".to_owned(), Type::Dyn)]);
        program.map(Self).map_err(|why| why.to_string())
    }

    fn holds(&self, subject: &Subject) -> bool {
        let value = CelValue::from_json(&subject.value, None);
        self.0.holds(&[("self", value)]).unwrap_or(false)
    }

    fn duration(&self, subject: &Subject) -> Option<Duration> {
        let value = CelValue::from_json(&subject.value, None);
        match self.0.evaluate(&[("self", value)]) {
            Ok(CelValue::Duration(nanoseconds)) => {
                u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
            }
            Ok(CelValue::String(text)) => parsed(&text),
            _ => None,
        }
    }

    fn integer(&self, subject: &Subject) -> Option<i64> {
        let value = CelValue::from_json(&subject.value, None);
        match self.0.evaluate(&[("self", value)]) {
            Ok(CelValue::Int(number)) => Some(number),
            Ok(CelValue::Uint(number)) => i64::try_from(number).ok(),
            Ok(CelValue::Double(number)) => Some(number as i64),
            _ => None,
        }
    }
}

fn parsed(text: &str) -> Option<Duration> {
    let nanoseconds = duration::parse(text).ok()?;
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

#[derive(Debug)]
enum Condition {
    Query(Query, Operator, Vec<String>),
    Cel(Expression),
}

impl Condition {
    fn of(value: &Value) -> Result<Self, String> {
        if let Some(expression) = value["cel"]["expression"].as_str() {
            return Expression::parse(expression).map(Self::Cel);
        }
        let jq = value.get("jq").unwrap_or(value);
        let query = Query::parse(jq["key"].as_str().unwrap_or(""))?;
        let values = jq["values"].as_array().into_iter().flatten();
        let values: Vec<String> = values
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let operator = match jq["operator"].as_str().unwrap_or("") {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            other => return Err(format!("operator {other:?} is not supported")),
        };
        let wants_values = matches!(operator, Operator::In | Operator::NotIn);
        if wants_values == values.is_empty() {
            let why = "In and NotIn need values, Exists and DoesNotExist have none";
            return Err(why.to_owned());
        }
        Ok(Self::Query(query, operator, values))
    }

    fn holds(&self, subject: &Subject) -> bool {
        let (query, operator, values) = match self {
            Self::Cel(expression) => return expression.holds(subject),
            Self::Query(query, operator, values) => (query, operator, values),
        };
        let found = query.run(&subject.text);
        let is_in = || found.iter().any(|one| is_among(one, values));
        match operator {
            Operator::In => is_in(),
            Operator::NotIn => !is_in(),
            Operator::Exists => !found.is_empty(),
            Operator::DoesNotExist => found.is_empty(),
        }
    }
}

fn is_among(found: &Value, values: &[String]) -> bool {
    let text = match found {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        _ => return false,
    };
    values.contains(&text)
}

/// See the module.
#[derive(Debug)]
pub(super) struct Selector {
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    conditions: Vec<Condition>,
}

impl Selector {
    pub(super) fn of(value: &Value) -> Result<Self, String> {
        let pairs = |field: &str| {
            let pairs = value[field].as_object().into_iter().flatten();
            let pairs = pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?)));
            pairs.map(|(key, value)| (key, value.to_owned())).collect()
        };
        let conditions = value["matchExpressions"].as_array().into_iter().flatten();
        Ok(Self {
            labels: pairs("matchLabels"),
            annotations: pairs("matchAnnotations"),
            conditions: conditions.map(Condition::of).collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        let has = |place: &str, (key, value): &(String, String)| {
            let known = object.get(&["metadata", place, key]);
            known.is_some_and(|known| known == value)
        };
        if !self.labels.iter().all(|pair| has("labels", pair))
            || !self.annotations.iter().all(|pair| has("annotations", pair))
        {
            return false;
        }
        if self.conditions.is_empty() {
            return true;
        }
        let subject = Subject::of(object);
        self.conditions.iter().all(|one| one.holds(&subject))
    }
}

/// A value that is taken from an object.
#[derive(Debug)]
pub(super) enum Source {
    Query(Query),
    Cel(Box<Taken>),
}

/// What CEL takes.
#[derive(Debug)]
pub(super) struct Taken(Expression);

impl Source {
    /// `durationFrom`, `weightFrom`, …; `None` where nothing is said.
    pub(super) fn of(value: &Value) -> Result<Option<Self>, String> {
        if let Some(expression) = value["cel"]["expression"].as_str() {
            let expression = Expression::parse(expression)?;
            return Ok(Some(Self::Cel(Box::new(Taken(expression)))));
        }
        let jq = value["jq"]["expression"].as_str();
        let jq = jq.or_else(|| value["expressionFrom"].as_str());
        let jq = jq.filter(|text| !text.is_empty());
        jq.map(|text| Query::parse(text).map(Self::Query))
            .transpose()
    }

    /// A duration; a time is how long it is until then. An empty text says that there is none.
    pub(super) fn duration(&self, object: &Object, now: Timestamp) -> Found<Duration> {
        let subject = Subject::of(object);
        let query = match self {
            Self::Cel(taken) => return Found::of(taken.0.duration(&subject)),
            Self::Query(query) => query,
        };
        let found = query.run(&subject.text);
        let Some(text) = found.first().and_then(Value::as_str) else {
            return Found::Nothing;
        };
        if text.is_empty() {
            return Found::Unreadable;
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            let left = Duration::try_from(time.duration_since(now)).unwrap_or_default();
            return Found::Value(left);
        }
        Found::of(parsed(text))
    }

    /// A number.
    pub(super) fn integer(&self, object: &Object) -> Found<i64> {
        let subject = Subject::of(object);
        let query = match self {
            Self::Cel(taken) => return Found::of(taken.0.integer(&subject)),
            Self::Query(query) => query,
        };
        match query.run(&subject.text).first() {
            Some(Value::String(text)) => match text.parse() {
                Ok(number) => Found::Value(number),
                Err(_) => Found::Unreadable,
            },
            Some(Value::Number(number)) => Found::of(number.as_f64().map(|float| float as i64)),
            _ => Found::Nothing,
        }
    }
}

/// What was found in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// Nothing: what is usual counts.
    Nothing,
    /// Something that says that there is none.
    Unreadable,
    /// A value.
    Value(T),
}

impl<T> Found<T> {
    fn of(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Self::Value)
    }

    /// The value, or what is usual where nothing was found.
    pub(super) fn or(self, usual: Option<T>) -> Option<T> {
        match self {
            Self::Nothing => usual,
            Self::Unreadable => None,
            Self::Value(value) => Some(value),
        }
    }
}

//! One condition on one label.
//!
//! *Upstream:* `Requirement` of `apimachinery/pkg/labels/selector.go`.

use std::fmt;

use serde_json::Value;

use super::SelectorError;
use crate::object::label_syntax;
use crate::object::quote::quoted;

/// How a requirement relates a label to its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// `key=value`.
    Equals,
    /// `key==value`.
    DoubleEquals,
    /// `key!=value`.
    NotEquals,
    /// `key in (a,b)`.
    In,
    /// `key notin (a,b)`.
    NotIn,
    /// `key`.
    Exists,
    /// `!key`.
    DoesNotExist,
    /// `key>1`.
    Gt,
    /// `key<1`.
    Lt,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

impl Requirement {
    /// A requirement whose key and values are what labels may be.
    pub fn new(
        key: impl Into<String>,
        operator: Operator,
        values: Vec<String>,
    ) -> Result<Self, SelectorError> {
        let key = key.into();
        let mut errors = Vec::new();
        push_key_error(&mut errors, "key", &key);
        push_count_error(&mut errors, operator, &values);
        for (index, value) in values.iter().enumerate() {
            if matches!(operator, Operator::Gt | Operator::Lt) && value.parse::<i64>().is_err() {
                errors.push(format!(
                    "values[{index}]: Invalid value: {}: for 'Gt', 'Lt' operators, the value must \
                     be an integer",
                    quoted(value)
                ));
            }
        }
        for (index, value) in values.iter().enumerate() {
            let wrong = label_syntax::value_errors(value);
            if !wrong.is_empty() {
                errors.push(format!(
                    "values[{index}][{key}]: Invalid value: {}: {}",
                    quoted(value),
                    wrong.join("; ")
                ));
            }
        }
        into_one(errors)?;
        Ok(Self {
            key,
            operator,
            values,
        })
    }

    /// A label that must have this value, unchecked.
    pub(super) fn equals(key: &str, value: &str) -> Self {
        Self {
            key: key.to_owned(),
            operator: Operator::Equals,
            values: vec![value.to_owned()],
        }
    }

    /// The label it is about.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How it relates the label to the values.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The values, as given.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether the label's value (`None` where there is no such label) meets it.
    pub fn is_met_by(&self, value: Option<&str>) -> bool {
        let has = |value: &str| self.values.iter().any(|own| own == value);
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => value.is_some_and(has),
            Operator::NotIn | Operator::NotEquals => !value.is_some_and(has),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt | Operator::Lt => {
                let number = |text: &str| text.parse::<i64>().ok();
                let actual = value.and_then(number);
                let bound = self.values.first().and_then(|own| number(own));
                match (actual, bound) {
                    (Some(actual), Some(bound)) if self.operator == Operator::Gt => actual > bound,
                    (Some(actual), Some(bound)) => actual < bound,
                    _ => false,
                }
            }
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let mut values = self.values.clone();
        values.sort();
        let values = values.join(",");
        match self.operator {
            Operator::Exists => write!(f, "{key}"),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Gt => write!(f, "{key}>{values}"),
            Operator::Lt => write!(f, "{key}<{values}"),
        }
    }
}

/// Each operator takes a certain number of values.
fn push_count_error(errors: &mut Vec<String>, operator: Operator, values: &[String]) {
    let wrong = match operator {
        Operator::In | Operator::NotIn if values.is_empty() => {
            "for 'in', 'notin' operators, values set can't be empty"
        }
        Operator::Equals | Operator::DoubleEquals | Operator::NotEquals if values.len() != 1 => {
            "exact-match compatibility requires one single value"
        }
        Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
            "values set must be empty for exists and does not exist"
        }
        Operator::Gt | Operator::Lt if values.len() != 1 => {
            "for 'Gt', 'Lt' operators, exactly one value is required"
        }
        _ => return,
    };
    // An empty slice is a nil one upstream.
    let printed = if values.is_empty() {
        Value::Null
    } else {
        Value::from(values.to_vec())
    };
    errors.push(format!("values: Invalid value: {printed}: {wrong}"));
}

pub(super) fn push_key_error(errors: &mut Vec<String>, path: &str, key: &str) {
    let wrong = label_syntax::key_errors(key);
    if !wrong.is_empty() {
        errors.push(format!(
            "{path}: Invalid value: {}: {}",
            quoted(key),
            wrong.join("; ")
        ));
    }
}

/// Several errors in one, as an aggregate of Go prints them.
pub(super) fn into_one(mut errors: Vec<String>) -> Result<(), SelectorError> {
    let mut seen = Vec::new();
    errors.retain(|error| {
        let is_new = !seen.contains(error);
        seen.push(error.clone());
        is_new
    });
    match errors.len() {
        0 => Ok(()),
        1 => Err(SelectorError(errors.remove(0))),
        _ => Err(SelectorError(format!("[{}]", errors.join(", ")))),
    }
}

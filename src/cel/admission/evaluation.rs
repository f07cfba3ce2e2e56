//! Expressions of admission over one request.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/cel/{activation,condition,composition}.go`.

use serde_json::{Map as JsonMap, Value as Json};

use super::authorizer::{Asked, Question, Target};
use super::{Authorizer, Expression, Variable};
use crate::cel::eval::Outcome;
use crate::cel::lazy::Lazies;
use crate::cel::value::Value;

/// What expressions look at.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The object; `None` on a deletion.
    pub object: Option<&'a JsonMap<String, Json>>,
    /// The object as it was; `None` on a creation.
    pub old_object: Option<&'a JsonMap<String, Json>>,
    /// The parameters of a policy; `None`: null.
    pub params: Option<&'a JsonMap<String, Json>>,
    /// The request: `kind`, `resource`, `operation`, `userInfo`, … as in an `AdmissionRequest`.
    pub request: &'a JsonMap<String, Json>,
    /// The namespace; `None` for what is in none.
    pub namespace: Option<&'a JsonMap<String, Json>>,
    /// Who decides on `authorizer`'s questions, and about which resource
    /// `authorizer.requestResource` is.
    pub authorizer: Option<(&'a dyn Authorizer, RequestResource<'a>)>,
}

/// The resource of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestResource<'a> {
    /// Its group.
    pub group: &'a str,
    /// Its plural name.
    pub resource: &'a str,
    /// The subresource; empty where none.
    pub subresource: &'a str,
    /// The namespace; empty where none.
    pub namespace: &'a str,
    /// The name; empty where it is yet to be generated.
    pub name: &'a str,
}

/// Why an expression came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// The expression itself failed; others may go on.
    #[error("{0}")]
    Expression(String),
    /// The budget is used up; nothing further may be evaluated.
    #[error(
        "validation failed due to running out of cost budget, no further validation rules will be \
         run"
    )]
    OutOfBudget,
}

/// Expressions over one request: they share a budget, and each variable is evaluated once, when
/// it is first named.
///
/// Upstream begins anew for match conditions, validations, messages, audit annotations and each
/// mutation: so make one of these for each.
#[derive(Debug)]
pub struct Evaluation<'a> {
    names: Vec<(&'a str, Value<'a>)>,
    lazies: Lazies<'a>,
    budget: u64,
}

impl<'a> Evaluation<'a> {
    /// Begins over an input, with the variables of a policy, and this much to spend.
    pub fn new(input: &Input<'a>, variables: &'a [Variable], budget: u64) -> Self {
        let object = |map: Option<&'a JsonMap<String, Json>>| {
            map.map_or(Value::Null, |map| Value::object(map, None))
        };
        let mut names = vec![
            ("object", object(input.object)),
            ("oldObject", object(input.old_object)),
            ("params", object(input.params)),
            ("request", object(Some(input.request))),
            ("namespaceObject", object(input.namespace)),
        ];
        if let Some((authorizer, request)) = input.authorizer {
            let asked = Asked {
                authorizer,
                service_account: None,
            };
            let target = Target::Resource {
                group: request.group.to_owned(),
                resource: request.resource.to_owned(),
                subresource: request.subresource.to_owned(),
                namespace: request.namespace.to_owned(),
                name: request.name.to_owned(),
                field_selector: String::new(),
                label_selector: String::new(),
            };
            let check = Question::Check(asked.clone(), target);
            names.push(("authorizer", Value::question(Question::Authorizer(asked))));
            names.push(("authorizer.requestResource", Value::question(check)));
        }
        let variables = variables.iter().map(|variable| {
            let program = match &variable.expression {
                Ok(expression) => Ok(&expression.program),
                Err(why) => Err(why.0.as_str()),
            };
            (variable.name.as_str(), program)
        });
        Self {
            lazies: Lazies::new(variables),
            names,
            budget,
        }
    }

    /// What an expression comes to.
    pub fn run(&mut self, expression: &'a Expression) -> Result<Value<'a>, Failed> {
        let (outcome, cost) = self.outcome(expression);
        let cost = cost.saturating_add(self.lazies.take_cost());
        let left = self.budget.checked_sub(cost);
        self.budget = left.unwrap_or(0);
        if left.is_none() {
            return Err(Failed::OutOfBudget);
        }
        outcome.map_err(|failure| {
            let source = &expression.source;
            Failed::Expression(format!(
                "expression '{source}' resulted in error: {failure}"
            ))
        })
    }

    /// What is left to spend.
    pub const fn budget(&self) -> u64 {
        self.budget
    }

    fn outcome(&self, expression: &'a Expression) -> (Outcome<'a>, u64) {
        expression.program.run(&self.names, Some(&self.lazies))
    }
}

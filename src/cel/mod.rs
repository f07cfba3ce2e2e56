//! What a rule says: the Common Expression Language as Kubernetes speaks it.
//!
//! An expression is read, given a type, and then evaluated over values of objects as often as
//! needed. Of the crates there are, none gives types to expressions, without which a broken rule
//! would be accepted; so this is our own.
//!
//! *Invariant:* who asks, and what becomes of the answer, is not known here.
//! *Upstream:* `cel-go`, `apiserver/pkg/cel`.

pub mod admission;
pub mod check;
pub mod cost;
pub mod eval;
mod library;
mod names;
pub mod rules;
pub mod syntax;
pub mod types;
pub mod value;

use self::check::Variable;
use self::eval::{Failure, Outcome};
use self::syntax::{Expr, Kind, parse, print};
use self::types::Type;
use self::value::Value;

/// An expression, checked and ready to be evaluated.
#[derive(Debug)]
pub struct Program {
    expr: Expr,
    /// What type it comes to.
    pub result: Type,
}

impl Program {
    /// Reads an expression over these variables and gives it a type; or says what is wrong, as
    /// upstream prints it.
    pub fn compile(source: &str, variables: &[Variable]) -> Result<Self, String> {
        Self::compile_with(source, variables, false)
    }

    /// The same; with `has_patch_types`, it may make objects and patches (`Object{}`).
    pub fn compile_with(
        source: &str,
        variables: &[Variable],
        has_patch_types: bool,
    ) -> Result<Self, String> {
        let expr = parse(source).map_err(|issues| print(source, &issues))?;
        let result = check::check(&expr, variables, has_patch_types)
            .map_err(|issues| print(source, &issues))?;
        Ok(Self { expr, result })
    }

    /// The parsed expression.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Evaluates it.
    pub fn evaluate<'a>(&'a self, variables: &[(&'a str, Value<'a>)]) -> Outcome<'a> {
        eval::run(self, variables, None).0
    }

    /// Evaluates what comes to a truth.
    pub fn holds<'a>(&'a self, variables: &[(&'a str, Value<'a>)]) -> Result<bool, Failure> {
        match self.evaluate(variables)? {
            Value::Bool(value) => Ok(value),
            _ => Err(Failure::no_overload()),
        }
    }

    /// Whether it names a variable.
    pub fn mentions(&self, variable: &str) -> bool {
        let mut found = false;
        self.expr.walk(&mut |expr| {
            found |= matches!(&expr.kind, Kind::Ident(name) if name == variable);
        });
        found
    }
}

/// A value as `string` prints it; `None` where it prints none.
fn printed(value: &Value) -> Option<String> {
    match value {
        Value::Null
        | Value::List(_)
        | Value::Map(_)
        | Value::Struct(_)
        | Value::Optional(_)
        | Value::Question(_) => None,
        other => Some(library::strings::printed(other)),
    }
}

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
pub mod lazy;
mod library;
pub mod moment;
mod names;
mod plan;
pub mod rules;
pub mod syntax;
pub mod types;
pub mod value;

use self::check::{Checked, Variable};
use self::eval::{Failure, Names, Outcome};
use self::lazy::Lazies;
use self::plan::Node;
use self::syntax::{Expr, Kind, parse, print};
use self::types::Type;
use self::value::Value;

/// What is wrong with an absolute URL, in Go's words.
pub fn url_refusal(text: &str) -> Option<String> {
    library::url::refusal(text)
}

/// An expression, checked and ready to be evaluated.
#[derive(Debug)]
pub struct Program {
    expr: Expr,
    checked: Checked,
    plan: Node,
    /// What type it comes to.
    pub result: Type,
}

/// What an expression may use beyond what all may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// `Object{}`, `JSONPatch{}` and `jsonpatch.escapeKey`.
    pub has_patch_types: bool,
    /// `cel.bind`.
    pub has_bindings: bool,
}

/// Why an expression does not compile, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read, or does not fit its types: every issue with its place.
    #[error("compilation failed: {0}")]
    Issues(String),
    /// It fits its types, but not itself: a constant cannot be made.
    #[error("program instantiation failed: {0}")]
    Constant(String),
}

impl Program {
    /// Reads an expression over these variables and gives it a type.
    pub fn compile(source: &str, variables: &[Variable]) -> Result<Self, Refusal> {
        Self::compile_with(source, variables, Dialect::default())
    }

    /// The same, of a dialect.
    pub fn compile_with(
        source: &str,
        variables: &[Variable],
        dialect: Dialect,
    ) -> Result<Self, Refusal> {
        let refused = |issues: Vec<_>| Refusal::Issues(print(source, &issues));
        let (mut expr, parts) = parse(source, dialect.has_bindings).map_err(refused)?;
        let checked =
            check::check(&mut expr, parts, variables, dialect.has_patch_types).map_err(refused)?;
        let plan = plan::plan(&expr, &checked)
            .map_err(|failure| Refusal::Constant(failure.to_string()))?;
        let result = checked.of(&expr).clone();
        Ok(Self {
            expr,
            checked,
            plan,
            result,
        })
    }

    /// The parsed expression.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Evaluates it; gives back what that cost as well.
    pub fn run<'a>(&'a self, names: &Names<'a>, lazies: Option<&Lazies<'a>>) -> (Outcome<'a>, u64) {
        eval::run(&self.plan, names, lazies)
    }

    /// Evaluates it.
    pub fn evaluate<'a>(&'a self, names: &Names<'a>) -> Outcome<'a> {
        self.run(names, None).0
    }

    /// Evaluates what comes to a truth.
    pub fn holds<'a>(&'a self, names: &Names<'a>) -> Result<bool, Failure> {
        match self.evaluate(names)? {
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

//! Expressions of admission: match conditions of webhooks, validations, variables and mutations
//! of policies. Compiled once, evaluated per request.
//!
//! ```text
//! let mut environment = Environment::new().with_authorizer();
//! let expression = environment.compile("object.spec.replicas < 5", Returns::Bool)?;
//! let mut evaluation = Evaluation::new(&input, &[], BUDGET);
//! let value = evaluation.run(&expression)?;
//! ```
//!
//! *Invariant:* does not know who may do what, nor what becomes of a result.
//! *Upstream:* `apiserver/pkg/admission/plugin/cel`, `apiserver/pkg/cel/mutation`.

pub mod authorizer;
mod environment;
mod evaluation;
mod patch;

pub use self::authorizer::{Authorizer, Check, Decision, Target};
pub use self::environment::{CompileError, Environment, Expression, Returns, Variable};
pub use self::evaluation::{Evaluation, Failed, Input, RequestResource};
pub use self::patch::{Operation, operations, to_json};

/// What all expressions of one policy or webhook may cost in one request.
pub const BUDGET: u64 = 10_000_000;

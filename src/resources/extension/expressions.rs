//! Expressions of webhooks and policies: compiled when they are written, so that a broken one is
//! refused.
//!
//! *Upstream:* `pkg/apis/admissionregistration/validation/validation.go`.

use serde_json::Value;

use crate::cel::admission::{Environment, Returns};
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::resources::shared::look::Look;

/// The environment of a policy's expressions.
pub(super) fn environment(spec: &Value) -> Environment {
    Environment::new()
        .with_params(spec.has("paramKind"))
        .with_authorizer(true)
}

/// Compiles an expression and reports what is wrong with it; `written`: with the space around it.
pub(super) fn check(
    errors: &mut FieldErrors,
    path: &FieldPath,
    environment: &Environment,
    written: &str,
    returns: Returns,
) {
    if let Err(why) = environment.compile(written, returns) {
        errors.invalid(path, &written.into(), why.0);
    }
}

/// Declares a variable of a policy for those that follow, and reports a broken one.
pub(super) fn declare(
    errors: &mut FieldErrors,
    environment: &mut Environment,
    path: &FieldPath,
    variable: &Value,
) {
    let path = path.child("expression");
    let source = variable.text("expression");
    if source.trim().is_empty() {
        errors.required(&path, "expression is not specified");
        return;
    }
    let declared = environment.declare(variable.text("name"), source);
    if let Err(why) = declared.expression {
        errors.invalid(&path, &source.into(), why.0);
    }
}

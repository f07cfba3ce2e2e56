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

/// Declares the variables of a policy one after the other, and reports those that are broken.
pub(super) fn declare(errors: &mut FieldErrors, environment: &mut Environment, spec: &Value) {
    let path = FieldPath::new("spec");
    let path = path.child("variables");
    for (index, variable) in spec.list("variables").iter().enumerate() {
        let source = variable.text("expression");
        if source.trim().is_empty() {
            continue;
        }
        let declared = environment.declare(variable.text("name"), source);
        if let Err(why) = declared.expression {
            let path = path.index(index);
            errors.invalid(&path.child("expression"), &source.into(), why.0);
        }
    }
}

//! Conditions in CEL under which a webhook or policy wants to see a write, and who answers the
//! questions that expressions ask.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go`.

use serde_json::{Map, Value};

use super::subject::Versioned;
use crate::admission::{Attributes, Verdict};
use crate::auth::authorize::Selectors;
use crate::auth::{self, User};
use crate::cel::admission::{
    Authorizer, Check, CompileError, Decision, Environment, Evaluation, Expression, Input,
    RequestResource, Returns, Target, Variable,
};
use crate::cel::value::Value as CelValue;
use crate::object::Object;

/// What all match conditions of one webhook or policy may cost in one request.
const MATCH_BUDGET: u64 = 2_500_000;

/// An expression, or why it is none.
pub(super) type Compiled = Result<Expression, CompileError>;

/// What an expression that does not compile comes to.
pub(super) fn uncompiled(error: &CompileError) -> String {
    format!("compilation error: {error}")
}

/// The conditions under which something wants to see a write.
#[derive(Debug, Default)]
pub(super) struct Conditions(Vec<Compiled>);

impl Conditions {
    /// The `matchConditions` of a webhook or a policy.
    pub(super) fn compile(list: &Value, environment: &Environment) -> Self {
        let list = list.as_array().into_iter().flatten();
        let compiled = list.map(|condition| {
            let source = condition["expression"].as_str().unwrap_or("");
            environment.compile(source, Returns::Bool)
        });
        Self(compiled.collect())
    }

    /// Whether there are any.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all hold; one that does not decides, whatever is wrong with others.
    pub(super) fn hold(&self, input: &Input<'_>, variables: &[Variable]) -> Result<bool, String> {
        let mut errors = Vec::new();
        let mut evaluation = Evaluation::new(input, variables, MATCH_BUDGET);
        for condition in &self.0 {
            let expression = match condition {
                Ok(expression) => expression,
                Err(error) => {
                    errors.push(uncompiled(error));
                    continue;
                }
            };
            match evaluation.run(expression) {
                Ok(CelValue::Bool(false)) => return Ok(false),
                Ok(_) => {}
                Err(crate::cel::admission::Failed::OutOfBudget) => {
                    return Err(crate::cel::admission::Failed::OutOfBudget.to_string());
                }
                Err(error) => errors.push(error.to_string()),
            }
        }
        match errors.as_slice() {
            [] => Ok(true),
            [one] => Err(one.clone()),
            many => Err(format!("[{}]", many.join(", "))),
        }
    }
}

/// What expressions look at in one request, but for the parameters.
pub(super) struct View<'a> {
    pub(super) versioned: &'a Versioned,
    pub(super) request: &'a Map<String, Value>,
    pub(super) namespace: Option<&'a Object>,
    pub(super) params: Option<&'a Object>,
    pub(super) asker: &'a Asker<'a>,
}

impl<'a> View<'a> {
    /// The input of expressions that may ask for rights.
    pub(super) fn input(&self) -> Input<'a> {
        let write = self.asker.0;
        let request = RequestResource {
            group: &write.resource.group_version.group,
            resource: &write.resource.plural,
            subresource: write.subresource,
            namespace: write.namespace,
            name: write.name,
        };
        Input {
            authorizer: Some((self.asker, request)),
            ..self.plain_input()
        }
    }

    /// The input of expressions that may not.
    pub(super) fn plain_input(&self) -> Input<'a> {
        Input {
            object: self.versioned.object_tree(),
            old_object: self.versioned.old_tree(),
            params: self.params.map(Object::as_map),
            request: self.request,
            namespace: self.namespace.map(Object::as_map),
            authorizer: None,
        }
    }
}

/// Answers the questions of expressions: about who makes the request, or a service account.
pub(super) struct Asker<'a>(pub(super) &'a Attributes<'a>);

impl std::fmt::Debug for Asker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Asker")
    }
}

impl Authorizer for Asker<'_> {
    fn authorize(&self, check: &Check) -> Decision {
        let account = check.service_account.as_ref();
        let account = account.map(|(namespace, name)| service_account(namespace, name));
        let user = account.as_ref().unwrap_or(self.0.user);
        let Verdict {
            is_allowed,
            reason,
            error,
        } = self.0.rights.decide(user, &attributes(check));
        Decision {
            is_allowed,
            reason,
            error,
        }
    }
}

fn attributes(check: &Check) -> auth::Attributes<'_> {
    match &check.target {
        Target::Path(path) => auth::Attributes {
            verb: &check.verb,
            path,
            ..auth::Attributes::default()
        },
        Target::Resource {
            group,
            resource,
            subresource,
            namespace,
            name,
            field_selector,
            label_selector,
        } => auth::Attributes {
            verb: &check.verb,
            is_resource: true,
            group,
            version: "*",
            namespace,
            resource,
            subresource,
            name,
            selectors: Selectors {
                field_text: field_selector,
                label_text: label_selector,
                ..Selectors::default()
            },
            ..auth::Attributes::default()
        },
    }
}

/// A service account as it asks.
fn service_account(namespace: &str, name: &str) -> User {
    User {
        name: format!("system:serviceaccount:{namespace}:{name}"),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            auth::AUTHENTICATED.to_owned(),
        ],
        ..User::default()
    }
}

//! Policies that may refuse a write, warn of it, or have it noted.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/policy/validating/{dispatcher,validator}.go`.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Binding, Policy, by_policy, environment, is_exempt, namespace_of, params};
use crate::admission::dynamic::configured::Configured;
use crate::admission::dynamic::expressions::{Asker, Compiled, View, uncompiled};
use crate::admission::dynamic::subject::{Versioned, request_json};
use crate::admission::{Attributes, Plugin, forbidden, settled};
use crate::cel::admission::{BUDGET, Evaluation, Failed, Returns};
use crate::cel::value::Value as CelValue;
use crate::error::{ApiError, Cause};
use crate::object::Object;
use crate::storage::Reader;

/// The longest message that an expression may give.
const MESSAGE_BYTES_MAX: usize = 5 * 1024;
/// The longest annotation of the audit event.
const ANNOTATION_BYTES_MAX: usize = 10 * 1024;
/// The most failures that the audit event is told of.
const FAILURES_MAX: usize = 50;

/// The plugin.
pub(in crate::admission) struct ValidatingAdmissionPolicy {
    policies: Configured<Vec<Validating>>,
}

/// A policy with what it checks.
struct Validating {
    policy: Policy,
    validations: Vec<Validation>,
    annotations: Vec<Annotation>,
}

struct Validation {
    expression: Compiled,
    /// As written.
    source: String,
    message: String,
    message_expression: Option<Compiled>,
    reason: String,
}

struct Annotation {
    key: String,
    value: Compiled,
}

/// What a policy has against a write.
#[derive(Clone)]
struct Denial {
    message: String,
    reason: String,
    /// Which of its validations it was.
    index: usize,
}

/// What a policy with one set of parameters says.
#[derive(Default)]
struct Findings {
    denials: Vec<Denial>,
    /// Annotations of the audit event, by key.
    annotations: Vec<(String, String)>,
    /// Annotations that failed.
    failed_annotations: Vec<String>,
}

impl Default for ValidatingAdmissionPolicy {
    fn default() -> Self {
        Self {
            policies: Configured::new(&[
                "validatingadmissionpolicies",
                "validatingadmissionpolicybindings",
            ]),
        }
    }
}

impl Plugin for ValidatingAdmissionPolicy {
    fn name(&self) -> &'static str {
        "ValidatingAdmissionPolicy"
    }

    fn is_configured(&self, reader: &dyn Reader) -> bool {
        self.policies.is_any(reader)
    }

    fn validate_later<'c>(
        &'c self,
        write: &'c Attributes<'c>,
        object: Option<&'c Object>,
    ) -> Option<BoxFuture<'c, Result<(), ApiError>>> {
        let all = self
            .policies
            .get(write.reader, |objects| compile(&objects))?;
        (!is_exempt(write)).then(|| {
            let dispatch = Dispatch {
                write,
                object,
                versions: Vec::new(),
                refusal: None,
                failures: Vec::new(),
            };
            dispatch.run(all).boxed()
        })
    }
}

fn compile(objects: &[Vec<Arc<Object>>]) -> Vec<Validating> {
    let [policies, bindings] = objects else {
        return Vec::new();
    };
    let mut bindings = by_policy(bindings);
    let bound = policies.iter().filter_map(|policy| {
        let bindings = bindings.remove(policy.name())?;
        Some(Validating::of(policy, bindings))
    });
    bound.collect()
}

impl Validating {
    fn of(object: &Object, bindings: Vec<Binding>) -> Self {
        let mut environment = environment(object);
        let policy = Policy::of(object, bindings, &mut environment);
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let plain = environment.clone().with_authorizer(false);
        let validations = object.items(&["spec", "validations"]).iter();
        let validations = validations.map(|validation| {
            let source = text(&validation["expression"]);
            let words = validation["messageExpression"].as_str().unwrap_or("");
            Validation {
                expression: environment.compile(&source, Returns::Bool),
                source,
                message: text(&validation["message"]).trim().to_owned(),
                message_expression: (!words.is_empty())
                    .then(|| plain.compile(words, Returns::String)),
                reason: text(&validation["reason"]),
            }
        });
        let annotations = object.items(&["spec", "auditAnnotations"]).iter();
        let annotations = annotations.map(|annotation| Annotation {
            key: text(&annotation["key"]),
            value: environment
                .compile(&text(&annotation["valueExpression"]), Returns::StringOrNull),
        });
        Self {
            validations: validations.collect(),
            annotations: annotations.collect(),
            policy,
        }
    }

    /// What the policy says of what it sees.
    fn evaluate(&self, view: &View<'_>) -> Findings {
        let policy = &self.policy;
        match policy.conditions.hold(&view.input(), &policy.variables) {
            Ok(true) => {}
            Ok(false) => return Findings::default(),
            Err(why) => return self.failed(why),
        }
        let input = view.input();
        let mut evaluation = Evaluation::new(&input, &policy.variables, BUDGET);
        let mut results = Vec::new();
        for validation in &self.validations {
            let result = match &validation.expression {
                Ok(expression) => evaluation.run(expression),
                Err(error) => Err(Failed::Expression(uncompiled(error))),
            };
            if matches!(result, Err(Failed::OutOfBudget)) {
                return self.failed(Failed::OutOfBudget.to_string());
            }
            let result = result.map(|value| matches!(value, CelValue::Bool(true)));
            results.push(result.map_err(|error| error.to_string()));
        }
        let words = self.messages(view, evaluation.budget());
        let mut findings = Findings::default();
        for (index, (validation, result)) in self.validations.iter().zip(results).enumerate() {
            let own = words.as_ref().map(|words| words[index].as_deref());
            if let Some(denial) = self.denial(validation, result, own) {
                findings.denials.push(Denial { index, ..denial });
            }
        }
        self.annotate(view, &mut findings);
        findings
    }

    /// The policy has something against everything, unless it is optional.
    fn failed(&self, message: String) -> Findings {
        let mut findings = Findings::default();
        if !self.policy.is_optional {
            findings.denials.push(Denial {
                message,
                reason: String::new(),
                index: 0,
            });
        }
        findings
    }

    /// What the expressions for messages come to; `None` for those that come to nothing usable.
    fn messages(&self, view: &View<'_>, budget: u64) -> Result<Vec<Option<String>>, String> {
        let input = view.plain_input();
        let mut evaluation = Evaluation::new(&input, &self.policy.variables, budget);
        let mut all = Vec::new();
        for validation in &self.validations {
            let text = match &validation.message_expression {
                Some(Ok(expression)) => match evaluation.run(expression) {
                    Ok(CelValue::String(text)) => Some(text.trim().to_owned()),
                    Err(Failed::OutOfBudget) => {
                        let why = Failed::OutOfBudget;
                        return Err(format!("failed messageExpression: {why}"));
                    }
                    _ => None,
                },
                _ => None,
            };
            all.push(text.filter(|text| {
                !text.is_empty() && text.len() <= MESSAGE_BYTES_MAX && !text.contains('\n')
            }));
        }
        Ok(all)
    }

    fn denial(
        &self,
        validation: &Validation,
        result: Result<bool, String>,
        own: Result<Option<&str>, &String>,
    ) -> Option<Denial> {
        let error = match (result, own) {
            (Err(why), _) => why,
            (_, Err(why)) => why.clone(),
            (Ok(true), _) => return None,
            (Ok(false), Ok(own)) => {
                let fallback = || format!("failed expression: {}", validation.source.trim());
                let message = match (own, validation.message.as_str()) {
                    (Some(own), _) => own.to_owned(),
                    (None, "") => fallback(),
                    (None, message) => message.to_owned(),
                };
                return Some(Denial {
                    message,
                    reason: validation.reason.clone(),
                    index: 0,
                });
            }
        };
        (!self.policy.is_optional).then_some(Denial {
            message: error,
            reason: String::new(),
            index: 0,
        })
    }

    /// What the audit event is told.
    fn annotate(&self, view: &View<'_>, findings: &mut Findings) {
        let input = view.plain_input();
        let mut evaluation = Evaluation::new(&input, &self.policy.variables, BUDGET);
        for annotation in &self.annotations {
            let value = match &annotation.value {
                Ok(expression) => evaluation
                    .run(expression)
                    .map_err(|error| error.to_string()),
                Err(error) => Err(uncompiled(error)),
            };
            match value {
                Ok(CelValue::String(text)) if !text.trim().is_empty() => {
                    let mut text = text.trim().to_owned();
                    text.truncate(text.floor_char_boundary(ANNOTATION_BYTES_MAX));
                    findings.annotations.push((annotation.key.clone(), text));
                }
                Ok(_) => {}
                Err(_) if self.policy.is_optional => {}
                Err(why) => findings.failed_annotations.push(why),
            }
        }
    }
}

/// One write on its way past all policies.
struct Dispatch<'c> {
    write: &'c Attributes<'c>,
    object: Option<&'c Object>,
    versions: Vec<Arc<Versioned>>,
    /// The first refusal: policy, binding (empty where the policy itself is wrong), and why.
    refusal: Option<(String, String, Denial)>,
    /// What the audit event is told of failures.
    failures: Vec<Value>,
}

impl Dispatch<'_> {
    async fn run(mut self, all: Arc<Vec<Validating>>) -> Result<(), ApiError> {
        for validating in all.iter() {
            self.ask(validating).await?;
        }
        let write = self.write;
        if !self.failures.is_empty() {
            self.failures.truncate(FAILURES_MAX);
            let text = Value::Array(self.failures).to_string();
            write.annotate(
                "validation.policy.admission.k8s.io/validation_failure",
                text,
            );
        }
        match self.refusal {
            None => Ok(()),
            Some((policy, binding, denial)) => {
                Err(refusal(write, self.object, &policy, &binding, &denial))
            }
        }
    }

    fn refuse(&mut self, policy: &Policy, binding: &str, denial: Denial) {
        self.refusal
            .get_or_insert_with(|| (policy.name.clone(), binding.to_owned(), denial));
    }

    /// Something is wrong with the policy or the binding itself.
    fn misconfigured(&mut self, policy: &Policy, binding: &str, why: &str) {
        if policy.is_optional {
            return;
        }
        let what = if binding.is_empty() {
            "policy"
        } else {
            "binding"
        };
        let denial = Denial {
            message: format!("failed to configure {what}: {why}"),
            reason: String::new(),
            index: 0,
        };
        self.refuse(policy, binding, denial);
    }

    async fn ask(&mut self, validating: &Validating) -> Result<(), ApiError> {
        let policy = &validating.policy;
        let matched = match policy.criteria.matched(self.write, self.object) {
            Ok(None) => return Ok(()),
            Ok(Some(matched)) => matched,
            Err(error) => {
                self.misconfigured(policy, "", error.message());
                return Ok(());
            }
        };
        let param_resource = match params::resource(self.write, policy) {
            Ok(resource) => resource,
            Err(why) => {
                self.misconfigured(policy, "", &why);
                return Ok(());
            }
        };
        let mut annotations: Vec<(String, String)> = Vec::new();
        for binding in &policy.bindings {
            match binding.matches(self.write, self.object) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    self.misconfigured(policy, &binding.name, error.message());
                    continue;
                }
            }
            let params = params::collect(self.write, param_resource.as_ref(), binding).await;
            let params = match params {
                Ok(params) => params,
                Err(why) => {
                    self.misconfigured(policy, &binding.name, &why);
                    continue;
                }
            };
            let versioned = self.in_version(&matched).await?;
            let namespace = namespace_of(self.write)?;
            let request = request_json(self.write, &matched);
            for params in &params {
                let evaluate = || {
                    validating.evaluate(&View {
                        versioned: &versioned,
                        request: &request,
                        namespace: namespace.as_ref(),
                        params: params.as_ref(),
                        asker: &Asker(self.write),
                    })
                };
                let findings = settled(self.write.rights, evaluate).await;
                self.take(policy, binding, findings, &mut annotations);
            }
        }
        publish(self.write, policy, &annotations);
        Ok(())
    }

    async fn in_version(
        &mut self,
        resource: &Arc<crate::schema::Resource>,
    ) -> Result<Arc<Versioned>, ApiError> {
        if let Some(known) = self.versions.iter().find(|known| known.is_of(resource)) {
            return Ok(Arc::clone(known));
        }
        let made = Versioned::of(self.write, self.object, resource).await?;
        let made = Arc::new(made);
        self.versions.push(Arc::clone(&made));
        Ok(made)
    }

    /// Does with findings what the binding says.
    fn take(
        &mut self,
        policy: &Policy,
        binding: &Binding,
        findings: Findings,
        annotations: &mut Vec<(String, String)>,
    ) {
        for denial in findings.denials {
            for action in &binding.actions {
                match action.as_str() {
                    "Deny" => self.refuse(policy, &binding.name, denial.clone()),
                    "Audit" => self.failures.push(json!({
                        "message": denial.message,
                        "policy": policy.name,
                        "binding": binding.name,
                        "expressionIndex": denial.index,
                        "validationActions": binding.actions,
                    })),
                    "Warn" => self.write.warn(format!(
                        "Validation failed for ValidatingAdmissionPolicy '{}' with binding \
                         '{}': {}",
                        policy.name, binding.name, denial.message
                    )),
                    _ => {}
                }
            }
        }
        for message in findings.failed_annotations {
            let denial = Denial {
                message,
                reason: String::new(),
                index: 0,
            };
            self.refuse(policy, &binding.name, denial);
        }
        for annotation in findings.annotations {
            if !annotations.contains(&annotation) {
                annotations.push(annotation);
            }
        }
    }
}

/// Tells the audit event what a policy's bindings came to.
fn publish(write: &Attributes, policy: &Policy, annotations: &[(String, String)]) {
    for (key, _) in annotations {
        let values = annotations.iter().filter(|(other, _)| other == key);
        let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
        write.annotate(format!("{}/{key}", policy.name), values.join(", "));
    }
}

/// The refusal of a policy, as the client reads it.
fn refusal(
    write: &Attributes,
    object: Option<&Object>,
    policy: &str,
    binding: &str,
    denial: &Denial,
) -> ApiError {
    let by = match binding {
        "" => String::new(),
        binding => format!(" with binding '{binding}'"),
    };
    let message = format!(
        "ValidatingAdmissionPolicy '{policy}'{by} denied request: {}",
        denial.message
    );
    let error = forbidden(write, object, &message);
    let mut details = error.details().cloned().unwrap_or_default();
    details.causes.push(Cause {
        message,
        ..Cause::default()
    });
    let reason = match denial.reason.as_str() {
        "" => "Invalid",
        reason => reason,
    };
    let code = match reason {
        "Forbidden" => 403,
        "Unauthorized" => 401,
        "RequestEntityTooLarge" => 413,
        _ => 422,
    };
    error
        .with_details(details)
        .with_reason_text(reason)
        .with_code(code)
}

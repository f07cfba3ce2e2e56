//! By somebody far away, who reads `SubjectAccessReview`s.
//!
//! *Upstream:* `apiserver/plugin/pkg/authorizer/webhook/webhook.go`,
//! `apiserver/pkg/authorization/cel`.

use serde_json::{Map, Value, json};

use super::{Attributes, Decision, Verdict};
use crate::auth::remote::Remote;
use crate::auth::{User, filled};
use crate::cel::types::Type;
use crate::cel::value::Value as CelValue;
use crate::cel::{Program, Refusal};
use crate::object::selector::Operator;

/// How long what is asked about may be to be remembered.
const QUESTION_BYTES_MAX: usize = 10_000;

/// Somebody far away, and when they are asked.
#[derive(Debug)]
pub struct Far {
    remote: Remote,
    conditions: Vec<Condition>,
    /// Whether it is a no where they cannot be asked.
    denies_failed: bool,
}

#[derive(Debug)]
struct Condition {
    source: String,
    program: Program,
}

impl Far {
    /// Asks always, and has no opinion where there is no answer.
    pub fn new(remote: Remote) -> Self {
        Self {
            remote,
            conditions: Vec::new(),
            denies_failed: false,
        }
    }

    /// The same, asking only where all expressions about the `request` hold. The error names the
    /// expression.
    pub fn on_conditions(mut self, sources: &[String]) -> Result<Self, String> {
        for (index, source) in sources.iter().enumerate() {
            let wrong = |why: String| format!("matchConditions[{index}].expression: {why}");
            let names = [("request".to_owned(), Type::Dyn)];
            let program = Program::compile(source, &names)
                .map_err(|refusal: Refusal| wrong(refusal.to_string()))?;
            self.conditions.push(Condition {
                source: source.clone(),
                program,
            });
        }
        Ok(self)
    }

    /// The same, refusing where they cannot be asked, or not.
    pub fn denying_failed(mut self, denies_failed: bool) -> Self {
        self.denies_failed = denies_failed;
        self
    }

    /// What they say to a question.
    pub(super) async fn decide(&self, question: &Value) -> Decision {
        match self.concerns(question) {
            Ok(true) => {}
            Ok(false) => return Decision::default(),
            Err(error) => return self.failed(error),
        }
        let version = self.remote.version();
        let mut spec = question.clone();
        if let (true, Some(spec)) = (version == "v1beta1", spec.as_object_mut()) {
            // The older version names them in the singular.
            if let Some(groups) = spec.remove("groups") {
                spec.insert("group".to_owned(), groups);
            }
        }
        let review = json!({
            "kind": "SubjectAccessReview",
            "apiVersion": format!("authorization.k8s.io/{version}"),
            "metadata": {},
            "spec": spec,
            "status": {"allowed": false},
        });
        let key = Some(question.to_string()).filter(|key| key.len() <= QUESTION_BYTES_MAX);
        let is_yes = |status: &Value| status["allowed"] == true;
        match self.remote.ask(key, &review, is_yes).await {
            Ok(status) => said(&status),
            Err(failure) => self.failed(failure.message),
        }
    }

    fn failed(&self, error: String) -> Decision {
        Decision {
            verdict: if self.denies_failed {
                Verdict::Deny
            } else {
                Verdict::NoOpinion
            },
            error: Some(error),
            ..Decision::default()
        }
    }

    /// Whether all conditions hold; one that does not decides, whatever is wrong with others.
    fn concerns(&self, question: &Value) -> Result<bool, String> {
        let empty = Map::new();
        let request = question.as_object().unwrap_or(&empty);
        let names = vec![("request", CelValue::object(request, None))];
        let mut errors = Vec::new();
        for condition in &self.conditions {
            match condition.program.holds(&names) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(failure) => errors.push(format!(
                    "cel evaluation error: expression '{}' resulted in error: {failure}",
                    condition.source
                )),
            }
        }
        match errors.as_slice() {
            [] => Ok(true),
            errors => Err(super::aggregate(errors)),
        }
    }
}

fn said(status: &Value) -> Decision {
    let (is_denied, is_allowed) = (status["denied"] == true, status["allowed"] == true);
    let both = "webhook subject access review returned both allow and deny response";
    Decision {
        verdict: match (is_denied, is_allowed) {
            (true, _) => Verdict::Deny,
            (false, true) => Verdict::Allow,
            (false, false) => Verdict::NoOpinion,
        },
        reason: status["reason"].as_str().unwrap_or("").to_owned(),
        error: (is_denied && is_allowed).then(|| both.to_owned()),
    }
}

/// A question, as the `spec` of a review.
pub(super) fn question(user: &User, asked: &Attributes) -> Value {
    let mut spec = user.told("user");
    let attributes = if asked.is_resource {
        ("resourceAttributes", resource(asked))
    } else {
        let path = json!({"path": asked.path, "verb": asked.verb});
        ("nonResourceAttributes", path)
    };
    spec.insert(attributes.0.to_owned(), attributes.1);
    Value::Object(spec)
}

fn resource(asked: &Attributes) -> Value {
    let mut out = filled([
        ("namespace", asked.namespace),
        ("verb", asked.verb),
        ("group", asked.group),
        ("version", asked.version),
        ("resource", asked.resource),
        ("subresource", asked.subresource),
        ("name", asked.name),
    ]);
    let fields = asked.selectors.field_terms();
    let fields = fields.iter().map(|term| {
        let operator = if term.is_equal { "In" } else { "NotIn" };
        json!({"key": term.field, "operator": operator, "values": [term.value]})
    });
    let labels = asked.selectors.label_requirements();
    let labels = labels.iter().filter_map(|requirement| {
        let operator = match requirement.operator() {
            Operator::In | Operator::Equals | Operator::DoubleEquals => "In",
            Operator::NotIn | Operator::NotEquals => "NotIn",
            Operator::Exists => "Exists",
            Operator::DoesNotExist => "DoesNotExist",
            Operator::Gt | Operator::Lt => return None,
        };
        let mut out = json!({"key": requirement.key(), "operator": operator});
        if !requirement.values().is_empty() {
            out["values"] = json!(requirement.values());
        }
        Some(out)
    });
    let (fields, labels): (Vec<Value>, Vec<Value>) = (fields.collect(), labels.collect());
    for (field, list) in [("fieldSelector", fields), ("labelSelector", labels)] {
        if !list.is_empty() {
            out.insert(field.to_owned(), json!({"requirements": list}));
        }
    }
    Value::Object(out)
}

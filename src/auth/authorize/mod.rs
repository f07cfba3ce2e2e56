//! May they: the authorizers of a cluster, in order, and what they say together.
//!
//! Members of `system:masters` may do everything before anybody is asked. Whoever else asks is
//! shown to one authorizer after the other until one allows or denies; where none does, the answer
//! is no.
//!
//! *Invariant:* decides from the store as it is now; nothing is decided by what was once true.
//! *Upstream:* `pkg/kubeapiserver/authorizer/reload.go`, `apiserver/pkg/authorization/union`.

pub mod abac;
pub mod attributes;
mod node;
pub mod rbac;
mod step;
pub mod webhook;
mod words;

use std::sync::Arc;

pub use attributes::{Attributes, Selectors};
use serde_json::Value;
pub use step::{Mode, Step};

use self::rbac::{Rbac, RoleRef, Rule};
use super::{MASTERS, User};
use crate::error::ApiError;
use crate::storage::Reader;

/// What an authorizer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allow,
    /// No, whatever the others say.
    Deny,
    /// Ask somebody else.
    #[default]
    NoOpinion,
}

/// What an authorizer says, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What it says.
    pub verdict: Verdict,
    /// Why; may be empty.
    pub reason: String,
    /// What went wrong on the way.
    pub error: Option<String>,
}

impl Decision {
    /// Yes.
    pub fn allow(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Allow,
            reason: reason.into(),
            error: None,
        }
    }

    /// Ask somebody else.
    pub fn no_opinion(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::NoOpinion,
            reason: reason.into(),
            error: None,
        }
    }

    /// Whether it is a yes.
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Allow
    }
}

/// The rules that a user falls under, as far as they can be listed.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The rules.
    pub rules: Vec<Rule>,
    /// Whether there may be more.
    pub is_incomplete: bool,
    /// What went wrong on the way; empty where nothing did.
    pub error: String,
}

/// The authorizers of a cluster. Clones share what was read of the store.
#[derive(Clone, Debug, Default)]
pub struct Authorizer {
    steps: Vec<Step>,
    rbac: Arc<Rbac>,
}

/// What those said who are far away, by their places in the order.
pub type Said = Vec<(usize, Decision)>;

impl Authorizer {
    /// These authorizers, in this order.
    pub fn new(modes: Vec<Mode>) -> Self {
        Self::of(modes.into_iter().map(Step::from).collect())
    }

    /// The same, each with its name and whatever else it needs.
    pub fn of(steps: Vec<Step>) -> Self {
        Self {
            steps,
            rbac: Arc::default(),
        }
    }

    /// Whether roles and bindings mean anything.
    pub fn reads_roles(&self) -> bool {
        self.steps.iter().any(|step| step.mode == Mode::Rbac)
    }

    /// Whether somebody far away is asked.
    pub fn asks_far(&self) -> bool {
        self.steps.iter().any(|step| step.far.is_some())
    }

    /// The roles and bindings of the cluster, whether they are asked or not: rules about who may
    /// grant what go by them.
    pub fn rbac(&self) -> &Rbac {
        &self.rbac
    }

    /// What all say together.
    pub async fn decide(
        &self,
        reader: &dyn Reader,
        user: &User,
        attributes: &Attributes<'_>,
    ) -> Decision {
        let mut said = Said::new();
        loop {
            match self.decide_here(reader, user, attributes, &said) {
                Ok(decision) => return decision,
                Err(place) => {
                    let question = webhook::question(user, attributes);
                    said.push((place, self.ask_far(place, &question).await));
                }
            }
        }
    }

    /// What all say together, with what those said who are far away. The error is the place of one
    /// of them who has to be asked first.
    pub fn decide_here(
        &self,
        reader: &dyn Reader,
        user: &User,
        attributes: &Attributes<'_>,
        said: &Said,
    ) -> Result<Decision, usize> {
        if user.is_in(MASTERS) {
            return Ok(Decision::allow(""));
        }
        let mut union = Union::default();
        for (place, step) in self.steps.iter().enumerate() {
            let decision = match (&step.mode, &step.far, &step.policies) {
                (Mode::AlwaysAllow, ..) => Decision::allow(""),
                (Mode::AlwaysDeny, ..) => Decision::no_opinion("Everything is forbidden."),
                (Mode::Rbac, ..) => self.rbac.decide(reader, user, attributes),
                (Mode::Node, ..) => node::decide(reader, user, attributes),
                (Mode::Abac, _, Some(policies)) => policies.decide(user, attributes),
                (Mode::Webhook, Some(_), _) => {
                    let mut known = said.iter().filter(|(asked, _)| *asked == place);
                    known.next().ok_or(place)?.1.clone()
                }
                (Mode::Abac | Mode::Webhook, ..) => Decision::default(),
            };
            if let Some(decision) = union.add(&step.name, decision) {
                return Ok(decision);
            }
        }
        Ok(union.into_decision())
    }

    /// Asks somebody far away.
    pub async fn ask_far(&self, place: usize, question: &Value) -> Decision {
        match self.steps.get(place).and_then(|step| step.far.as_ref()) {
            Some(far) => far.decide(question).await,
            None => Decision::default(),
        }
    }

    /// Allows or refuses, the refusal in the real server's words.
    pub async fn check(
        &self,
        reader: &dyn Reader,
        user: &User,
        attributes: &Attributes<'_>,
    ) -> Result<(), ApiError> {
        let decision = self.decide(reader, user, attributes).await;
        if decision.is_allowed() {
            return Ok(());
        }
        Err(words::refusal(user, attributes, &decision))
    }

    /// All that a user may do in a namespace, as far as it can be listed.
    pub fn rules(&self, reader: &dyn Reader, user: &User, namespace: &str) -> Rules {
        let mut all = Rules::default();
        let mut errors: Vec<String> = Vec::new();
        for step in &self.steps {
            match (step.mode, &step.policies) {
                (Mode::AlwaysAllow, _) => {
                    all.rules.push(Rule::resources(&["*"], &["*"], &["*"]));
                    all.rules.push(Rule::paths(&["*"], &["*"]));
                }
                (Mode::Rbac, _) => {
                    let (rules, missing) = self.rbac.rules(reader, user, namespace);
                    all.rules.extend(rules);
                    errors.extend(missing.iter().map(RoleRef::missing));
                }
                (Mode::Node, _) if node::name_of(user).is_some() => {
                    all.is_incomplete = true;
                    errors.push("node authorizer does not support user rule resolution".to_owned());
                }
                (Mode::Webhook, _) => {
                    all.is_incomplete = true;
                    let why = "webhook authorizer does not support user rule resolution";
                    errors.push(why.to_owned());
                }
                (Mode::Abac, Some(policies)) => all.rules.extend(policies.rules(user, namespace)),
                (Mode::AlwaysDeny | Mode::Node | Mode::Abac, _) => {}
            }
        }
        all.error = aggregate(&errors);
        all
    }
}

/// The question that a webhook would be asked, which also tells one question from another.
pub fn question(user: &User, attributes: &Attributes) -> Value {
    webhook::question(user, attributes)
}

pub(crate) use words::{forbidden, sanitize};

/// What those said who had no opinion.
#[derive(Default)]
struct Union {
    reasons: Vec<String>,
    errors: Vec<String>,
}

impl Union {
    /// Adds what one says; an opinion ends it.
    fn add(&mut self, name: &str, decision: Decision) -> Option<Decision> {
        if decision.verdict != Verdict::NoOpinion {
            return Some(decision);
        }
        self.errors.extend(decision.error);
        if !decision.reason.is_empty() {
            let reason = format!("{name}: {}", decision.reason);
            self.reasons.push(reason);
        }
        None
    }

    fn into_decision(self) -> Decision {
        Decision {
            verdict: Verdict::NoOpinion,
            reason: self.reasons.join("\n"),
            error: (!self.errors.is_empty()).then(|| aggregate(&self.errors)),
        }
    }
}

/// Several errors in one text, each said once.
///
/// *Upstream:* `apimachinery/pkg/util/errors/errors.go`.
pub fn aggregate(errors: &[String]) -> String {
    let mut said: Vec<&str> = Vec::new();
    for error in errors {
        if !said.contains(&error.as_str()) {
            said.push(error);
        }
    }
    match said.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(", ")),
    }
}

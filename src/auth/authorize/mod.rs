//! May they: the authorizers of a cluster, in order, and what they say together.
//!
//! Members of `system:masters` may do everything before anybody is asked. Whoever else asks is
//! shown to one authorizer after the other until one allows or denies; where none does, the answer
//! is no.
//!
//! *Invariant:* decides from the store as it is now; nothing is decided by what was once true.
//! *Upstream:* `pkg/kubeapiserver/authorizer/reload.go`, `apiserver/pkg/authorization/union`.

pub mod attributes;
mod node;
pub mod rbac;
mod webhook;
mod words;

use std::sync::Arc;

pub use attributes::{Attributes, Selectors};

use self::rbac::{Rbac, RoleRef, Rule};
use super::remote::Remote;
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

/// The kinds of authorizers, by kube-apiserver's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything is allowed.
    AlwaysAllow,
    /// Nothing is.
    AlwaysDeny,
    /// By roles and bindings.
    Rbac,
    /// What kubelets need.
    Node,
    /// By somebody far away.
    Webhook,
}

impl Mode {
    /// The mode of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "AlwaysAllow" => Self::AlwaysAllow,
            "AlwaysDeny" => Self::AlwaysDeny,
            "RBAC" => Self::Rbac,
            "Node" => Self::Node,
            "Webhook" => Self::Webhook,
            _ => return None,
        })
    }

    /// The name under which its reasons are told.
    const fn name(self) -> &'static str {
        match self {
            Self::AlwaysAllow => "alwaysallow",
            Self::AlwaysDeny => "alwaysdeny",
            Self::Rbac => "rbac",
            Self::Node => "node",
            Self::Webhook => "default",
        }
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
    modes: Vec<Mode>,
    rbac: Arc<Rbac>,
    remote: Option<Arc<Remote>>,
}

impl Authorizer {
    /// These authorizers, in this order.
    pub fn new(modes: Vec<Mode>) -> Self {
        Self {
            modes,
            rbac: Arc::default(),
            remote: None,
        }
    }

    /// The same, asking somebody far away in the mode that does.
    pub fn asking(mut self, remote: Remote) -> Self {
        self.remote = Some(Arc::new(remote));
        self
    }

    /// Whether roles and bindings mean anything.
    pub fn reads_roles(&self) -> bool {
        self.modes.contains(&Mode::Rbac)
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
        if user.is_in(MASTERS) {
            return Decision::allow("");
        }
        let mut union = Union::default();
        for mode in &self.modes {
            let decision = match (mode, &self.remote) {
                (Mode::Webhook, Some(remote)) => webhook::decide(remote, user, attributes).await,
                _ => self.ask(*mode, reader, user, attributes),
            };
            if let Some(decision) = union.add(*mode, decision) {
                return decision;
            }
        }
        union.into_decision()
    }

    /// What those say who need not be waited for.
    pub fn decide_here(
        &self,
        reader: &dyn Reader,
        user: &User,
        attributes: &Attributes<'_>,
    ) -> Decision {
        if user.is_in(MASTERS) {
            return Decision::allow("");
        }
        let mut union = Union::default();
        for mode in &self.modes {
            let decision = self.ask(*mode, reader, user, attributes);
            if let Some(decision) = union.add(*mode, decision) {
                return decision;
            }
        }
        union.into_decision()
    }

    fn ask(
        &self,
        mode: Mode,
        reader: &dyn Reader,
        user: &User,
        attributes: &Attributes<'_>,
    ) -> Decision {
        match mode {
            Mode::AlwaysAllow => Decision::allow(""),
            Mode::AlwaysDeny => Decision::no_opinion("Everything is forbidden."),
            Mode::Rbac => self.rbac.decide(reader, user, attributes),
            Mode::Node => node::decide(reader, user, attributes),
            Mode::Webhook => Decision::default(),
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
        for mode in &self.modes {
            match mode {
                Mode::AlwaysAllow => {
                    all.rules.push(Rule::resources(&["*"], &["*"], &["*"]));
                    all.rules.push(Rule::paths(&["*"], &["*"]));
                }
                Mode::AlwaysDeny => {}
                Mode::Rbac => {
                    let (rules, missing) = self.rbac.rules(reader, user, namespace);
                    all.rules.extend(rules);
                    errors.extend(missing.iter().map(RoleRef::missing));
                }
                Mode::Node if node::name_of(user).is_some() => {
                    all.is_incomplete = true;
                    errors.push("node authorizer does not support user rule resolution".to_owned());
                }
                Mode::Node => {}
                Mode::Webhook => {
                    all.is_incomplete = true;
                    let why = "webhook authorizer does not support user rule resolution";
                    errors.push(why.to_owned());
                }
            }
        }
        all.error = aggregate(&errors);
        all
    }
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
    fn add(&mut self, mode: Mode, decision: Decision) -> Option<Decision> {
        if decision.verdict != Verdict::NoOpinion {
            return Some(decision);
        }
        self.errors.extend(decision.error);
        if !decision.reason.is_empty() {
            let reason = format!("{}: {}", mode.name(), decision.reason);
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

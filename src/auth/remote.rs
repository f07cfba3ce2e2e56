//! Somebody far away who is asked about tokens or rights, and what they said lately.
//!
//! *Upstream:* `apiserver/pkg/util/webhook/webhook.go`. Differs: a call that came to nothing is
//! made again three times at most, at once, not five times with pauses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;

use crate::sim::Clock;
use crate::webhook::{Call, Caller, Failure, Target};

/// How long a call may take where nobody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a call is made.
const ATTEMPTS_MAX: usize = 3;

/// How many answers are remembered.
const ANSWERS_MAX: usize = 8192;

/// Whom to ask, and how long what they say holds.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where they are.
    pub target: Target,
    /// The version of reviews they read: `v1` or `v1beta1`.
    pub version: String,
    /// How long a yes holds.
    pub yes_for: SignedDuration,
    /// How long a no holds.
    pub no_for: SignedDuration,
    /// How long a call may take.
    pub patience: Duration,
}

/// Somebody to ask.
#[derive(Debug)]
pub struct Remote {
    settings: Settings,
    caller: Arc<Caller>,
    answers: Mutex<BTreeMap<String, Answer>>,
}

#[derive(Debug)]
struct Answer {
    status: Arc<Value>,
    until: Timestamp,
}

impl Remote {
    /// Asks by this caller.
    pub fn new(settings: Settings, caller: Arc<Caller>) -> Self {
        Self {
            settings,
            caller,
            answers: Mutex::default(),
        }
    }

    /// The version of reviews that is read there.
    pub fn version(&self) -> &str {
        &self.settings.version
    }

    /// The status of a review, from there or as it was said lately; `key` names the question,
    /// where what is said may be remembered.
    pub async fn ask(
        &self,
        key: Option<String>,
        review: &Value,
        is_yes: fn(&Value) -> bool,
    ) -> Result<Arc<Value>, Failure> {
        // What others say holds by the wall's clock, as they do.
        let now = Clock::wall().now();
        let known = key.as_ref().and_then(|key| {
            let answers = self.answers.lock();
            let answer = answers.get(key).filter(|answer| now < answer.until);
            answer.map(|answer| Arc::clone(&answer.status))
        });
        if let Some(status) = known {
            return Ok(status);
        }
        let status = Arc::new(self.call(review).await?["status"].take());
        let held = if is_yes(&status) {
            self.settings.yes_for
        } else {
            self.settings.no_for
        };
        if let (true, Some(key)) = (held > SignedDuration::ZERO, key) {
            let mut answers = self.answers.lock();
            if answers.len() >= ANSWERS_MAX {
                answers.clear();
            }
            let answer = Answer {
                status: Arc::clone(&status),
                until: now + held,
            };
            answers.insert(key, answer);
        }
        Ok(status)
    }

    async fn call(&self, review: &Value) -> Result<Value, Failure> {
        let call = Call {
            target: &self.settings.target,
            body: review,
            timeout: self.settings.patience,
            says_timeout: false,
            user_agent: "kube-apiserver",
        };
        let mut attempts = 1;
        loop {
            match self.caller.call(&call).await {
                Err(failure) if failure.is_passing() && attempts < ATTEMPTS_MAX => attempts += 1,
                answered => return answered,
            }
        }
    }
}

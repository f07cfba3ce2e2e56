//! What is recorded of one request while it is on its way.
//!
//! *Upstream:* `apiserver/pkg/audit/context.go`, `apiserver/pkg/endpoints/filters/audit.go`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;

use super::event::Event;
use super::policy::Terms;
use super::{Facts, Level, Policy, Queue, Stage};
use crate::auth::{Attributes, User};
use crate::sim::Clock;

/// Records requests as a policy asks for it.
#[derive(Clone, Debug)]
pub struct Recorder {
    policy: Arc<Policy>,
    queues: Vec<Queue>,
    clock: Clock,
}

impl Recorder {
    /// A recorder into queues.
    pub fn new(policy: Policy, queues: Vec<Queue>, clock: Clock) -> Self {
        Self {
            policy: Arc::new(policy),
            queues,
            clock,
        }
    }

    /// The trail of a request; empty where the policy does not ask for it.
    pub fn begin(&self, facts: Facts, user: Option<&User>, asked: &Attributes) -> Trail {
        let terms = self.policy.terms(user, asked).clone();
        if terms.level == Level::None {
            return Trail::default();
        }
        // Tokens are credentials, asked for or answered.
        let has_token = matches!(
            (asked.resource, asked.subresource),
            ("tokenreviews", _) | ("serviceaccounts", "token")
        );
        let level = if has_token {
            Level::Metadata
        } else {
            terms.level
        };
        Trail(Some(Arc::new(Recorded {
            event: Mutex::new(Event::new(level, facts, user, asked)),
            terms: Terms { level, ..terms },
            recorder: self.clone(),
            is_over: AtomicBool::new(false),
        })))
    }
}

#[derive(Debug)]
struct Recorded {
    event: Mutex<Event>,
    terms: Terms,
    recorder: Recorder,
    is_over: AtomicBool,
}

/// What is recorded of one request; of most requests, nothing. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Trail(Option<Arc<Recorded>>);

impl Trail {
    /// Whether anything is recorded.
    pub fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// How much is recorded.
    pub fn level(&self) -> Level {
        self.0
            .as_ref()
            .map_or(Level::None, |recorded| recorded.terms.level)
    }

    /// Adds an annotation; what stands there already stays.
    pub fn annotate(&self, key: &str, value: impl Into<String>) {
        self.with(|event| {
            let entry = event.annotations.entry(key.to_owned());
            entry.or_insert_with(|| value.into());
        });
    }

    /// Says as whom the request goes on, and under which constraint.
    pub fn impersonate(&self, user: &User, constraint: Option<String>) {
        self.with(|event| event.impersonate(user, constraint));
    }

    /// Adds what was sent: an object, or a patch.
    pub fn sent(&self, object: impl FnOnce() -> Option<Value>, is_patch: bool) {
        let Some(recorded) = &self.0 else { return };
        let Some(mut object) = object() else { return };
        recorded.trim(&mut object);
        let mut event = recorded.event.lock();
        if !is_patch {
            event.refer_to(&object);
        }
        if event.level >= Level::Request {
            event.request_object = Some(object);
        }
    }

    /// Adds what was answered: its code and, of an error, its Status; of the rest, the object. What
    /// was said first stays.
    pub fn answered(&self, status: Value, object: impl FnOnce() -> Option<Value>) {
        let Some(recorded) = &self.0 else { return };
        if recorded.event.lock().response_status.is_some() {
            return;
        }
        let is_wanted = recorded.terms.level == Level::RequestResponse;
        let mut object = if is_wanted { object() } else { None };
        if let Some(object) = &mut object {
            recorded.trim(object);
        }
        let mut event = recorded.event.lock();
        event.response_status = Some(status);
        event.response_object = object;
    }

    /// Sends off what is left of a request that was answered at once; what might have gone on
    /// without end began first.
    pub fn record_all(&self, might_go_on: bool) {
        if might_go_on {
            self.record(Stage::ResponseStarted);
        }
        self.record(Stage::ResponseComplete);
    }

    /// Sends off the event of a stage; after a panic there is no other.
    pub fn record(&self, stage: Stage) {
        let Some(recorded) = &self.0 else { return };
        if recorded
            .is_over
            .swap(stage == Stage::Panic, Ordering::Relaxed)
        {
            recorded.is_over.store(true, Ordering::Relaxed);
            return;
        }
        if recorded.terms.omitted.contains(&stage) {
            return;
        }
        let recorder = &recorded.recorder;
        let line = recorded.event.lock().line(stage, recorder.clock.now());
        let line = Bytes::from(line);
        for queue in &recorder.queues {
            queue.push(line.clone());
        }
    }

    fn with(&self, change: impl FnOnce(&mut Event)) {
        if let Some(recorded) = &self.0 {
            change(&mut recorded.event.lock());
        }
    }
}

impl Recorded {
    /// Leaves out `managedFields` where the policy says so.
    fn trim(&self, object: &mut Value) {
        if !self.terms.omits_managed_fields {
            return;
        }
        let remove = |object: &mut Value| {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
        };
        if object["metadata"].is_object() {
            remove(object);
        }
        let items = object.get_mut("items").and_then(Value::as_array_mut);
        items.into_iter().flatten().for_each(remove);
    }
}

//! Events: what controllers tell people, repeated ones counted.
//!
//! *Upstream:* `client-go/tools/record/{event,events_cache}.go`, `client-go/tools/events`.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::plan::Step;
use super::similar::Similar;
use super::{Identity, Kind, kinds};
use crate::client::PatchKind;
use crate::object::Object;
use crate::object::time;
use crate::sim::Entropy;

/// So many events are known again when they are repeated.
const KNOWN_MAX: usize = 4096;

/// How an event is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// All is well.
    Normal,
    /// It is not.
    Warning,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// The namespace; empty where the object is cluster-scoped.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The uid.
    pub uid: String,
    /// The version it was seen at.
    pub resource_version: String,
    /// The part of it: `spec.containers{web}`.
    pub field_path: String,
}

impl About {
    /// An object of a kind.
    pub fn object(kind: &Kind, object: &Object) -> Self {
        Self {
            api_version: kind.api_version(),
            kind: kind.kind.to_string(),
            namespace: object.namespace().to_owned(),
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
            resource_version: object.resource_version().to_owned(),
            field_path: String::new(),
        }
    }

    /// A part of it.
    pub fn part(mut self, field_path: impl Into<String>) -> Self {
        self.field_path = field_path.into();
        self
    }
}

/// What is told.
#[derive(Clone, Debug)]
pub struct Event {
    /// What about.
    pub about: About,
    /// How it is meant.
    pub severity: Severity,
    /// `SuccessfulCreate`, …
    pub reason: String,
    /// For people.
    pub message: String,
    /// `source.component`.
    pub component: String,
    /// `source.host`.
    pub host: String,
    /// Of those that are told by `events.k8s.io`: what was done.
    pub action: Option<String>,
    /// Who tells it, where that is not the controller.
    pub identity: Option<Identity>,
}

impl Event {
    /// All is well.
    pub fn normal(about: About, component: &str, reason: &str, message: impl Into<String>) -> Self {
        Self {
            about,
            severity: Severity::Normal,
            reason: reason.to_owned(),
            message: message.into(),
            component: component.to_owned(),
            host: String::new(),
            action: None,
            identity: None,
        }
    }

    /// It is not.
    pub fn warning(
        about: About,
        component: &str,
        reason: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::normal(about, component, reason, message)
        }
    }

    /// From a host.
    pub fn on(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Told by somebody else than the controller.
    pub fn acting_as(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Told by `events.k8s.io`, with what was done.
    pub fn action(mut self, action: &str) -> Self {
        self.action = Some(action.to_owned());
        self
    }

    /// What makes two events the same.
    fn sameness(&self) -> String {
        let about = &self.about;
        [
            &about.uid,
            &about.namespace,
            &about.name,
            &about.field_path,
            &self.reason,
            &self.message,
            &self.component,
        ]
        .map(String::as_str)
        .join("\n")
    }
}

/// An event that was told.
struct Known {
    namespace: String,
    name: String,
    count: i64,
}

/// Turns events into writes.
pub(super) struct Recorder {
    entropy: Arc<Entropy>,
    known: BTreeMap<String, Known>,
    order: VecDeque<String>,
    similar: Similar,
}

impl Recorder {
    pub(super) fn new(entropy: Arc<Entropy>) -> Self {
        Self {
            entropy,
            known: BTreeMap::new(),
            order: VecDeque::new(),
            similar: Similar::default(),
        }
    }

    /// The write that records an event.
    pub(super) fn record(
        &mut self,
        event: &Event,
        identity: &Identity,
        now: Timestamp,
    ) -> Option<Step> {
        // Those of `events.k8s.io` are counted in another way.
        let is_counted = event.action.is_none();
        let combined = if is_counted {
            self.similar.combine(event, now)
        } else {
            None
        };
        let (event, id) = match &combined {
            Some((event, id)) => (event, id.clone()),
            None => (event, event.sameness()),
        };
        let is_allowed = !is_counted || self.similar.allows(event, now);
        let of = |step: Step| match &event.identity {
            Some(identity) => step.acting_as(identity.clone()).or_go_on(),
            None => step.or_go_on(),
        };
        if let Some(known) = self.known.get_mut(&id) {
            known.count += 1;
            if !is_allowed {
                return None;
            }
            let patch = repeated(event, known.count, now);
            let how = PatchKind::Strategic;
            let step = Step::patch(&kinds::EVENTS, &known.namespace, &known.name, how, patch);
            return Some(of(step));
        }
        if !is_allowed {
            return None;
        }
        let namespace = match event.about.namespace.as_str() {
            "" => "default",
            namespace => namespace,
        };
        let name = format!("{}.{:016x}", event.about.name, self.entropy.next());
        let object = Object::from_value(first(event, namespace, &name, identity, now))?;
        if self.order.len() >= KNOWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(id.clone());
        let known = Known {
            namespace: namespace.to_owned(),
            name,
            count: 1,
        };
        self.known.insert(id, known);
        let kind = if event.action.is_some() {
            &kinds::EVENTS_OF_GROUP
        } else {
            &kinds::EVENTS
        };
        Some(of(Step::create(kind, object)))
    }
}

fn severity(event: &Event) -> &'static str {
    match event.severity {
        Severity::Normal => "Normal",
        Severity::Warning => "Warning",
    }
}

fn repeated(event: &Event, count: i64, now: Timestamp) -> Value {
    if event.action.is_some() {
        return json!({"series": {"count": count, "lastObservedTime": time::micros(now)}});
    }
    json!({
        "count": count,
        "lastTimestamp": time::seconds(now),
        "message": event.message,
    })
}

fn first(event: &Event, namespace: &str, name: &str, identity: &Identity, now: Timestamp) -> Value {
    let about = &event.about;
    let mut object = json!({
        "apiVersion": about.api_version,
        "kind": about.kind,
        "name": about.name,
        "uid": about.uid,
        "resourceVersion": about.resource_version,
    });
    for (field, text) in [
        ("namespace", &about.namespace),
        ("fieldPath", &about.field_path),
    ] {
        if !text.is_empty() {
            object[field] = text.as_str().into();
        }
    }
    let metadata = json!({"name": name, "namespace": namespace});
    if let Some(action) = &event.action {
        let host = match event.host.as_str() {
            "" => identity.agent(),
            host => host,
        };
        return json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": metadata,
            "eventTime": time::micros(now),
            "reportingController": event.component,
            "reportingInstance": host,
            "action": action,
            "reason": event.reason,
            "note": event.message,
            "type": severity(event),
            "regarding": object,
        });
    }
    let mut source = json!({"component": event.component});
    if !event.host.is_empty() {
        source["host"] = event.host.as_str().into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": object,
        "reason": event.reason,
        "message": event.message,
        "source": source,
        "firstTimestamp": time::seconds(now),
        "lastTimestamp": time::seconds(now),
        "count": 1,
        "type": severity(event),
        "reportingComponent": event.component,
        "reportingInstance": event.host,
    })
}

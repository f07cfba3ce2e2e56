//! What a controller wants done: writes and events, in order, and when to look again.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::{Event, Identity, Kind};
use crate::client::{Body, PatchKind};
use crate::object::{Object, json};

/// When an item is looked at again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Again {
    /// When something changes.
    #[default]
    OnChange,
    /// At once, after whatever else is waiting.
    AtOnce,
    /// After a time.
    After(Duration),
    /// After a time that a virtual clock may pass over, to look once where it stands then: for what
    /// repeats without end and means nothing while all is well.
    LazilyAfter(Duration),
    /// Soon, since somebody else was faster: what they did has been told, or is about to be.
    /// Whoever is late again and again is made to pause.
    AfterConflict,
    /// After a pause that grows with every failure.
    AfterBackoff,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH.
    Patch(PatchKind),
    /// PATCH with what is to be, as server-side apply takes it.
    Apply,
    /// DELETE.
    Delete,
    /// DELETE of a whole namespace's objects of the kind.
    DeleteCollection,
}

/// Makes an event of what a step came to.
type Tell = Box<dyn FnOnce(&Outcome) -> Option<Event> + Send>;

/// Makes what follows of what the steps came to.
type Then = Box<dyn FnOnce(&Outcomes) -> Plan + Send>;

/// A write.
pub struct Step {
    pub(super) kind: Kind,
    pub(super) action: Action,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) subresource: Cow<'static, str>,
    pub(super) query: &'static str,
    pub(super) body: Body,
    pub(super) identity: Option<Identity>,
    pub(super) tell: Option<Tell>,
    pub(super) goes_on: bool,
}

/// What is to be done, one after the other. A step that fails ends the plan, and the item is looked
/// at again: at once where somebody else was faster, else after a growing pause.
#[derive(Default)]
pub struct Plan {
    pub(super) entries: Vec<Entry>,
    pub(super) then: Option<Then>,
    pub(super) again: Again,
}

pub(super) enum Entry {
    Step(Box<Step>),
    Event(Box<Event>),
}

/// What a step came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The HTTP code.
    pub code: u16,
    /// What was answered.
    pub body: Bytes,
}

/// What the steps of a plan came to, as far as they were taken.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    /// In the plan's order.
    pub all: Vec<Outcome>,
    /// Whether a failure ended the plan.
    pub is_cut_short: bool,
}

impl Step {
    fn new(kind: &Kind, action: Action, namespace: &str, name: &str, body: Body) -> Self {
        Self {
            kind: kind.clone(),
            action,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: Cow::Borrowed(""),
            query: "",
            body,
            identity: None,
            tell: None,
            goes_on: false,
        }
    }

    /// Applies what is to be; the query names the manager.
    pub fn apply(
        kind: &Kind,
        namespace: &str,
        name: &str,
        query: &'static str,
        object: Value,
    ) -> Self {
        let mut step = Self::new(kind, Action::Apply, namespace, name, of_value(object));
        step.query = query;
        step
    }

    /// Creates an object in its own namespace.
    pub fn create(kind: &Kind, object: Object) -> Self {
        let namespace = object.namespace().to_owned();
        Self::new(kind, Action::Create, &namespace, "", Body::Object(object))
    }

    /// Posts to an object's subresource.
    pub fn create_under(
        kind: &Kind,
        (namespace, name): (&str, &str),
        subresource: &'static str,
        body: Value,
    ) -> Self {
        let body = match body {
            Value::Object(map) => Body::Object(Object::from_map(map)),
            other => of_value(other),
        };
        Self::new(kind, Action::Create, namespace, name, body).subresource(subresource)
    }

    /// Replaces an object; it fails if the object changed since it was read, as long as it has its
    /// `resourceVersion`.
    pub fn update(kind: &Kind, object: Object) -> Self {
        let (namespace, name) = (object.namespace().to_owned(), object.name().to_owned());
        let body = Body::Object(object);
        Self::new(kind, Action::Update, &namespace, &name, body)
    }

    /// Replaces an object's status.
    pub fn update_status(kind: &Kind, object: Object) -> Self {
        Self::update(kind, object).subresource("status")
    }

    /// Changes an object in part.
    pub fn patch(kind: &Kind, namespace: &str, name: &str, how: PatchKind, patch: Value) -> Self {
        Self::new(kind, Action::Patch(how), namespace, name, of_value(patch))
    }

    /// Removes an object, if it is still the same.
    pub fn delete(kind: &Kind, object: &Object) -> Self {
        let options = serde_json::json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {"uid": object.uid()},
        });
        let (namespace, name) = (object.namespace(), object.name());
        Self::new(kind, Action::Delete, namespace, name, of_value(options))
    }

    /// Removes whatever stands under a name, with these `DeleteOptions` (or null).
    pub fn delete_named(kind: &Kind, namespace: &str, name: &str, options: Value) -> Self {
        Self::new(kind, Action::Delete, namespace, name, of_value(options))
    }

    /// Removes all objects of a kind in a namespace.
    pub fn delete_collection(kind: &Kind, namespace: &str) -> Self {
        let options = serde_json::json!({"kind": "DeleteOptions", "apiVersion": "v1"});
        Self::new(
            kind,
            Action::DeleteCollection,
            namespace,
            "",
            of_value(options),
        )
    }

    /// The same on a subresource.
    pub fn subresource(mut self, subresource: impl Into<Cow<'static, str>>) -> Self {
        self.subresource = subresource.into();
        self
    }

    /// Of a removal: what becomes of dependents (`Background`, `Foreground`, `Orphan`).
    pub fn propagation(self, policy: &str) -> Self {
        self.option("propagationPolicy", policy.into())
    }

    /// Of a removal: how long it may take.
    pub fn grace(self, seconds: i64) -> Self {
        self.option("gracePeriodSeconds", seconds.into())
    }

    fn option(mut self, name: &str, value: Value) -> Self {
        let mut options = match self.body {
            Body::Value(options) => options,
            _ => Value::default(),
        };
        options[name] = value;
        self.body = Body::Value(options);
        self
    }

    /// As somebody else than the controller.
    pub fn acting_as(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Records an event of what it came to.
    pub fn tell(mut self, tell: impl FnOnce(&Outcome) -> Option<Event> + Send + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Whatever it comes to, the plan goes on, and nothing is tried again for it.
    pub fn or_go_on(mut self) -> Self {
        self.goes_on = true;
        self
    }
}

fn of_value(value: Value) -> Body {
    match value {
        Value::Null => Body::Nothing,
        value => Body::Value(value),
    }
}

impl Plan {
    /// Nothing is to be done.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// One step.
    pub fn of(step: Step) -> Self {
        let mut plan = Self::default();
        plan.step(step);
        plan
    }

    /// Adds a step.
    pub fn step(&mut self, step: Step) {
        self.entries.push(Entry::Step(Box::new(step)));
    }

    /// Adds an event.
    pub fn event(&mut self, event: Event) {
        self.entries.push(Entry::Event(Box::new(event)));
    }

    /// How many steps there are: the place that the next step's outcome will have.
    pub fn steps(&self) -> usize {
        let is_step = |entry: &&Entry| matches!(entry, Entry::Step(_));
        self.entries.iter().filter(is_step).count()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.then.is_none()
    }

    /// Adds what another plan does; its time to look again counts where it is earlier.
    pub fn append(&mut self, other: Self) {
        self.entries.extend(other.entries);
        if other.then.is_some() {
            self.then = other.then;
        }
        self.again = self.again.sooner(other.again);
    }

    /// Makes what follows once it is known what the steps came to, even where one failed.
    pub fn then(mut self, then: impl FnOnce(&Outcomes) -> Self + Send + 'static) -> Self {
        self.then = Some(Box::new(then));
        self
    }

    /// When to look again if all goes well; the sooner of this and what was said before.
    pub fn again(&mut self, again: Again) {
        self.again = self.again.sooner(again);
    }

    /// The same, for a plan in one expression.
    pub fn and_again(mut self, again: Again) -> Self {
        self.again(again);
        self
    }
}

impl Again {
    /// The sooner of two.
    pub fn sooner(self, other: Self) -> Self {
        let rank = |again: &Self| match again {
            Self::AtOnce | Self::AfterConflict => (0, Duration::ZERO),
            Self::AfterBackoff => (1, Duration::ZERO),
            Self::After(pause) => (2, *pause),
            Self::LazilyAfter(pause) => (3, *pause),
            Self::OnChange => (4, Duration::ZERO),
        };
        if rank(&self) <= rank(&other) {
            self
        } else {
            other
        }
    }
}

impl Outcome {
    /// Whether it was done.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// The object that was answered; empty where it was a failure's status.
    pub fn object(&self) -> Object {
        if !self.is_success() {
            return Object::default();
        }
        serde_json::from_slice(&self.body)
            .ok()
            .and_then(Object::from_value)
            .unwrap_or_default()
    }

    /// The name of the object that was answered; empty where there is none.
    pub fn name(&self) -> String {
        if !self.is_success() {
            return String::new();
        }
        json::text_at(&self.body, ["metadata", "name"]).unwrap_or_default()
    }

    fn status(&self, field: &str) -> String {
        serde_json::from_slice::<Value>(&self.body)
            .ok()
            .and_then(|status| Some(status.get(field)?.as_str()?.to_owned()))
            .unwrap_or_default()
    }

    /// `reason` of the failure's Status; empty where it was none.
    pub fn reason(&self) -> String {
        if self.is_success() {
            String::new()
        } else {
            self.status("reason")
        }
    }

    /// Whether `details.causes` of the failure's Status name a reason.
    pub fn has_cause(&self, reason: &str) -> bool {
        let status = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        let causes = status["details"]["causes"].as_array();
        causes.is_some_and(|causes| causes.iter().any(|cause| cause["reason"] == reason))
    }

    /// `message` of the failure's Status; empty where it was none.
    pub fn message(&self) -> String {
        if self.is_success() {
            String::new()
        } else {
            self.status("message")
        }
    }
}

impl Outcomes {
    /// The first failure.
    pub fn failure(&self) -> Option<&Outcome> {
        self.all.iter().find(|outcome| !outcome.is_success())
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let steps = self.entries.iter().map(|entry| match entry {
            Entry::Step(step) => format!(
                "{:?} {} {}/{} {} {:?}",
                step.action,
                step.kind.plural,
                step.namespace,
                step.name,
                step.subresource,
                step.body
            ),
            Entry::Event(event) => format!("{event:?}"),
        });
        f.debug_struct("Plan")
            .field("steps", &steps.collect::<Vec<_>>())
            .field("again", &self.again)
            .finish_non_exhaustive()
    }
}

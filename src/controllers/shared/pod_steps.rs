//! Pods made and taken away, with the events that tell of it.
//!
//! *Upstream:* `pkg/controller/controller_utils.go` (`RealPodControl`).

use crate::object::Object;
use crate::runner::kinds::PODS;
use crate::runner::{About, Event, Kind, Outcome, Step};

/// Who makes pods, and for whom.
#[derive(Clone, Copy)]
pub(crate) struct Maker<'a> {
    /// For whom.
    pub(crate) owner: &'a Object,
    /// Of which kind.
    pub(crate) kind: &'a Kind,
    /// Who tells events.
    pub(crate) component: &'static str,
}

impl Maker<'_> {
    /// Makes a pod.
    pub(crate) fn create(&self, pod: Object) -> Step {
        let about = About::object(self.kind, self.owner);
        let component = self.component;
        Step::create(&PODS, pod).tell(move |outcome| tell_created(about, component, outcome))
    }

    /// Takes a pod away.
    pub(crate) fn delete(&self, pod: &Object) -> Step {
        let about = About::object(self.kind, self.owner);
        let (component, name) = (self.component, pod.name().to_owned());
        let step = Step::delete(&PODS, pod);
        step.tell(move |outcome| tell_deleted(about, component, &name, outcome))
    }
}

fn tell_created(about: About, component: &str, outcome: &Outcome) -> Option<Event> {
    if outcome.is_success() {
        let message = format!("Created pod: {}", outcome.name());
        return Some(Event::normal(about, component, "SuccessfulCreate", message));
    }
    if outcome.has_cause("NamespaceTerminating") {
        return None;
    }
    let message = format!("Error creating: {}", outcome.message());
    Some(Event::warning(about, component, "FailedCreate", message))
}

fn tell_deleted(about: About, component: &str, name: &str, outcome: &Outcome) -> Option<Event> {
    if outcome.is_success() {
        let message = format!("Deleted pod: {name}");
        return Some(Event::normal(about, component, "SuccessfulDelete", message));
    }
    if outcome.code == 404 {
        return None;
    }
    let message = format!("Error deleting: {}", outcome.message());
    Some(Event::warning(about, component, "FailedDelete", message))
}

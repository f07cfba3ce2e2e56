//! A plan, done: its steps as requests of a client.

use serde_json::Value;

use super::event::Recorder;
use super::plan::{Action, Again, Entry, Outcome, Outcomes, Plan, Step};
use super::{Event, Identity};
use crate::client::{Client, PatchKind};
use crate::sim::Clock;

/// What a plan is done with.
pub(super) struct Execution<'a> {
    pub(super) client: &'a Client,
    pub(super) identity: &'a Identity,
    pub(super) recorder: &'a mut Recorder,
    pub(super) clock: &'a Clock,
}

impl Execution<'_> {
    /// Does a plan and says when its item is looked at again.
    pub(super) async fn run(&mut self, plan: Plan) -> Again {
        let mut plan = plan;
        let mut again = Again::OnChange;
        loop {
            let outcomes = self.take(plan.entries).await;
            again = again.sooner(after(&outcomes, plan.again));
            match plan.then {
                Some(then) => plan = then(&outcomes),
                None => return again,
            }
        }
    }

    async fn take(&mut self, entries: Vec<Entry>) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for entry in entries {
            match entry {
                Entry::Event(event) => self.tell(&event).await,
                Entry::Step(step) => {
                    let mut step = *step;
                    let tell = step.tell.take();
                    let goes_on = step.goes_on;
                    let outcome = self.ask(step).await;
                    if let Some(event) = tell.and_then(|tell| tell(&outcome)) {
                        self.tell(&event).await;
                    }
                    let has_failed = !outcome.is_success() && !goes_on;
                    outcomes.all.push(outcome);
                    if has_failed {
                        outcomes.is_cut_short = true;
                        return outcomes;
                    }
                }
            }
        }
        outcomes
    }

    async fn tell(&mut self, event: &Event) {
        let now = self.clock.now();
        if let Some(step) = self.recorder.record(event, self.identity, now) {
            // An event that is refused is lost, as upstream.
            self.ask(step).await;
        }
    }

    async fn ask(&self, step: Step) -> Outcome {
        let identity = step.identity.as_ref().unwrap_or(self.identity);
        let client = self
            .client
            .acting_as(identity.user())
            .with_agent(identity.agent());
        let (method, media) = match step.action {
            Action::Create => ("POST", "application/json"),
            Action::Update => ("PUT", "application/json"),
            Action::Patch(PatchKind::Json) => ("PATCH", "application/json-patch+json"),
            Action::Patch(PatchKind::Merge) => ("PATCH", "application/merge-patch+json"),
            Action::Patch(PatchKind::Strategic) => {
                ("PATCH", "application/strategic-merge-patch+json")
            }
            Action::Apply => ("PATCH", "application/apply-patch+yaml"),
            Action::Delete | Action::DeleteCollection => ("DELETE", "application/json"),
        };
        let mut target = step.kind.path(&step.namespace, &step.name);
        for part in [("/", &*step.subresource), ("?", step.query)] {
            if !part.1.is_empty() {
                target.push_str(part.0);
                target.push_str(part.1);
            }
        }
        let body = match &step.body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let reply = client
            .request(method, &target, &[("content-type", media)], body)
            .await;
        let code = reply.code;
        let body = reply.into_bytes().await;
        let outcome = Outcome { code, body };
        if code >= 400 && !matches!(code, 404 | 409) {
            tracing::debug!(method, target, code, message = outcome.message(), "refused");
        }
        outcome
    }
}

/// When to look again, given what the steps came to.
fn after(outcomes: &Outcomes, planned: Again) -> Again {
    if !outcomes.is_cut_short {
        return planned;
    }
    let was_late = outcomes
        .all
        .last()
        .is_some_and(|outcome| matches!(outcome.code, 404 | 409));
    if was_late {
        Again::AfterConflict
    } else {
        Again::AfterBackoff
    }
}

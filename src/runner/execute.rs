//! A plan, done: its steps as requests of a client.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::event::Recorder;
use super::plan::{Action, Again, Entry, Outcome, Outcomes, Plan, Step};
use super::scribe::Scribe;
use super::{Event, Identity};
use crate::client::{Client, Deed};
use crate::registry::{Target, Verb};
use crate::sim::Clock;

/// What a plan is done with.
pub(super) struct Execution<'a> {
    pub(super) client: &'a Client,
    pub(super) identity: &'a Identity,
    pub(super) events: Events<'a>,
    pub(super) clock: &'a Clock,
}

/// Who writes events.
pub(super) enum Events<'a> {
    /// Whoever does the plan, where they stand in it.
    InPlace(&'a mut Recorder),
    /// Somebody else, meanwhile.
    Beside(&'a Scribe),
}

impl Execution<'_> {
    /// Does a plan and says when its item is looked at again: after a pause where it panicked.
    pub(super) async fn run(&mut self, plan: Plan) -> Again {
        let done = AssertUnwindSafe(self.carry_out(plan)).catch_unwind().await;
        done.unwrap_or_else(|_| {
            tracing::error!("a plan panicked");
            Again::AfterBackoff
        })
    }

    async fn carry_out(&mut self, plan: Plan) -> Again {
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
                Entry::Event(event) => self.tell(*event).await,
                Entry::Step(step) => {
                    let mut step = *step;
                    let tell = step.tell.take();
                    let goes_on = step.goes_on;
                    let outcome = ask(self.client, self.identity, step).await;
                    if let Some(event) = tell.and_then(|tell| tell(&outcome)) {
                        self.tell(event).await;
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

    async fn tell(&mut self, event: Event) {
        let now = self.clock.now();
        match &mut self.events {
            Events::InPlace(recorder) => {
                if let Some(step) = recorder.record(&event, self.identity, now) {
                    // An event that is refused is lost, as upstream.
                    ask(self.client, self.identity, step).await;
                }
            }
            Events::Beside(scribe) => scribe.take(event, self.identity.clone(), now).await,
        }
    }
}

/// Does a step, as somebody unless it says as whom.
pub(super) async fn ask(client: &Client, identity: &Identity, step: Step) -> Outcome {
    let identity = step.identity.as_ref().unwrap_or(identity);
    let (verb, media) = match step.action {
        Action::Create => (Verb::Create, "application/json"),
        Action::Update => (Verb::Update, "application/json"),
        Action::Patch(how) => (Verb::Patch, how.media_type()),
        Action::Apply => (Verb::Patch, "application/apply-patch+yaml"),
        Action::Delete => (Verb::Delete, "application/json"),
        Action::DeleteCollection => (Verb::DeleteCollection, "application/json"),
    };
    let version = &step.kind.group_version;
    let deed = Deed {
        verb,
        target: Target {
            group: version.group.to_string(),
            version: version.version.to_string(),
            namespace: if step.kind.is_namespaced {
                step.namespace
            } else {
                String::new()
            },
            resource: step.kind.plural.to_string(),
            name: step.name,
            subresource: step.subresource.into_owned(),
            rest: String::new(),
        },
        query: step.query,
        content_type: media,
        body: step.body,
        user: identity.user(),
        agent: identity.agent().to_owned(),
    };
    let acted = client.act(deed).await;
    let outcome = Outcome {
        code: acted.code,
        body: acted.body,
    };
    if outcome.code >= 400 && !matches!(outcome.code, 404 | 409) {
        let kind = step.kind.kind.as_ref();
        let (code, message) = (outcome.code, outcome.message());
        tracing::debug!(?verb, kind, code, message, "refused");
    }
    outcome
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

//! Events that are much alike: told together once there are ten of them, and no longer told once an
//! object has had too many.
//!
//! *Upstream:* `client-go/tools/record/events_cache.go` (`EventAggregator`,
//! `EventSourceObjectSpamFilter`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use super::Event;

/// So many different messages with one reason are told together.
const ALIKE_MAX: usize = 10;

/// How long events are alike, in seconds.
const ALIKE_SECONDS: i64 = 600;

/// So many events an object may have at once of one source.
const BURST: f64 = 25.0;

/// And one more after so many seconds.
const REFILL_SECONDS: f64 = 300.0;

/// So many objects and reasons are remembered.
const KNOWN_MAX: usize = 4096;

/// What messages that stand for others begin with.
const COMBINED: &str = "(combined from similar events): ";

/// A map that forgets what came first.
#[derive(Debug)]
struct Recent<T> {
    all: BTreeMap<String, T>,
    order: VecDeque<String>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self {
            all: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<T> Recent<T> {
    fn entry(&mut self, key: String, new: impl FnOnce() -> T) -> &mut T {
        if !self.all.contains_key(&key) {
            if self.order.len() >= KNOWN_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.all.remove(&oldest);
            }
            self.order.push_back(key.clone());
        }
        self.all.entry(key).or_insert_with(new)
    }
}

/// Messages with one reason about one object.
#[derive(Debug)]
struct Alike {
    messages: BTreeSet<String>,
    last: Timestamp,
}

/// How many events an object may still have.
#[derive(Debug)]
struct Allowance {
    left: f64,
    at: Timestamp,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Similar {
    alike: Recent<Alike>,
    allowances: Recent<Allowance>,
}

impl Similar {
    /// Has an event stand for all that are like it, where there are too many. What it is known by
    /// then is the second; nothing where it stands for itself.
    pub(super) fn combine(&mut self, event: &Event, now: Timestamp) -> Option<(Event, String)> {
        let key = [source(event).as_str(), severity(event), &event.reason].join("\n");
        let new = || Alike {
            messages: BTreeSet::new(),
            last: now,
        };
        let alike = self.alike.entry(key.clone(), new);
        if now.duration_since(alike.last).as_secs() > ALIKE_SECONDS {
            alike.messages.clear();
        }
        alike.messages.insert(event.message.clone());
        alike.last = now;
        if alike.messages.len() < ALIKE_MAX {
            return None;
        }
        alike.messages.pop_first();
        let mut event = event.clone();
        event.message.insert_str(0, COMBINED);
        Some((event, key))
    }

    /// Whether an object may have another event.
    pub(super) fn allows(&mut self, event: &Event, now: Timestamp) -> bool {
        let new = || Allowance {
            left: BURST,
            at: now,
        };
        let allowance = self.allowances.entry(source(event), new);
        let passed = now.duration_since(allowance.at).as_secs_f64();
        allowance.left = (allowance.left + passed / REFILL_SECONDS).min(BURST);
        allowance.at = now;
        if allowance.left < 1.0 {
            return false;
        }
        allowance.left -= 1.0;
        true
    }
}

/// Who tells it, and about which object.
fn source(event: &Event) -> String {
    let about = &event.about;
    [
        &event.component,
        &event.host,
        &about.kind,
        &about.namespace,
        &about.name,
        &about.uid,
        &about.api_version,
    ]
    .map(String::as_str)
    .join("\n")
}

fn severity(event: &Event) -> &'static str {
    match event.severity {
        super::Severity::Normal => "Normal",
        super::Severity::Warning => "Warning",
    }
}

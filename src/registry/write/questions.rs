//! The questions about rights that one write asks, and the answers of those who are far away: each
//! is asked once, and remembered as long as the write lasts.
//!
//! *Upstream:* none: there whoever asks waits.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::Value;

use crate::admission::{Rights, Verdict};
use crate::auth::authorize::{Said, question};
use crate::auth::{Attributes, Authorizer, Decision, User};
use crate::storage::Reader;

/// The questions of one write.
pub(super) struct Questions<'a> {
    authorizer: &'a Authorizer,
    reader: &'a dyn Reader,
    said: Mutex<BTreeMap<String, Said>>,
    open: Mutex<Vec<(usize, Value)>>,
}

impl<'a> Questions<'a> {
    pub(super) fn new(authorizer: &'a Authorizer, reader: &'a dyn Reader) -> Self {
        Self {
            authorizer,
            reader,
            said: Mutex::default(),
            open: Mutex::default(),
        }
    }
}

fn verdict(decision: Decision) -> Verdict {
    Verdict {
        is_allowed: decision.is_allowed(),
        reason: decision.reason,
        error: decision.error,
    }
}

impl Rights for Questions<'_> {
    fn decide(&self, user: &User, attributes: &Attributes) -> Verdict {
        let decide = |said: &Said| {
            let authorizer = self.authorizer;
            authorizer.decide_here(self.reader, user, attributes, said)
        };
        if !self.authorizer.asks_far() {
            return decide(&Said::new()).map(verdict).unwrap_or_default();
        }
        let question = question(user, attributes);
        let said = self.said.lock().get(&question.to_string()).cloned();
        match decide(&said.unwrap_or_default()) {
            Ok(decision) => verdict(decision),
            Err(place) => {
                self.open.lock().push((place, question));
                Verdict::default()
            }
        }
    }

    fn settle(&self) -> Option<BoxFuture<'_, ()>> {
        let open = std::mem::take(&mut *self.open.lock());
        if open.is_empty() {
            return None;
        }
        let asking = async move {
            for (place, question) in open {
                let key = question.to_string();
                let is_said = |said: &Said| said.iter().any(|(asked, _)| *asked == place);
                if self.said.lock().get(&key).is_some_and(is_said) {
                    continue;
                }
                let decision = self.authorizer.ask_far(place, &question).await;
                let mut said = self.said.lock();
                said.entry(key).or_default().push((place, decision));
            }
        };
        Some(asking.boxed())
    }
}

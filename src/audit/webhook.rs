//! Events posted to somebody far away, many at once.
//!
//! *Upstream:* `apiserver/plugin/pkg/audit/webhook/webhook.go`. Differs: events are sent as they
//! come, without waiting for more, and three times at most where they are not taken; those that are
//! on their way when the cluster stops are lost.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::Sink;
use crate::webhook::{Call, Caller, Target};

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often events are sent.
const ATTEMPTS_MAX: usize = 3;

/// Somebody far away who keeps events.
pub struct Webhook {
    target: Target,
    caller: Arc<Caller>,
}

impl Webhook {
    /// Posts to a target.
    pub fn new(target: Target, caller: Arc<Caller>) -> Self {
        Self { target, caller }
    }

    async fn post(&self, events: &[Bytes]) {
        let read = |event: &Bytes| serde_json::from_slice::<Value>(event).ok();
        let items: Vec<Value> = events.iter().filter_map(read).collect();
        let count = items.len();
        let list = json!({
            "kind": "EventList",
            "apiVersion": "audit.k8s.io/v1",
            "metadata": {},
            "items": items,
        });
        let call = Call {
            target: &self.target,
            body: &list,
            timeout: PATIENCE,
            says_timeout: false,
            user_agent: "kube-apiserver",
        };
        for attempt in 1..=ATTEMPTS_MAX {
            match self.caller.send(&call).await {
                Ok(()) => return,
                Err(failure) if attempt == ATTEMPTS_MAX => {
                    tracing::warn!(%failure, count, "audit events could not be sent");
                }
                Err(_) => {}
            }
        }
    }
}

impl Sink for Webhook {
    fn write<'a>(&'a self, events: &'a [Bytes]) -> BoxFuture<'a, ()> {
        self.post(events).boxed()
    }
}

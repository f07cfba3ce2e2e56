//! One event, as the audit API writes it.
//!
//! *Upstream:* `apiserver/pkg/apis/audit/v1/types.go`, `apiserver/pkg/audit/request.go`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Level, Stage};
use crate::auth::{Attributes, User, filled};
use crate::object::time;

/// How long a user agent is before it is cut.
const AGENT_BYTES_MAX: usize = 1024;

/// What is known of a request when it arrives.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its id.
    pub id: String,
    /// Path and query, as sent.
    pub uri: String,
    /// `User-Agent`.
    pub user_agent: String,
    /// Where it came from, the client first.
    pub source_addresses: Vec<String>,
    /// When it arrived.
    pub received: Timestamp,
}

/// What is known of a request by now.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) level: Level,
    facts: Facts,
    verb: String,
    user: Value,
    impersonated: Option<(Value, Option<String>)>,
    object: Option<Map<String, Value>>,
    pub(super) response_status: Option<Value>,
    pub(super) request_object: Option<Value>,
    pub(super) response_object: Option<Value>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl Event {
    pub(super) fn new(level: Level, facts: Facts, user: Option<&User>, asked: &Attributes) -> Self {
        let object = asked.is_resource.then(|| {
            filled([
                ("resource", asked.resource),
                ("namespace", asked.namespace),
                ("name", asked.name),
                ("apiGroup", asked.group),
                ("apiVersion", asked.version),
                ("subresource", asked.subresource),
            ])
        });
        Self {
            level,
            facts,
            verb: asked.verb.to_owned(),
            user: user.map_or_else(|| json!({}), |user| user.told("username").into()),
            impersonated: None,
            object,
            response_status: None,
            request_object: None,
            response_object: None,
            annotations: BTreeMap::new(),
        }
    }

    pub(super) fn impersonate(&mut self, user: &User, constraint: Option<String>) {
        self.impersonated = Some((user.told("username").into(), constraint));
    }

    /// Adds what the object that was sent says of itself.
    pub(super) fn refer_to(&mut self, sent: &Value) {
        let Some(object) = &mut self.object else {
            return;
        };
        let metadata = &sent["metadata"];
        for field in ["namespace", "name", "uid", "resourceVersion"] {
            let text = metadata[field].as_str().unwrap_or("");
            if !text.is_empty() && !object.contains_key(field) {
                object.insert(field.to_owned(), text.into());
            }
        }
    }

    /// The line of JSON of a stage.
    pub(super) fn line(&self, stage: Stage, now: Timestamp) -> String {
        let mut agent = self.facts.user_agent.clone();
        if agent.len() > AGENT_BYTES_MAX {
            let mut end = AGENT_BYTES_MAX;
            while !agent.is_char_boundary(end) {
                end -= 1;
            }
            agent.truncate(end);
            agent.push_str("...TRUNCATED");
        }
        let mut out = Map::new();
        let mut put = |field: &str, value: Value| {
            out.insert(field.to_owned(), value);
        };
        put("kind", "Event".into());
        put("apiVersion", "audit.k8s.io/v1".into());
        put("level", self.level.as_str().into());
        put("auditID", self.facts.id.as_str().into());
        put("stage", stage.as_str().into());
        put("requestURI", self.facts.uri.as_str().into());
        put("verb", self.verb.as_str().into());
        put("user", self.user.clone());
        if let Some((user, constraint)) = &self.impersonated {
            put("impersonatedUser", user.clone());
            if let Some(constraint) = constraint {
                let metadata = json!({"impersonationConstraint": constraint});
                put("authenticationMetadata", metadata);
            }
        }
        if !self.facts.source_addresses.is_empty() {
            put("sourceIPs", json!(self.facts.source_addresses));
        }
        if !agent.is_empty() {
            put("userAgent", agent.into());
        }
        if let Some(object) = &self.object {
            put("objectRef", Value::Object(object.clone()));
        }
        let parts = [
            ("responseStatus", &self.response_status),
            ("requestObject", &self.request_object),
            ("responseObject", &self.response_object),
        ];
        for (field, value) in parts {
            if let Some(value) = value {
                put(field, value.clone());
            }
        }
        put(
            "requestReceivedTimestamp",
            time::micros(self.facts.received).into(),
        );
        put("stageTimestamp", time::micros(now).into());
        if !self.annotations.is_empty() {
            put("annotations", json!(self.annotations));
        }
        Value::Object(out).to_string()
    }
}

//! So many events in a second, of the cluster, a namespace, a user, or about one object.
//!
//! *Upstream:* `plugin/pkg/admission/eventratelimit`, `golang.org/x/time/rate`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;

use crate::admission::{Attributes, Operation, Plugin};
use crate::auth::authorize::aggregate;
use crate::error::{ApiError, Reason};
use crate::object::Object;

/// How many counters a limit has where it does not say.
const COUNTERS: usize = 4096;

/// The plugin.
#[derive(Debug)]
pub(in crate::admission::plugins) struct EventRateLimit(Vec<Limit>);

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Per {
    Server,
    Namespace,
    User,
    SourceAndObject,
}

#[derive(Debug)]
struct Limit {
    per: Per,
    rate: f64,
    burst: f64,
    counters_max: usize,
    counters: Mutex<BTreeMap<String, Bucket>>,
}

/// What is left, as of a time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl EventRateLimit {
    /// As a `Configuration` of `eventratelimit.admission.k8s.io` says.
    pub(in crate::admission::plugins) fn configured(settings: &Value) -> Result<Self, String> {
        let limits = settings["limits"].as_array().map_or(&[][..], Vec::as_slice);
        if limits.is_empty() {
            return Err("limits: Invalid value: null: must not be empty".to_owned());
        }
        let limits = limits.iter().enumerate();
        let limits = limits.map(|(index, limit)| Limit::of(limit, index));
        Ok(Self(limits.collect::<Result<_, _>>()?))
    }
}

impl Limit {
    fn of(limit: &Value, index: usize) -> Result<Self, String> {
        let per = match limit["type"].as_str().unwrap_or("") {
            "Server" => Per::Server,
            "Namespace" => Per::Namespace,
            "User" => Per::User,
            "SourceAndObject" => Per::SourceAndObject,
            other => {
                return Err(format!(
                    "limits[{index}].type: Unsupported value: {other:?}: supported values: \
                     \"Namespace\", \"Server\", \"SourceAndObject\", \"User\""
                ));
            }
        };
        let positive = |field: &str| {
            let number = limit[field].as_i64().unwrap_or(0);
            if number > 0 {
                return Ok(number as f64);
            }
            let path = format!("limits[{index}].{field}");
            Err(format!("{path}: Invalid value: {number}: must be positive"))
        };
        let size = limit["cacheSize"].as_i64().unwrap_or(0);
        if size < 0 && per != Per::Server {
            let path = format!("limits[{index}].cacheSize");
            return Err(format!(
                "{path}: Invalid value: {size}: must not be negative"
            ));
        }
        Ok(Self {
            per,
            burst: positive("burst")?,
            rate: positive("qps")?,
            counters_max: if size > 0 { size as usize } else { COUNTERS },
            counters: Mutex::default(),
        })
    }

    fn key(&self, write: &Attributes, object: Option<&Object>) -> String {
        let text = |path: &[&str]| object.map_or("", |object| object.text(path));
        match self.per {
            Per::Server => String::new(),
            Per::Namespace => write.namespace.to_owned(),
            Per::User => write.user.name.clone(),
            Per::SourceAndObject => {
                let source = ["component", "host"].map(|field| text(&["source", field]));
                let about = ["kind", "namespace", "name", "uid", "apiVersion"];
                let about = about.map(|field| text(&["involvedObject", field]));
                source.concat() + &about.concat()
            }
        }
    }

    /// Takes one, or says why there is none.
    fn take(&self, key: &str, now: Timestamp) -> Result<(), String> {
        let mut counters = self.counters.lock();
        if counters.len() >= self.counters_max && !counters.contains_key(key) {
            let oldest = counters.iter().min_by_key(|(_, bucket)| bucket.at);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.and_then(|key| counters.remove(&key));
        }
        let bucket = counters.entry(key.to_owned()).or_insert(Bucket {
            left: self.burst,
            at: now,
        });
        let passed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
        bucket.left = (bucket.left + passed * self.rate).min(self.burst);
        bucket.at = now;
        if bucket.left < 1.0 {
            let per = self.per;
            return Err(format!("limit reached on type {per:?} for key {key}"));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

impl Plugin for EventRateLimit {
    fn name(&self) -> &'static str {
        "EventRateLimit"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_seen = matches!(write.operation, Operation::Create | Operation::Update);
        let is_event = write.is_of("", "events", "");
        if !is_seen || !is_event || write.is_dry_run {
            return Ok(());
        }
        let limits = self.0.iter();
        let errors: Vec<String> = limits
            .filter_map(|limit| limit.take(&limit.key(write, object), write.now).err())
            .collect();
        if errors.is_empty() {
            return Ok(());
        }
        let why = format!("Too many requests: {}", aggregate(&errors));
        Err(ApiError::new(Reason::TooManyRequests, why))
    }
}

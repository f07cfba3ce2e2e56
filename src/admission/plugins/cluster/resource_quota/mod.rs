//! Quotas of a namespace: what a write would use is held against what they leave, and charged.
//!
//! What is used stands in the status of the quota, which admission only adds to: whatever ends is
//! taken off by who counts anew.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/resourcequota/{admission,controller}.go`.

mod claims;
mod count;
mod measure;
mod pods;

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

pub(crate) use self::count::Count;
use self::measure::Measure;
use super::forbidden;
use crate::admission::plugins::usage::{self, Usage};
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::{GroupResource, Object};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct ResourceQuota;

impl Plugin for ResourceQuota {
    fn name(&self) -> &'static str {
        "ResourceQuota"
    }

    fn validate_later<'c>(
        &'c self,
        write: &'c Attributes<'c>,
        object: Option<&'c Object>,
    ) -> Option<BoxFuture<'c, Result<(), ApiError>>> {
        let is_seen = matches!(write.operation, Operation::Create | Operation::Update);
        let object = object.filter(|_| is_seen && write.resource.is_namespaced)?;
        let quotas = GroupResource::new("", "resourcequotas");
        let snapshot = write.reader.snapshot(&quotas, None).ok()?;
        let quotas: Vec<Object> = snapshot
            .objects(Some(write.namespace), None)
            .map(|stored| stored.object())
            .collect();
        if quotas.is_empty() {
            return None;
        }
        let measure = Measure::of(write, object)?;
        Some(charge(write, object, measure, quotas).boxed())
    }
}

/// Checks all quotas, then charges them.
async fn charge(
    write: &Attributes<'_>,
    object: &Object,
    measure: Measure,
    quotas: Vec<Object>,
) -> Result<(), ApiError> {
    let request = Request::of(write, object, measure);
    let mut concerned = Vec::new();
    for quota in &quotas {
        if request.check_fit(quota)? {
            concerned.push(quota);
        }
    }
    request.refuse_negative()?;
    let mut charged = Vec::new();
    for quota in concerned {
        if request.charged(quota)?.is_some() {
            charged.push(quota.key());
        }
    }
    if write.is_dry_run {
        return Ok(());
    }
    for key in charged {
        // The quota may be another by now: it is checked once more as it is charged.
        let mut change = |quota: &Object| request.charged(quota);
        write.ledger.charge(&key, &mut change).await?;
    }
    Ok(())
}

/// What a write would use.
struct Request<'a> {
    write: &'a Attributes<'a>,
    object: &'a Object,
    measure: Measure,
    usage: Usage,
    /// What the object used before, where it was there.
    before: Option<Usage>,
}

impl<'a> Request<'a> {
    fn of(write: &'a Attributes<'a>, object: &'a Object, measure: Measure) -> Self {
        let before = write.old.filter(|_| write.operation == Operation::Update);
        Self {
            usage: measure.usage(object, write.now),
            before: before.map(|old| measure.usage(old, write.now)),
            write,
            object,
            measure,
        }
    }

    fn refuse(&self, why: &str) -> ApiError {
        forbidden(self.write, self.object, why)
    }

    /// Whether a quota is about the object; refuses what the quota cannot judge.
    fn check_fit(&self, quota: &Object) -> Result<bool, ApiError> {
        let hard = hard(quota);
        let matching: Vec<&str> = self.measure.matching(hard.keys().map(String::as_str));
        let selectors = selectors(quota);
        let is_in_scope = selectors
            .iter()
            .all(|selector| self.measure.is_in_scope(self.object, selector));
        if matching.is_empty() || !is_in_scope {
            return Ok(false);
        }
        let name = quota.name();
        if let Some(why) = self.measure.missing(self.object, &matching) {
            return Err(self.refuse(&format!("failed quota: {name}: {why}")));
        }
        let used = used(quota);
        if matching
            .iter()
            .any(|resource| !used.contains_key(*resource))
        {
            let mut names: Vec<&str> = matching;
            names.sort_unstable();
            let names = names.join(",");
            let why = format!("status unknown for quota: {name}, resources: {names}");
            return Err(self.refuse(&why));
        }
        Ok(true)
    }

    fn refuse_negative(&self) -> Result<(), ApiError> {
        let negative = self.usage.iter().filter(|(_, amount)| amount.is_negative());
        let names: Vec<&str> = negative.map(|(name, _)| name.as_str()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let names = names.join(",");
        Err(self.refuse(&format!("quota usage is negative for resource(s): {names}")))
    }

    /// What is added to what a quota counts.
    fn added(&self, quota: &Object) -> Usage {
        let mut added = self.usage.clone();
        if let (Some(before), Some(old)) = (&self.before, self.write.old) {
            let was_counted = selectors(quota)
                .iter()
                .all(|selector| self.measure.is_in_scope(old, selector));
            if was_counted {
                for (name, amount) in &mut added {
                    if let Some(before) = before.get(name) {
                        amount.sub(before);
                    }
                }
                added.retain(|_, amount| !amount.is_negative());
            }
        }
        added.retain(|_, amount| !amount.is_zero());
        added
    }

    /// The quota with the write charged; `None` where it costs nothing.
    fn charged(&self, quota: &Object) -> Result<Option<Object>, ApiError> {
        let (hard, mut used) = (hard(quota), used(quota));
        let added = self.added(quota);
        if added.is_empty() {
            return Ok(None);
        }
        let mut requested = added;
        requested.retain(|name, _| hard.contains_key(name));
        let before = used.clone();
        usage::add(&mut used, &requested);
        let exceeded: Vec<&String> = requested
            .keys()
            .filter(|name| used.get(*name) > hard.get(*name))
            .collect();
        if !exceeded.is_empty() && self.write.subresource != "status" {
            let only = |usage: &Usage| -> Usage {
                let kept = usage.iter().filter(|(name, _)| exceeded.contains(name));
                kept.map(|(name, amount)| (name.clone(), amount.clone()))
                    .collect()
            };
            return Err(self.refuse(&format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                quota.name(),
                usage::told(&only(&requested)),
                usage::told(&only(&before)),
                usage::told(&only(&hard)),
            )));
        }
        let mut charged = quota.clone();
        for (name, amount) in &used {
            charged.set(&["status", "used", name], amount.to_string());
        }
        Ok(Some(charged))
    }
}

fn hard(quota: &Object) -> Usage {
    usage::of_map(quota.get(&["status", "hard"]))
}

fn used(quota: &Object) -> Usage {
    usage::of_map(quota.get(&["status", "used"]))
}

/// The scopes of a quota as selectors: `scopeName`, `operator`, `values`.
fn selectors(quota: &Object) -> Vec<Value> {
    let scopes = quota.items(&["spec", "scopes"]).iter();
    let mut all: Vec<Value> = scopes
        .map(|scope| {
            let parts = [("scopeName", scope.clone()), ("operator", "Exists".into())];
            let parts: BTreeMap<&str, Value> = parts.into_iter().collect();
            serde_json::json!(parts)
        })
        .collect();
    let more = quota.items(&["spec", "scopeSelector", "matchExpressions"]);
    all.extend(more.iter().cloned());
    all
}

/// Whether a selector takes an object whose scope has this value; `None` where it has none.
fn selects(selector: &Value, value: Option<&str>) -> bool {
    let values = selector["values"].as_array().into_iter().flatten();
    let mut values = values.filter_map(Value::as_str);
    match selector["operator"].as_str().unwrap_or("") {
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "In" => value.is_some_and(|value| values.any(|known| known == value)),
        "NotIn" => value.is_none_or(|value| values.all(|known| known != value)),
        _ => false,
    }
}

//! What is used of a quota, counted anew.
//!
//! *Upstream:* `apiserver/pkg/quota/v1/resources.go` (`CalculateUsage`),
//! `generic/evaluator.go` (`CalculateUsageStats`).

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::measure::Measure;
use super::selectors;
use crate::admission::plugins::usage::{self, Usage};
use crate::object::quantity::Quantity;
use crate::object::{GroupResource, Object};

/// A count of what is used of one quota.
pub(crate) struct Count {
    hard: Usage,
    selectors: Vec<Value>,
    used: Usage,
}

impl Count {
    /// Nothing is counted yet.
    pub(crate) fn of(quota: &Object) -> Self {
        Self {
            hard: usage::of_map(quota.get(&["spec", "hard"])),
            selectors: selectors(quota),
            used: Usage::new(),
        }
    }

    /// Whether a change of an object of a resource may change what is used: it is new or gone
    /// (`before` and `after` are the same then), or uses something else than it did.
    pub(crate) fn concerns(
        &self,
        resource: &GroupResource,
        (before, after): (&Object, &Object),
        is_update: bool,
        now: Timestamp,
    ) -> bool {
        let Some(measure) = Measure::of_resource(resource) else {
            return false;
        };
        let names = self.hard.keys().map(String::as_str);
        if measure.matching(names).is_empty() {
            return false;
        }
        let is_in_scope = |object, selector| measure.is_in_scope(object, selector);
        let moves = |selector| is_in_scope(before, selector) != is_in_scope(after, selector);
        !is_update
            || measure.usage(before, now) != measure.usage(after, now)
            || self.selectors.iter().any(moves)
    }

    /// Counts the objects of a resource, which are asked for only where the quota is about them.
    pub(crate) fn add<O: AsRef<Object>>(
        &mut self,
        resource: &GroupResource,
        now: Timestamp,
        objects: impl FnOnce() -> Vec<O>,
    ) {
        let Some(measure) = Measure::of_resource(resource) else {
            return;
        };
        let matching = measure.matching(self.hard.keys().map(String::as_str));
        if matching.is_empty() {
            return;
        }
        let mut sum: Usage = matching
            .iter()
            .map(|name| ((*name).to_owned(), Quantity::ZERO))
            .collect();
        for object in objects() {
            let object = object.as_ref();
            let is_in_scope = |selector| measure.is_in_scope(object, selector);
            if self.selectors.iter().all(is_in_scope) {
                let mut own = measure.usage(object, now);
                own.retain(|name, _| sum.contains_key(name));
                usage::add(&mut sum, &own);
            }
        }
        usage::add(&mut self.used, &sum);
    }

    /// The status of the quota: what it grants, and what is used of it.
    pub(crate) fn status(&self, quota: &Object) -> Value {
        let mut used = usage::of_map(quota.get(&["status", "used"]));
        used.extend(self.used.clone());
        let written = used
            .iter()
            .filter(|(name, _)| self.hard.contains_key(*name))
            .map(|(name, amount)| (name.clone(), amount.to_string().into()));
        let written: Map<String, Value> = written.collect();
        let hard = quota.get(&["spec", "hard"]).cloned();
        let hard = hard.unwrap_or_else(|| Map::new().into());
        serde_json::json!({"hard": hard, "used": written})
    }
}

//! A Job and its pods, as one look sees them.
//!
//! *Upstream:* `pkg/controller/job/job_controller.go` (`syncJob`, `syncJobCtx`).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::super::shared::pods as shared;
use super::intervals::Intervals;
use super::{backoff, failure_policy, index, is_tracked};
use crate::object::Object;

/// What ends a Job.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// The condition that says so first: `FailureTarget` or `SuccessCriteriaMet`.
    pub(super) kind: &'static str,
    pub(super) reason: String,
    pub(super) message: String,
}

/// See the module.
pub(super) struct Look<'a> {
    pub(super) job: &'a Object,
    pub(super) pods: Vec<Arc<Object>>,
    pub(super) active: Vec<Arc<Object>>,
    /// How many are active, ready and going, counted on as pods are taken away.
    pub(super) active_count: i64,
    pub(super) ready: i64,
    pub(super) terminating: i64,
    /// How many pods came to a good or bad end, counted or not yet.
    pub(super) succeeded: i64,
    pub(super) failed: i64,
    /// Of an indexed Job: which indexes had succeeded before, and which have now.
    pub(super) succeeded_before: Intervals,
    pub(super) succeeded_indexes: Intervals,
    /// Of a Job with a limit for each index: those that failed for good.
    pub(super) failed_indexes: Option<Intervals>,
    /// The failed pods that are kept until their index is tried again.
    pub(super) delayed: BTreeMap<i64, Arc<Object>>,
    pub(super) end: Option<End>,
    /// Conditions of the status, as they will be written.
    pub(super) conditions: Vec<Value>,
    pub(super) start: Option<Value>,
    pub(super) now: Timestamp,
}

impl<'a> Look<'a> {
    pub(super) fn of(job: &'a Object, mut pods: Vec<Arc<Object>>, now: Timestamp) -> Self {
        if is_indexed(job) {
            pods.sort_by_key(|pod| index::of(pod));
        }
        let is_over =
            |pod: &Object| matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed");
        let active: Vec<_> = pods
            .iter()
            .filter(|pod| shared::is_active(pod))
            .cloned()
            .collect();
        let going = pods
            .iter()
            .filter(|pod| pod.is_being_deleted() && !is_over(pod))
            .count();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut look = Self {
            job,
            active_count: count(active.len()),
            ready: count(active.iter().filter(|pod| shared::is_ready(pod)).count()),
            terminating: count(going),
            active,
            pods,
            succeeded: 0,
            failed: 0,
            succeeded_before: Intervals::default(),
            succeeded_indexes: Intervals::default(),
            failed_indexes: None,
            delayed: BTreeMap::new(),
            end: None,
            conditions: job.items(&["status", "conditions"]).to_vec(),
            start: job.get(&["status", "startTime"]).cloned(),
            now,
        };
        if look.start.is_none() && !look.is_suspended() {
            look.start = Some(crate::object::time::seconds(now).into());
        }
        look.count();
        look
    }

    fn count(&mut self) {
        let is_good = |pod: &Object| pod.text(&["status", "phase"]) == "Succeeded";
        let succeeded = self.uncounted("succeeded");
        let failed = self.uncounted("failed");
        let fresh = |known: &[Value], pod: &Object| {
            self.is_valid(pod) && !known.iter().any(|uid| *uid == pod.uid())
        };
        let good = self
            .pods
            .iter()
            .filter(|pod| fresh(succeeded, pod) && is_good(pod))
            .count();
        let bad = self.pods.iter().filter(|pod| {
            fresh(failed, pod) && is_failed(self.job, pod) && failure_policy::counts(self.job, pod)
        });
        let total = |before: &str, more: usize, known: &[Value]| {
            let before = self.job.integer(&["status", before]).unwrap_or(0);
            before + i64::try_from(more + known.len()).unwrap_or(0)
        };
        let failures = total("failed", bad.count(), failed);
        let successes = total("succeeded", good, succeeded);
        (self.failed, self.succeeded) = (failures, successes);
        if !is_indexed(self.job) {
            return;
        }
        let completions = self.completions().unwrap_or(0);
        let before = self.job.text(&["status", "completedIndexes"]);
        self.succeeded_before = Intervals::parse(before, completions);
        self.succeeded_indexes = self.succeeded_before.clone();
        let good = self
            .pods
            .iter()
            .filter(|pod| self.is_valid(pod) && is_good(pod));
        let good: Vec<i64> = good.filter_map(|pod| index::of(pod)).collect();
        for index in good {
            self.succeeded_indexes.add(index);
        }
        self.succeeded = self.succeeded_indexes.total();
        if let Some(limit) = self.limit_per_index() {
            self.count_failed_indexes(limit, completions);
        }
    }

    fn count_failed_indexes(&mut self, limit: i64, completions: i64) {
        let before = self.job.text(&["status", "failedIndexes"]);
        let mut delayed: BTreeMap<i64, Arc<Object>> = BTreeMap::new();
        let mut failed = Intervals::parse(before, completions);
        for pod in self.pods.iter().filter(|pod| self.is_valid(pod)) {
            if index::has_failed(self.job, pod, limit) {
                failed.add(index::of(pod).unwrap_or(0));
            }
        }
        let active: Vec<_> = self
            .active
            .iter()
            .filter_map(|pod| index::of(pod))
            .collect();
        for pod in self
            .pods
            .iter()
            .filter(|pod| self.is_valid(pod) && is_failed(self.job, pod))
        {
            let Some(index) = index::of(pod) else {
                continue;
            };
            let is_settled = self.succeeded_indexes.has(index) || failed.has(index);
            if is_settled || active.contains(&index) {
                continue;
            }
            let is_later = delayed.get(&index).is_none_or(|known| {
                index::all_failures(known) <= index::all_failures(pod)
                    && backoff::finished(pod) >= backoff::finished(known)
            });
            if is_later {
                delayed.insert(index, Arc::clone(pod));
            }
        }
        self.delayed = delayed;
        self.failed_indexes = Some(failed);
    }

    /// Whether a pod is still to be counted, and may be.
    fn is_valid(&self, pod: &Object) -> bool {
        if !is_tracked(pod) {
            return false;
        }
        !is_indexed(self.job) || self.has_index(pod)
    }

    /// Whether a pod has an index that the Job asks for.
    pub(super) fn has_index(&self, pod: &Object) -> bool {
        let completions = self.completions().unwrap_or(0);
        index::of(pod).is_some_and(|index| index < completions)
    }

    /// The uids of pods that the status is about to count.
    pub(super) fn uncounted(&self, list: &str) -> &'a [Value] {
        self.job.items(&["status", "uncountedTerminatedPods", list])
    }

    pub(super) fn completions(&self) -> Option<i64> {
        self.job.integer(&["spec", "completions"])
    }

    pub(super) fn limit_per_index(&self) -> Option<i64> {
        self.job.integer(&["spec", "backoffLimitPerIndex"])
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.job.is_true(&["spec", "suspend"])
    }
}

pub(super) fn is_indexed(job: &Object) -> bool {
    job.text(&["spec", "completionMode"]) == "Indexed"
}

/// Whether a pod is replaced only once it came to its end.
pub(super) fn replaces_failed_only(job: &Object) -> bool {
    job.text(&["spec", "podReplacementPolicy"]) == "Failed"
}

/// Whether a pod came to a bad end; one that is taken away counts, unless the Job waits for its
/// end.
pub(super) fn is_failed(job: &Object, pod: &Object) -> bool {
    let phase = pod.text(&["status", "phase"]);
    phase == "Failed"
        || (!replaces_failed_only(job) && pod.is_being_deleted() && phase != "Succeeded")
}

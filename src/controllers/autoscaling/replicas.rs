//! How many replicas bring what is measured to its target.
//!
//! *Upstream:* `pkg/controller/podautoscaler/{replica_calculator,metrics/utilization}.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::controllers::shared::{conditions, pods};
use crate::object::{Object, time};
use crate::usage::WINDOW_SECONDS;

/// For how long after a pod's start its use of processors may be that of starting.
const INITIALIZATION: Duration = Duration::from_mins(5);

/// A pod that was not ready so long after its start was never ready.
const FIRST_READINESS: Duration = Duration::from_secs(30);

/// How far from the target is near enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerance {
    pub(super) up: f64,
    pub(super) down: f64,
}

impl Tolerance {
    pub(super) fn takes(self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

/// What pods use, beside what they should.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) ratio: f64,
    /// In percent of what they ask for, where that counts.
    pub(super) utilization: i64,
    /// On average.
    pub(super) average: i64,
}

/// Thousandths by the pod's name.
pub(super) type Amounts = BTreeMap<String, i64>;

/// What pods use against an amount for each of them.
pub(super) fn against_amount(amounts: &Amounts, target: i64) -> Measured {
    let average = amounts.values().sum::<i64>() / (amounts.len() as i64).max(1);
    Measured {
        ratio: average as f64 / target as f64,
        utilization: 0,
        average,
    }
}

/// What pods use against a part of what they ask for.
pub(super) fn against_requests(
    amounts: &Amounts,
    requests: &Amounts,
    target: i64,
) -> Result<Measured, String> {
    let known = amounts
        .iter()
        .filter_map(|(name, amount)| Some((amount, requests.get(name)?)));
    let (mut total, mut asked, mut count) = (0, 0, 0);
    for (amount, request) in known {
        total += amount;
        asked += request;
        count += 1;
    }
    if asked == 0 {
        return Err("no metrics returned matched known pods".to_owned());
    }
    let utilization = total * 100 / asked;
    Ok(Measured {
        ratio: utilization as f64 / target as f64,
        utilization,
        average: total / count,
    })
}

/// Pods and what they use.
pub(super) struct Pods<'a> {
    pub(super) all: &'a [Arc<Object>],
    pub(super) amounts: Amounts,
    /// Whether it is about processors, of which pods use another amount while they start.
    pub(super) is_cpu: bool,
    pub(super) replicas: i64,
    pub(super) tolerance: Tolerance,
    pub(super) now: Timestamp,
}

impl Pods<'_> {
    /// How many there should be: `measure` says what the pods use, `most` what one of which nothing
    /// is known uses at most.
    pub(super) fn wanted(
        mut self,
        measure: &dyn Fn(&Amounts) -> Result<Measured, String>,
        most: &dyn Fn(&str) -> i64,
    ) -> Result<(i64, Measured), String> {
        if self.all.is_empty() {
            return Err("no pods returned by selector while calculating replica count".to_owned());
        }
        let (ready, unready, missing, ignored) = self.group();
        self.amounts
            .retain(|name, _| !unready.contains(name) && !ignored.contains(name));
        if self.amounts.is_empty() {
            let why = "did not receive metrics for targeted pods (pods might be unready)";
            return Err(why.to_owned());
        }
        let found = measure(&self.amounts)?;
        let counts_unready = !unready.is_empty() && found.ratio > 1.0;
        if !counts_unready && missing.is_empty() {
            if self.tolerance.takes(found.ratio) {
                return Ok((self.replicas, found));
            }
            return Ok(((found.ratio * ready as f64).ceil() as i64, found));
        }
        for name in missing {
            // Whatever is not known speaks against a change.
            if found.ratio < 1.0 {
                let most = most(&name);
                self.amounts.insert(name, most);
            } else if found.ratio > 1.0 {
                self.amounts.insert(name, 0);
            }
        }
        if counts_unready {
            self.amounts
                .extend(unready.into_iter().map(|name| (name, 0)));
        }
        let ratio = measure(&self.amounts)?.ratio;
        let turns = (found.ratio < 1.0 && ratio > 1.0) || (found.ratio > 1.0 && ratio < 1.0);
        if self.tolerance.takes(ratio) || turns {
            return Ok((self.replicas, found));
        }
        let wanted = (ratio * self.amounts.len() as f64).ceil() as i64;
        let turns =
            (ratio < 1.0 && wanted > self.replicas) || (ratio > 1.0 && wanted < self.replicas);
        Ok((if turns { self.replicas } else { wanted }, found))
    }

    /// How many count; then the names of those that are not ready, not known, and not of interest.
    fn group(&self) -> (usize, BTreeSet<String>, BTreeSet<String>, BTreeSet<String>) {
        let (mut unready, mut missing) = (BTreeSet::new(), BTreeSet::new());
        let mut ignored = BTreeSet::new();
        let mut ready = 0;
        for pod in self.all {
            let name = pod.name().to_owned();
            let phase = pod.text(&["status", "phase"]);
            if pod.is_being_deleted() || phase == "Failed" {
                ignored.insert(name);
            } else if phase == "Pending" {
                unready.insert(name);
            } else if !self.amounts.contains_key(&name) {
                missing.insert(name);
            } else if self.is_cpu && self.is_starting(pod) {
                unready.insert(name);
            } else {
                ready += 1;
            }
        }
        (ready, unready, missing, ignored)
    }

    fn is_starting(&self, pod: &Object) -> bool {
        let known = pod.items(&["status", "conditions"]);
        let condition = conditions::find(known, "Ready");
        let start = time::time_at(pod, &["status", "startTime"]);
        let (Some(condition), Some(start)) = (condition, start) else {
            return true;
        };
        let is_unready = condition["status"] == "False";
        let since = time::time_of(&condition["lastTransitionTime"]).unwrap_or(start);
        let after = |at: Timestamp, pause: Duration| at.checked_add(pause).unwrap_or(at);
        if after(start, INITIALIZATION) > self.now {
            let window = Duration::from_secs(WINDOW_SECONDS.unsigned_abs());
            return is_unready || self.now < after(since, window);
        }
        is_unready && after(start, FIRST_READINESS) > since
    }
}

/// How many pods run and are ready.
pub(super) fn ready(pods: &[Arc<Object>]) -> Result<i64, String> {
    if pods.is_empty() {
        let why = "no pods returned by selector while calculating replica count";
        return Err(format!("unable to calculate ready pods: {why}"));
    }
    let runs =
        |pod: &&Arc<Object>| pod.text(&["status", "phase"]) == "Running" && pods::is_ready(pod);
    Ok(pods.iter().filter(runs).count() as i64)
}

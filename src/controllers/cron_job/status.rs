//! The Jobs a CronJob has running, and when the last began and succeeded.
//!
//! *Upstream:* `pkg/controller/cronjob/cronjob_controllerv2.go` (`syncCronJob`).

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::shared::conditions;
use super::events;
use crate::object::{Object, time};
use crate::runner::kinds::{CRON_JOBS, JOBS};
use crate::runner::{Plan, Step, World};

/// See the module.
pub(super) struct Status {
    active: Vec<Value>,
    last_schedule: Option<Timestamp>,
    last_success: Option<Timestamp>,
}

/// The condition that says that a Job is finished.
pub(super) fn end(job: &Object) -> Option<&'static str> {
    let conditions = job.items(&["status", "conditions"]);
    let is_true = |kind: &&&str| conditions::is_true(conditions, kind);
    ["Complete", "Failed"].iter().find(is_true).copied()
}

impl Status {
    pub(super) fn of(cron: &Object) -> Self {
        Self {
            active: cron.items(&["status", "active"]).to_vec(),
            last_schedule: time::time_at(cron, &["status", "lastScheduleTime"]),
            last_success: time::time_at(cron, &["status", "lastSuccessfulTime"]),
        }
    }

    /// Takes note of Jobs that are finished, unknown or gone.
    pub(super) fn follow(
        &mut self,
        world: &World,
        cron: &Object,
        jobs: &[Arc<Object>],
        plan: &mut Plan,
    ) {
        for job in jobs {
            let is_known = self.active.iter().any(|one| one["uid"] == job.uid());
            let Some(end) = end(job) else {
                if !is_known {
                    let message = format!(
                        "Saw a job that the controller did not create or forgot: {}",
                        job.name()
                    );
                    plan.event(events::warning(cron, "UnexpectedJob", message));
                }
                continue;
            };
            if is_known {
                self.forget(job.uid());
                let message = format!("Saw completed job: {}, condition: {end}", job.name());
                plan.event(events::normal(cron, "SawCompletedJob", message));
            }
            if end == "Complete" {
                let completed = time::time_at(job, &["status", "completionTime"]);
                self.last_success = self.last_success.max(completed);
            }
        }
        for one in self.active.clone() {
            let text = |field: &str| one[field].as_str().unwrap_or("").to_owned();
            let is_there = jobs.iter().any(|job| job.uid() == text("uid"));
            let (namespace, name) = (text("namespace"), text("name"));
            if !is_there && world.get(&JOBS, &namespace, &name).is_none() {
                let message = format!("Active job went missing: {name}");
                plan.event(events::normal(cron, "MissingJob", message));
                self.forget(&text("uid"));
            }
        }
    }

    pub(super) fn forget(&mut self, uid: &str) {
        self.active.retain(|one| one["uid"] != uid);
    }

    /// Notes a Job that was made.
    pub(super) fn begin(&mut self, job: &Object, scheduled: Timestamp) {
        if self.active.iter().any(|one| one["uid"] == job.uid()) {
            return;
        }
        self.active.push(json!({
            "apiVersion": JOBS.api_version(),
            "kind": JOBS.kind.as_ref(),
            "namespace": job.namespace(),
            "name": job.name(),
            "uid": job.uid(),
            "resourceVersion": job.resource_version(),
        }));
        self.last_schedule = Some(scheduled);
    }

    pub(super) fn is_active(&self) -> bool {
        !self.active.is_empty()
    }

    /// The names of the Jobs that are running.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |one: &Value| one["name"].as_str().unwrap_or("").to_owned();
        self.active.iter().map(name).collect()
    }

    pub(super) fn has_name(&self, name: &str) -> bool {
        self.active.iter().any(|one| one["name"] == name)
    }

    pub(super) fn is_last(&self, time: Timestamp) -> bool {
        self.last_schedule == Some(time)
    }

    /// Writes the status, if it is another than the stored one.
    pub(super) fn update(self, cron: &Object) -> Plan {
        let mut status = json!({});
        if !self.active.is_empty() {
            status["active"] = self.active.into();
        }
        let times = [
            ("lastScheduleTime", self.last_schedule),
            ("lastSuccessfulTime", self.last_success),
        ];
        for (field, at) in times {
            if let Some(at) = at {
                status[field] = time::seconds(at).into();
            }
        }
        let known = cron.get(&["status"]).cloned().unwrap_or_else(|| json!({}));
        if known == status {
            return Plan::nothing();
        }
        let mut changed = cron.clone();
        changed.set(&["status"], status);
        Plan::of(Step::update_status(&CRON_JOBS, changed))
    }
}

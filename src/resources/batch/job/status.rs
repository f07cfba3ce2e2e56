//! The status of a job: counters that add up, and conditions that do not turn back.
//!
//! *Upstream:* `pkg/apis/batch/validation/validation.go` (`validateJobStatus`,
//! `ValidateJobStatusUpdate`), `pkg/registry/batch/job/strategy.go` (`getStatusValidationOptions`).

use serde_json::Value;

use super::indexes;
use super::policy::invalid_without_value;
use crate::error::FieldErrors;
use crate::object::{Object, time};
use crate::resources::shared::look::Look;
use crate::resources::shared::workload::{STATUS, counters};

/// Whether a condition of a job is true.
pub(super) fn is_true(job: &Object, kind: &str) -> bool {
    has(job, kind, "True")
}

fn has(job: &Object, kind: &str, status: &str) -> bool {
    let conditions = job.at("status").list("conditions").iter();
    conditions
        .filter(|condition| condition.text("type") == kind)
        .any(|condition| condition.text("status") == status)
}

fn is_finished(job: &Object) -> bool {
    is_true(job, "Complete") || is_true(job, "Failed")
}

/// The states before and after, to ask what changed: a rule holds for what a write changes, so
/// that a status that is wrong already can be mended piece by piece.
struct Change<'a> {
    new: &'a Object,
    old: &'a Object,
}

impl<'a> Change<'a> {
    fn status(&self) -> &'a Value {
        self.new.at("status")
    }

    fn of_field(&self, field: &str) -> bool {
        self.status().at(field) != self.old.at("status").at(field)
    }

    fn of_condition(&self, kind: &str) -> bool {
        is_true(self.new, kind) != is_true(self.old, kind)
    }

    fn of_end(&self) -> bool {
        is_finished(self.new) != is_finished(self.old)
    }
}

/// Everything that is wrong with a new status.
pub(super) fn validate(errors: &mut FieldErrors, job: &Object, old: &Object) {
    let change = Change { new: job, old };
    let status = change.status();
    let fields = ["active", "succeeded", "failed", "ready", "terminating"];
    counters(errors, &STATUS, status, &fields);
    uncounted(errors, status);
    completion(errors, &change);
    end(errors, &change);
    all_indexes(errors, &change);
    let (ready, active) = (status.number("ready"), status.number("active"));
    if (change.of_field("ready") || change.of_field("active"))
        && status.has("ready")
        && ready > active
    {
        let detail = "cannot set more ready pods than active";
        errors.invalid(&STATUS.child("ready"), &ready.into(), detail);
    }
    contradictions(errors, job);
    transitions(errors, &change);
}

fn uncounted(errors: &mut FieldErrors, status: &Value) {
    let path = STATUS.child("uncountedTerminatedPods");
    let mut seen: Vec<&str> = Vec::new();
    for field in ["succeeded", "failed"] {
        let path = path.child(field);
        let list = status.at("uncountedTerminatedPods");
        for (i, uid) in list.texts(field).enumerate() {
            if uid.is_empty() {
                errors.invalid(&path.index(i), &uid.into(), "must not be empty");
            } else if seen.contains(&uid) {
                errors.duplicate(&path.index(i), &uid.into());
            } else {
                seen.push(uid);
            }
        }
    }
}

/// Completion and its time go together, and failure with neither.
fn completion(errors: &mut FieldErrors, change: &Change) {
    let (job, status) = (change.new, change.status());
    let path = STATUS.child("conditions");
    let is_complete = is_true(job, "Complete");
    let completed = change.of_condition("Complete");
    if (completed || change.of_condition("Failed")) && is_complete && is_true(job, "Failed") {
        let detail = "cannot set Complete=True and Failed=true conditions";
        invalid_without_value(errors, &path, detail);
    }
    let targeted = change.of_condition("FailureTarget");
    if (completed || targeted) && is_complete && is_true(job, "FailureTarget") {
        let detail = "cannot set Complete=True and FailureTarget=true conditions";
        invalid_without_value(errors, &path, detail);
    }
    let time_path = STATUS.child("completionTime");
    let (start, end) = (status.at("startTime"), status.at("completionTime"));
    if completed || change.of_field("completionTime") {
        if !end.is_null() && !is_complete {
            let detail = "cannot set completionTime when there is no Complete=True condition";
            errors.invalid(&time_path, end, detail);
        }
        if end.is_null() && is_complete {
            let detail = "completionTime is required for Complete jobs";
            errors.required(&time_path, detail);
        }
    }
    let is_before = || {
        let at = |value: &Value| value.as_str().and_then(time::parse);
        matches!((at(start), at(end)), (Some(start), Some(end)) if end < start)
    };
    if (change.of_field("startTime") || change.of_field("completionTime")) && is_before() {
        let detail = "must be equal to or after `startTime`";
        errors.invalid(&time_path, end, detail);
    }
    let failed = change.of_condition("Failed") || change.of_field("failedIndexes");
    if failed && is_true(job, "Failed") && !is_true(job, "FailureTarget") {
        let detail = "cannot set Failed=True condition without the FailureTarget=true condition";
        invalid_without_value(errors, &path, detail);
    }
    let met = change.of_condition("SuccessCriteriaMet");
    if (completed || met) && is_complete && !is_true(job, "SuccessCriteriaMet") {
        let detail =
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition";
        invalid_without_value(errors, &path, detail);
    }
}

/// A job that is over has nothing running and nothing left to count.
fn end(errors: &mut FieldErrors, change: &Change) {
    let (job, status) = (change.new, change.status());
    if !is_finished(job) {
        return;
    }
    let ended = change.of_end();
    if (ended || change.of_field("active")) && status.number("active") > 0 {
        let detail = "active>0 is invalid for finished job";
        errors.invalid(&STATUS.child("active"), status.at("active"), detail);
    }
    let spec = job.at("spec");
    let never_ran = spec.is_true("suspend") && spec.integer("completions") == Some(0);
    let started = ended || change.of_field("startTime");
    if started && !never_ran && !status.has("startTime") {
        let detail = "startTime is required for finished job";
        errors.required(&STATUS.child("startTime"), detail);
    }
    let field = "uncountedTerminatedPods";
    let left = status.at(field);
    let is_left = !left.list("succeeded").is_empty() || !left.list("failed").is_empty();
    if (ended || change.of_field(field)) && is_left {
        errors.invalid(&STATUS.child(field), left, "must be empty for finished job");
    }
    if (ended || change.of_field("terminating")) && status.number("terminating") > 0 {
        let detail = "terminating>0 is invalid for finished job";
        errors.invalid(
            &STATUS.child("terminating"),
            status.at("terminating"),
            detail,
        );
    }
}

fn all_indexes(errors: &mut FieldErrors, change: &Change) {
    let (spec, status) = (change.new.at("spec"), change.status());
    let completions = spec.integer("completions");
    let completed = status.text("completedIndexes");
    let failed = status.maybe_text("failedIndexes");
    let completed_path = STATUS.child("completedIndexes");
    let failed_path = STATUS.child("failedIndexes");
    let is_completed_new = change.of_field("completedIndexes");
    let is_failed_new = change.of_field("failedIndexes");
    if let (true, Some(completions)) = (is_completed_new, completions)
        && let Err(why) = indexes::count(completed, completions)
    {
        let detail = format!("error parsing completedIndexes: {why}");
        errors.invalid(&completed_path, &completed.into(), detail);
    }
    let has_limit = spec.has("backoffLimitPerIndex");
    if let (true, true, Some(failed), Some(completions)) =
        (is_failed_new, has_limit, failed, completions)
        && let Err(why) = indexes::count(failed, completions)
    {
        let detail = format!("error parsing failedIndexes: {why}");
        errors.invalid(&failed_path, &failed.into(), detail);
    }
    let is_indexed = spec.text("completionMode") == "Indexed";
    if is_completed_new && !completed.is_empty() && !is_indexed {
        errors.invalid(
            &completed_path,
            &completed.into(),
            "cannot set non-empty completedIndexes when non-indexed completion mode",
        );
    }
    let Some(failed) = failed else {
        return;
    };
    if is_failed_new && !has_limit {
        errors.invalid(
            &failed_path,
            &failed.into(),
            "cannot set non-null failedIndexes when backoffLimitPerIndex is null",
        );
    }
    if let (true, Some(completions)) = (is_failed_new || is_completed_new, completions)
        && let Some(index) = indexes::overlap(completed, failed, completions)
    {
        let detail = format!("failedIndexes and completedIndexes overlap at index: {index}");
        errors.invalid(&failed_path, &failed.into(), detail);
    }
}

fn contradictions(errors: &mut FieldErrors, job: &Object) {
    let path = STATUS.child("conditions");
    let is_met = is_true(job, "SuccessCriteriaMet");
    let wrong = [
        (
            is_met && is_true(job, "Failed"),
            "cannot set SuccessCriteriaMet=True and Failed=true conditions",
        ),
        (
            is_met && is_true(job, "FailureTarget"),
            "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
        ),
        (
            job.at("spec").has("successPolicy") && !is_met && is_true(job, "Complete"),
            "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True",
        ),
    ];
    for (_, detail) in wrong.into_iter().filter(|(is_wrong, _)| *is_wrong) {
        invalid_without_value(errors, &path, detail);
    }
}

fn transitions(errors: &mut FieldErrors, change: &Change) {
    let (job, old, status) = (change.new, change.old, change.status());
    let was = old.at("status");
    let path = STATUS.child("conditions");
    for kind in ["Failed", "Complete", "FailureTarget"] {
        if is_true(old, kind) && !is_true(job, kind) {
            let detail = format!("cannot disable the terminal {kind}=True condition");
            invalid_without_value(errors, &path, &detail);
        }
    }
    let spec = job.at("spec");
    let may_shrink = spec.text("completionMode") == "Indexed"
        && spec.at("completions") == spec.at("parallelism");
    for (field, may_fall) in [("failed", false), ("succeeded", may_shrink)] {
        let count = status.number(field);
        if !may_fall && count < was.number(field) {
            let detail = format!("cannot decrease the {field} counter");
            errors.invalid(&STATUS.child(field), &count.into(), detail);
        }
    }
    let is_moved = |field: &str| was.has(field) && change.of_field(field);
    if is_moved("completionTime") && status.has("completionTime") {
        errors.invalid(
            &STATUS.child("completionTime"),
            status.at("completionTime"),
            "field is immutable",
        );
    }
    let is_resuming = is_true(old, "Suspended") && has(job, "Suspended", "False");
    if is_moved("startTime") && !is_resuming && !spec.is_true("suspend") {
        errors.invalid(
            &STATUS.child("startTime"),
            status.at("startTime"),
            "field is immutable for unsuspended job once set",
        );
    }
    let was_met = is_true(old, "SuccessCriteriaMet");
    let is_met = is_true(job, "SuccessCriteriaMet");
    if was_met && !is_met {
        let detail = "cannot disable the SuccessCriteriaMet=True condition";
        invalid_without_value(errors, &path, detail);
    }
    if is_true(old, "Complete") && !was_met && is_met {
        let detail =
            "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
        invalid_without_value(errors, &path, detail);
    }
}

//! What the failure of a pod means for its Job.
//!
//! *Upstream:* `pkg/controller/job/pod_failure_policy.go`.

use serde_json::Value;

use crate::object::Object;

/// A rule that a failed pod meets.
struct Match {
    action: String,
    message: String,
}

fn find(job: &Object, pod: &Object) -> Option<Match> {
    let rules = job.items(&["spec", "podFailurePolicy", "rules"]);
    let (namespace, name) = (pod.namespace(), pod.name());
    rules.iter().enumerate().find_map(|(index, rule)| {
        let action = rule["action"].as_str().unwrap_or("").to_owned();
        let message = if let Some(wanted) = rule.get("onExitCodes").filter(|one| !one.is_null()) {
            let status = container(pod, wanted)?;
            let (container, code) = (&status["name"], &status["state"]["terminated"]["exitCode"]);
            let container = container.as_str().unwrap_or("");
            format!(
                "Container {container} for pod {namespace}/{name} failed with exit code {code} matching {action} rule at index {index}"
            )
        } else {
            let kind = condition(pod, &rule["onPodConditions"])?;
            format!(
                "Pod {namespace}/{name} has condition {kind} matching {action} rule at index {index}"
            )
        };
        Some(Match { action, message })
    })
}

/// The status of the first container that ended with such a code.
fn container<'a>(pod: &'a Object, wanted: &Value) -> Option<&'a Value> {
    let statuses = |list| pod.items(&["status", list]).iter();
    let mut all = statuses("containerStatuses").chain(statuses("initContainerStatuses"));
    let name = wanted["containerName"].as_str();
    let values = wanted["values"].as_array().map_or(&[][..], Vec::as_slice);
    all.find(|status| {
        let code = status["state"]["terminated"]["exitCode"].as_i64();
        let Some(code) = code.filter(|code| *code != 0) else {
            return false;
        };
        let is_listed = values.iter().any(|value| value.as_i64() == Some(code));
        let is_met = match wanted["operator"].as_str() {
            Some("In") => is_listed,
            Some("NotIn") => !is_listed,
            _ => false,
        };
        is_met && name.is_none_or(|name| status["name"] == name)
    })
}

/// The type of the first condition that a pattern matches.
fn condition<'a>(pod: &'a Object, patterns: &Value) -> Option<&'a str> {
    let patterns = patterns.as_array()?;
    let conditions = pod.items(&["status", "conditions"]).iter();
    let mut found = conditions.filter(|condition| {
        let is_like = |pattern: &Value| {
            pattern["type"] == condition["type"] && pattern["status"] == condition["status"]
        };
        patterns.iter().any(is_like)
    });
    found.next()?["type"].as_str()
}

/// Whether a failed pod counts towards the limit.
pub(super) fn counts(job: &Object, pod: &Object) -> bool {
    find(job, pod).is_none_or(|found| found.action != "Ignore")
}

/// Whether it ends its index.
pub(super) fn fails_index(job: &Object, pod: &Object) -> bool {
    find(job, pod).is_some_and(|found| found.action == "FailIndex")
}

/// Why it ends its Job, if it does.
pub(super) fn fails_job(job: &Object, pod: &Object) -> Option<String> {
    let found = find(job, pod).filter(|found| found.action == "FailJob");
    found.map(|found| found.message)
}

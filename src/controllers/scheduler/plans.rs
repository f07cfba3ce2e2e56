//! What kube-scheduler writes: bindings, why a pod has no node, and who makes way for whom.
//!
//! *Upstream:* `pkg/scheduler/schedule_one.go`, `pkg/scheduler/framework/preemption/executor.go`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::volumes::{SELECTED_NODE, Volumes};
use crate::client::PatchKind;
use crate::controllers::shared::conditions;
use crate::object::{Object, time};
use crate::runner::kinds::{PERSISTENT_VOLUME_CLAIMS, PODS};
use crate::runner::{About, Event, Outcome, Plan, Step};

/// Who schedules pods that do not say by whom.
pub(super) const NAME: &str = "default-scheduler";

/// Gives a pod its node.
pub(super) fn bind(pod: &Object, node: &str) -> Plan {
    let (namespace, name) = (pod.namespace(), pod.name());
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name, "namespace": namespace, "uid": pod.uid()},
        "target": {"kind": "Node", "name": node},
    });
    let message = format!("Successfully assigned {namespace}/{name} to {node}");
    let about = About::object(&PODS, pod);
    let step = Step::create_under(&PODS, (namespace, name), "binding", binding);
    Plan::of(step.tell(move |outcome: &Outcome| {
        let event = Event::normal(about, NAME, "Scheduled", message).action("Binding");
        outcome.is_success().then_some(event)
    }))
}

/// Tells the claims that wait for a node which one it will be. The pod is bound when they are.
pub(super) fn select_node(pod: &Object, volumes: &Volumes, node: &str) -> Plan {
    let mut plan = Plan::nothing();
    for (claim, told) in &volumes.delayed {
        if told.as_deref() != Some(node) {
            let patch = json!({"metadata": {"annotations": {SELECTED_NODE: node}}});
            let (kind, how) = (&PERSISTENT_VOLUME_CLAIMS, PatchKind::Merge);
            plan.step(Step::patch(kind, pod.namespace(), claim, how, patch));
        }
    }
    plan
}

/// Writes the condition that says why a pod has no node, where it does not say so yet, and for
/// which node others make way.
pub(super) fn fail(pod: &Object, message: &str, nominated: Option<&str>, now: Timestamp) -> Plan {
    tell(pod, ("Unschedulable", message), nominated, now)
}

/// The same where something went wrong.
pub(super) fn err(pod: &Object, message: &str, now: Timestamp) -> Plan {
    tell(pod, ("SchedulerError", message), None, now)
}

fn tell(
    pod: &Object,
    (reason, message): (&str, &str),
    nominated: Option<&str>,
    now: Timestamp,
) -> Plan {
    let known = conditions::find(pod.items(&["status", "conditions"]), "PodScheduled");
    let same = |field: &str, text: &str| known.is_some_and(|known| known[field] == text);
    let mut status = json!({});
    let is_known = same("status", "False") && same("reason", reason) && same("message", message);
    if !is_known {
        let since = known.filter(|_| same("status", "False"));
        let since = since.map_or_else(
            || Value::String(time::seconds(now)),
            |known| known["lastTransitionTime"].clone(),
        );
        status["conditions"] = json!([{
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": null,
            "lastTransitionTime": since,
            "observedGeneration": pod.generation(),
            "reason": reason,
            "message": message,
        }]);
    }
    if let Some(node) = nominated {
        status["nominatedNodeName"] = node.into();
    }
    let mut plan = Plan::nothing();
    if status.as_object().is_some_and(|status| !status.is_empty()) {
        plan.step(patch_status(pod, &status));
    }
    let about = About::object(&PODS, pod);
    let event = Event::warning(about, NAME, "FailedScheduling", message);
    plan.event(event.action("Scheduling"));
    plan
}

/// Has pods make way for another on their node.
pub(super) fn preempt(pod: &Object, node: &str, victims: &[Arc<Object>], now: Timestamp) -> Plan {
    let mut plan = Plan::nothing();
    for victim in victims {
        let status = json!({"conditions": [{
            "type": "DisruptionTarget",
            "status": "True",
            "lastProbeTime": null,
            "lastTransitionTime": time::seconds(now),
            "observedGeneration": victim.generation(),
            "reason": "PreemptionByScheduler",
            "message": format!("{NAME}: preempting to accommodate a higher priority pod"),
        }]});
        plan.step(patch_status(victim, &status).or_go_on());
        plan.step(Step::delete(&PODS, victim).or_go_on());
        let message = format!("Preempted by pod {} on node {node}", pod.uid());
        let about = About::object(&PODS, victim);
        plan.event(Event::normal(about, NAME, "Preempted", message).action("Preempting"));
    }
    plan
}

fn patch_status(pod: &Object, status: &Value) -> Step {
    let patch = json!({"metadata": {"uid": pod.uid()}, "status": status});
    let how = PatchKind::Strategic;
    let step = Step::patch(&PODS, pod.namespace(), pod.name(), how, patch);
    step.subresource("status")
}

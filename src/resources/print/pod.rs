//! Pods, and what is made of pod templates.
//!
//! *Upstream:* `printPod`, `printPodTemplate` of `pkg/printers/internalversion/printers.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::shared::{self, NONE};
use crate::object::{Object, time};
use crate::registry::Printer;

pub(super) const POD: Printer = Printer {
    conditions: Some(conditions),
    ..Printer::new("core.Pod", cells)
};

pub(super) const POD_TEMPLATE: Printer = Printer::new("core.PodTemplate", |object, _| {
    let [names, images] = shared::containers(object, &["template", "spec", "containers"]);
    let labels = shared::labels(object, &["template", "metadata", "labels"]);
    vec![shared::name(object), names, images, labels]
});

/// What the containers' statuses add up to.
#[derive(Default)]
struct Tally {
    ready: i64,
    total: i64,
    restarts: i64,
    last_restart: Option<Timestamp>,
    reason: String,
}

impl Tally {
    fn add_restarts(&mut self, status: &Value) {
        self.restarts += status["restartCount"].as_i64().unwrap_or(0);
        let finished = status["lastState"]["terminated"]["finishedAt"].as_str();
        let finished = finished.and_then(time::parse);
        self.last_restart = self.last_restart.max(finished);
    }
}

fn cells(pod: &Object, now: Timestamp) -> Vec<Value> {
    let tally = tally(pod);
    let reason = match pod.text(&["status", "reason"]) {
        "NodeLost" if pod.is_being_deleted() => "Unknown".to_owned(),
        _ if pod.is_being_deleted() && !is_terminal(pod) => "Terminating".to_owned(),
        _ => tally.reason,
    };
    let restarts = match tally.last_restart {
        Some(last) if tally.restarts != 0 => {
            let since = shared::between(last, now);
            format!("{} ({since} ago)", tally.restarts)
        }
        _ => tally.restarts.to_string(),
    };
    let address = pod.items(&["status", "podIPs"]).first();
    let address = address.and_then(|entry| entry["ip"].as_str()).unwrap_or("");
    vec![
        shared::name(pod),
        format!("{}/{}", tally.ready, tally.total).into(),
        reason.into(),
        restarts.into(),
        shared::age(pod, now),
        shared::non_empty(address, NONE).into(),
        shared::filled_or(pod, &["spec", "nodeName"], NONE),
        shared::filled_or(pod, &["status", "nominatedNodeName"], NONE),
        readiness_gates(pod).into(),
    ]
}

fn is_terminal(pod: &Object) -> bool {
    matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed")
}

fn conditions(pod: &Object) -> Option<Value> {
    let (reason, message) = match pod.text(&["status", "phase"]) {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([
        { "type": "Completed", "status": "True", "reason": reason, "message": message }
    ]))
}

fn readiness_gates(pod: &Object) -> String {
    let gates = pod.items(&["spec", "readinessGates"]);
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let conditions = pod.items(&["status", "conditions"]);
    let is_open = |gate: &&Value| {
        let mut conditions = conditions.iter();
        conditions
            .find(|condition| condition["type"] == gate["conditionType"])
            .is_some_and(|condition| condition["status"] == "True")
    };
    let open = gates.iter().filter(is_open).count();
    format!("{open}/{}", gates.len())
}

/// Sidecars count as containers, and their restarts go on counting once the pod has started.
fn tally(pod: &Object) -> Tally {
    let init_containers = pod.items(&["spec", "initContainers"]);
    let is_sidecar = |name: &Value| {
        init_containers
            .iter()
            .any(|container| container["name"] == *name && container["restartPolicy"] == "Always")
    };
    let sidecars = init_containers
        .iter()
        .filter(|container| container["restartPolicy"] == "Always")
        .count();
    let containers = shared::count(pod, &["spec", "containers"]);
    let mut tally = Tally {
        total: (containers + sidecars) as i64,
        reason: base_reason(pod),
        ..Tally::default()
    };
    let mut started = Tally::default();
    let mut is_initializing = false;
    for (place, status) in pod
        .items(&["status", "initContainerStatuses"])
        .iter()
        .enumerate()
    {
        let is_sidecar = is_sidecar(&status["name"]);
        tally.add_restarts(status);
        if is_sidecar {
            started.add_restarts(status);
        }
        if status["state"]["terminated"]["exitCode"] == 0 {
            continue;
        }
        if is_sidecar && status["started"] == true {
            tally.ready += i64::from(status["ready"] == true);
            continue;
        }
        tally.reason = init_reason(&status["state"], place, init_containers.len());
        is_initializing = true;
        break;
    }
    let is_initialized = pod
        .items(&["status", "conditions"])
        .iter()
        .find(|condition| condition["type"] == "Initialized")
        .is_some_and(|condition| condition["status"] == "True");
    if !is_initializing || is_initialized {
        tally.restarts = started.restarts;
        tally.last_restart = started.last_restart;
        add_containers(pod, &mut tally);
    }
    tally
}

/// The phase, or what the status gives as a reason; a gated pod says so.
fn base_reason(pod: &Object) -> String {
    let is_gated = pod
        .items(&["status", "conditions"])
        .iter()
        .any(|entry| entry["type"] == "PodScheduled" && entry["reason"] == "SchedulingGated");
    if is_gated {
        return "SchedulingGated".to_owned();
    }
    let reason = pod.text(&["status", "reason"]);
    shared::non_empty(reason, pod.text(&["status", "phase"])).to_owned()
}

fn init_reason(state: &Value, place: usize, total: usize) -> String {
    let waiting = state["waiting"]["reason"].as_str().unwrap_or("");
    if state["terminated"].is_object() {
        format!("Init:{}", terminated_reason(&state["terminated"]))
    } else if !waiting.is_empty() && waiting != "PodInitializing" {
        format!("Init:{waiting}")
    } else {
        format!("Init:{place}/{total}")
    }
}

fn terminated_reason(terminated: &Value) -> String {
    let reason = terminated["reason"].as_str().unwrap_or("");
    let signal = terminated["signal"].as_i64().unwrap_or(0);
    if !reason.is_empty() {
        reason.to_owned()
    } else if signal != 0 {
        format!("Signal:{signal}")
    } else {
        format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or(0))
    }
}

/// The last container that is not well names the reason.
fn add_containers(pod: &Object, tally: &mut Tally) {
    let mut has_running = false;
    let mut failure = String::new();
    for status in pod.items(&["status", "containerStatuses"]).iter().rev() {
        tally.add_restarts(status);
        let state = &status["state"];
        let waiting = state["waiting"]["reason"].as_str().unwrap_or("");
        if !waiting.is_empty() {
            waiting.clone_into(&mut tally.reason);
        } else if state["terminated"].is_object() {
            tally.reason = terminated_reason(&state["terminated"]);
            if state["terminated"]["exitCode"].as_i64().unwrap_or(0) != 0 {
                tally.reason.clone_into(&mut failure);
            }
        } else if status["ready"] == true && state["running"].is_object() {
            has_running = true;
            tally.ready += 1;
        }
    }
    if tally.reason == "Completed" {
        let is_ready = pod
            .items(&["status", "conditions"])
            .iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
        if has_running && is_ready {
            "Running".clone_into(&mut tally.reason);
        } else if !failure.is_empty() {
            tally.reason = failure;
        } else if has_running {
            "NotReady".clone_into(&mut tally.reason);
        }
    }
}

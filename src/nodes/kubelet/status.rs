//! What a pod's status is, given its containers.
//!
//! *Upstream:* `pkg/kubelet/{kubelet_pods.go (getPhase),status/generate.go}`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::container::{Container, Next};
use crate::object::{Object, time};

/// What becomes of a pod.
pub(super) struct Life {
    /// The parts of its status that containers decide.
    pub(super) status: Value,
    /// When to look again.
    pub(super) wake: Option<Duration>,
    /// Of which containers there is what trouble to tell: field path, reason, message.
    pub(super) troubles: Vec<(String, &'static str, String)>,
}

/// Moves all of a pod's containers on.
pub(super) fn live(pod: &Object, now: Timestamp) -> Life {
    let mut is_blocked = false;
    let mut wakes = Vec::new();
    let mut troubles = Vec::new();
    let mut take = |container: &Container<'_>, next: Next, list: &str| {
        wakes.extend(next.wake);
        if let Some((reason, message)) = next.trouble {
            let path = format!("spec.{list}{{{}}}", container.name());
            troubles.push((path, reason, message));
        }
        next.status
    };
    let mut inits = Vec::new();
    for container in containers(pod, true, now) {
        let next = if is_blocked {
            container.waiting()
        } else {
            container.advance()
        };
        is_blocked |= !lets_others_go_on(&container, &next.status);
        inits.push(take(&container, next, "initContainers"));
    }
    let mut mains = Vec::new();
    for container in containers(pod, false, now) {
        let next = if is_blocked {
            container.waiting()
        } else {
            container.advance()
        };
        mains.push(take(&container, next, "containers"));
    }
    if !mains.is_empty() && mains.iter().all(|one| is_final(pod, one)) {
        end_sidecars(pod, &mut inits, now);
    }
    let phase = phase(pod, &inits, &mains);
    let mut status = json!({
        "phase": phase,
        "conditions": conditions(pod, phase, (&inits, &mains), now),
        "containerStatuses": mains,
    });
    if !inits.is_empty() {
        status["initContainerStatuses"] = inits.into();
    }
    let added: Vec<Value> = ephemeral(pod, now).collect();
    if !added.is_empty() && !is_blocked {
        status["ephemeralContainerStatuses"] = added.into();
    }
    Life {
        status,
        wake: wakes.into_iter().min(),
        troubles,
    }
}

/// The containers of a pod with the statuses they have.
pub(super) fn containers(
    pod: &Object,
    is_init: bool,
    now: Timestamp,
) -> impl Iterator<Item = Container<'_>> {
    let (specs, statuses) = if is_init {
        ("initContainers", "initContainerStatuses")
    } else {
        ("containers", "containerStatuses")
    };
    listed(pod, (specs, statuses), now).map(move |container| Container {
        is_init,
        ..container
    })
}

/// The containers that somebody added to look into the pod, each with its next status.
fn ephemeral(pod: &Object, now: Timestamp) -> impl Iterator<Item = Value> {
    let lists = ("ephemeralContainers", "ephemeralContainerStatuses");
    listed(pod, lists, now).map(|container| {
        let container = Container {
            is_ephemeral: true,
            ..container
        };
        let mut status = container.advance().status;
        // Nobody asks whether they are ready.
        status["ready"] = false.into();
        status
            .as_object_mut()
            .map(|status| status.remove("started"));
        status
    })
}

fn listed<'a>(
    pod: &'a Object,
    (specs, statuses): (&'static str, &'static str),
    now: Timestamp,
) -> impl Iterator<Item = Container<'a>> {
    let known = pod.items(&["status", statuses]);
    let all = pod.items(&["spec", specs]).iter();
    all.map(move |spec| Container {
        pod,
        spec,
        known: known
            .iter()
            .find(|status| status["name"] == spec["name"])
            .unwrap_or(&Value::Null),
        is_init: false,
        is_ephemeral: false,
        now,
    })
}

fn is_running(status: &Value) -> bool {
    status["state"].get("running").is_some()
}

fn exit_code(status: &Value) -> Option<i64> {
    let ended = status["state"].get("terminated")?;
    ended["exitCode"].as_i64()
}

/// Whether the containers after an init container may go on.
fn lets_others_go_on(container: &Container<'_>, status: &Value) -> bool {
    if container.is_sidecar() {
        is_running(status) && status["started"] == true
    } else {
        exit_code(status) == Some(0)
    }
}

/// Whether a container of the pod has ended for good.
fn is_final(pod: &Object, status: &Value) -> bool {
    match pod.text(&["spec", "restartPolicy"]) {
        "Never" => exit_code(status).is_some(),
        "OnFailure" => exit_code(status) == Some(0),
        _ => false,
    }
}

/// Sidecars end when all others have.
fn end_sidecars(pod: &Object, inits: &mut [Value], now: Timestamp) {
    for (container, status) in containers(pod, true, now).zip(inits) {
        if container.is_sidecar() && is_running(status) {
            let started = status["state"]["running"]["startedAt"].clone();
            status["state"] = json!({"terminated": {
                "exitCode": 0,
                "reason": "Completed",
                "startedAt": started,
                "finishedAt": time::seconds(now),
                "containerID": status["containerID"],
            }});
            status["ready"] = false.into();
            status["started"] = false.into();
        }
    }
}

fn phase(pod: &Object, inits: &[Value], mains: &[Value]) -> &'static str {
    let policy = pod.text(&["spec", "restartPolicy"]);
    let has_failed = |status: &&Value| exit_code(status).is_some_and(|code| code != 0);
    let specs = pod.items(&["spec", "initContainers"]).iter();
    let mut are_inits_done = true;
    for (spec, status) in specs.zip(inits) {
        let is_sidecar = spec["restartPolicy"] == "Always";
        if !is_sidecar && policy == "Never" && has_failed(&status) {
            return "Failed";
        }
        are_inits_done &= if is_sidecar {
            is_running(status) || exit_code(status).is_some()
        } else {
            exit_code(status) == Some(0)
        };
    }
    let has_run = |status: &Value| {
        is_running(status)
            || exit_code(status).is_some()
            || status["lastState"].get("terminated").is_some()
    };
    if !are_inits_done || !mains.iter().all(has_run) {
        return "Pending";
    }
    if !mains.iter().all(|status| is_final(pod, status)) {
        return "Running";
    }
    if mains.iter().any(|status| has_failed(&status)) {
        "Failed"
    } else {
        "Succeeded"
    }
}

/// The conditions that a kubelet keeps, in the order in which kwok writes them.
///
/// Differs: `PodReadyToStartContainers` is left out, as kwok does.
fn conditions(
    pod: &Object,
    phase: &str,
    (inits, mains): (&[Value], &[Value]),
    now: Timestamp,
) -> Vec<Value> {
    let specs = pod.items(&["spec", "initContainers"]).iter();
    let late = specs.zip(inits).filter(|(spec, status)| {
        let is_sidecar = spec["restartPolicy"] == "Always";
        let is_done = exit_code(status) == Some(0) || (is_sidecar && is_running(status));
        !is_done
    });
    let late: Vec<&str> = late.filter_map(|(spec, _)| spec["name"].as_str()).collect();
    let is_over = matches!(phase, "Succeeded" | "Failed");
    let unready = mains.iter().filter(|status| status["ready"] != true);
    let unready: Vec<&str> = unready.filter_map(|one| one["name"].as_str()).collect();
    let of = |kind: &str, reason: &str, message: String| {
        let status = if reason.is_empty() { "True" } else { "False" };
        condition(pod, (kind, status), (reason, message), now)
    };
    let initialized = if late.is_empty() {
        let reason = if phase == "Succeeded" {
            "PodCompleted"
        } else {
            ""
        };
        condition(pod, ("Initialized", "True"), (reason, String::new()), now)
    } else {
        let message = format!("containers with incomplete status: [{}]", late.join(" "));
        of("Initialized", "ContainersNotInitialized", message)
    };
    let unready_message = format!("containers with unready status: [{}]", unready.join(" "));
    let (reason, message) = match phase {
        "Succeeded" => ("PodCompleted", String::new()),
        "Failed" if is_over => ("PodFailed", String::new()),
        _ if unready.is_empty() => ("", String::new()),
        _ => ("ContainersNotReady", unready_message),
    };
    let containers_ready = of("ContainersReady", reason, message.clone());
    let ready = match closed_gates(pod) {
        Some(gates) if reason.is_empty() => of("Ready", "ReadinessGatesNotReady", gates),
        _ => of("Ready", reason, message),
    };
    vec![initialized, ready, containers_ready]
}

/// What is said of readiness gates that are closed.
fn closed_gates(pod: &Object) -> Option<String> {
    let conditions = pod.items(&["status", "conditions"]);
    let mut messages = Vec::new();
    for gate in pod.items(&["spec", "readinessGates"]) {
        let kind = gate["conditionType"].as_str().unwrap_or("");
        match conditions.iter().find(|one| one["type"] == kind) {
            None => messages.push(format!(
                "corresponding condition of pod readiness gate \"{kind}\" does not exist."
            )),
            Some(one) if one["status"] != "True" => messages.push(format!(
                "the status of pod readiness gate \"{kind}\" is not \"True\", but {}",
                one["status"].as_str().unwrap_or("")
            )),
            Some(_) => {}
        }
    }
    (!messages.is_empty()).then(|| messages.join(", "))
}

/// A condition; one that has the status already keeps its time.
pub(super) fn condition(
    pod: &Object,
    (kind, status): (&str, &str),
    (reason, message): (&str, String),
    now: Timestamp,
) -> Value {
    let known = pod.items(&["status", "conditions"]).iter();
    let mut same = known.filter(|one| one["type"] == kind && one["status"] == status);
    let since = same
        .next()
        .and_then(|one| one["lastTransitionTime"].as_str());
    let since = since.map_or_else(|| time::seconds(now), str::to_owned);
    let mut condition = json!({
        "type": kind,
        "status": status,
        "lastProbeTime": null,
        "lastTransitionTime": since,
    });
    for (field, text) in [("reason", reason), ("message", message.as_str())] {
        // A patch that merges takes away what was there.
        condition[field] = if text.is_empty() {
            Value::Null
        } else {
            text.into()
        };
    }
    condition
}

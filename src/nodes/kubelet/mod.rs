//! Kubelets: pods that are bound to a node start, run, and end.
//!
//! A pod's next status is a function of the one it has, of what its containers do, and of the time;
//! what happens at once is written at once.
//!
//! *Upstream:* `pkg/kubelet/{kubelet.go,pod_workers.go,status/status_manager.go}`, kwok's fast
//! stages.

mod addresses;
mod container;
mod status;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::{Value, json};

use self::addresses::Addresses;
use super::behaviour::{Behaviour, PREFIX, is_of_job};
use super::registration::{address, is_stopped};
use super::stages::{Places, Stages};
use crate::client::PatchKind;
use crate::object::{Object, time};
use crate::runner::kinds::{NODES, PODS, STAGES};
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// See the module.
#[derive(Debug)]
pub(super) struct Kubelets {
    addresses: Addresses,
    stages: Stages,
}

impl Controller for Kubelets {
    fn name(&self) -> &'static str {
        "kubelet"
    }

    fn width(&self) -> usize {
        64
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 3]> = LazyLock::new(|| [&PODS, &NODES, &STAGES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        let key = &seen.object.key;
        if seen.resource == STAGES.resource {
            if Stages::is_about(seen, &PODS)
                && let Some(pods) = world.snapshot(&PODS.resource)
            {
                for pod in pods.objects(None, None) {
                    items.add(&PODS.resource, &pod.key);
                }
            }
            return;
        }
        if seen.resource == NODES.resource {
            let is_other = seen.previous.as_ref().is_none_or(|previous| {
                is_stopped(&previous.parsed()) != is_stopped(&seen.parsed())
            });
            if is_other && !seen.is_gone() {
                for pod in world.pods_on(key.name()) {
                    items.push(&PODS, pod.namespace(), pod.name());
                }
            }
            return;
        }
        if seen.object.field("spec.nodeName").is_none_or(str::is_empty) {
            return;
        }
        let address = seen.object.field("status.podIP").unwrap_or("");
        if seen.is_gone() {
            self.addresses.free(key, address);
        } else {
            self.addresses.take(key, address);
            items.add(&seen.resource, key);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(pod) = world.object(item) else {
            return Plan::nothing();
        };
        let node = world.get(&NODES, "", pod.text(&["spec", "nodeName"]));
        let Some(node) = node.filter(|node| !is_stopped(node)) else {
            return Plan::nothing();
        };
        if self.stages.concern(&PODS) {
            let mut places = Sandbox {
                addresses: &mut self.addresses,
                pod: &pod,
                node: &node,
            };
            let plan = self.stages.play(world, (&PODS, item), &pod, &mut places);
            if let Some(plan) = plan {
                return plan;
            }
        }
        if pod.is_being_deleted() {
            return end(world, &pod);
        }
        if matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed") || is_settled(&pod) {
            return Plan::nothing();
        }
        self.live(world, &pod, &node)
    }

    fn forget(&mut self) {
        self.addresses = Addresses::default();
    }
}

/// Where a pod is, for the Stages that concern it.
struct Sandbox<'a> {
    addresses: &'a mut Addresses,
    pod: &'a Object,
    node: &'a Object,
}

impl Places for Sandbox<'_> {
    fn node_addresses(&mut self, node: &str) -> Vec<String> {
        let host = address(self.node);
        let is_known = node == self.node.name() && !host.is_empty();
        is_known.then(|| host.to_owned()).into_iter().collect()
    }

    fn pod_addresses(&mut self, uses_host: bool) -> Vec<String> {
        if uses_host {
            return self.node_addresses(self.node.name());
        }
        let known = self.pod.text(&["status", "podIP"]);
        if !known.is_empty() {
            return vec![known.to_owned()];
        }
        let given = self.addresses.give(self.node, &self.pod.key());
        given.into_iter().collect()
    }
}

impl Kubelets {
    pub(super) fn new(stages: Stages) -> Self {
        Self {
            addresses: Addresses::default(),
            stages,
        }
    }

    /// Moves a pod on.
    fn live(&mut self, world: &World, pod: &Arc<Object>, node: &Object) -> Plan {
        let now = world.now;
        let started = time::time_at(pod, &["status", "startTime"]);
        let deadline = pod.integer(&["spec", "activeDeadlineSeconds"]);
        let deadline = deadline.and_then(|seconds| u64::try_from(seconds).ok());
        let deadline = deadline.map(|seconds| {
            container::left(started.unwrap_or(now), Duration::from_secs(seconds), now)
        });
        if deadline.is_some_and(|left| left.is_zero()) && started.is_some() {
            return Plan::of(write(pod, &overdue(pod, world)));
        }
        let life = status::live(pod, now);
        let mut status = life.status;
        if started.is_none() {
            status["startTime"] = time::seconds(now).into();
        }
        self.give_address(pod, node, &mut status);
        let mut plan = Plan::nothing();
        if differs(pod, &status) {
            plan.step(write(pod, &status));
            for (path, reason, message) in life.troubles {
                let about = About::object(&PODS, pod).part(path);
                let event = if reason == "BackOff" && message.starts_with("Back-off pulling") {
                    Event::normal(about, "kubelet", reason, message)
                } else {
                    Event::warning(about, "kubelet", reason, message)
                };
                let host = node.name();
                plan.event(event.on(host).acting_as(Identity::Node(host.to_owned())));
            }
        }
        if let Some(wake) = life.wake.into_iter().chain(deadline).min() {
            plan.again(Again::After(wake.max(Duration::from_micros(1))));
        }
        plan
    }

    /// A pod has an address as soon as it has a sandbox.
    fn give_address(&mut self, pod: &Object, node: &Object, status: &mut Value) {
        if !pod.text(&["status", "podIP"]).is_empty() {
            return;
        }
        let host = address(node);
        if !host.is_empty() {
            status["hostIP"] = host.into();
            status["hostIPs"] = json!([{"ip": host}]);
        }
        let own = if pod.is_true(&["spec", "hostNetwork"]) {
            Some(host.to_owned()).filter(|host| !host.is_empty())
        } else {
            self.addresses.give(node, &pod.key())
        };
        if let Some(own) = own {
            status["podIPs"] = json!([{"ip": own}]);
            status["podIP"] = own.into();
        }
    }
}

/// Whether nothing will happen to a pod until somebody changes it: the usual case, seen quickly.
fn is_settled(pod: &Object) -> bool {
    let conditions = pod.items(&["status", "conditions"]);
    let is_ready = |one: &Value| one["type"] == "Ready" && one["status"] == "True";
    pod.text(&["status", "phase"]) == "Running"
        && conditions.iter().any(is_ready)
        && pod.items(&["spec", "readinessGates"]).is_empty()
        && pod.items(&["spec", "ephemeralContainers"]).len()
            == pod.items(&["status", "ephemeralContainerStatuses"]).len()
        && pod.integer(&["spec", "activeDeadlineSeconds"]).is_none()
        && !pod.annotations().any(|(key, _)| key.starts_with(PREFIX))
        && !is_of_job(pod)
}

/// Whether a status says anything that the pod's does not.
fn differs(pod: &Object, status: &Value) -> bool {
    let Some(status) = status.as_object() else {
        return false;
    };
    status.iter().any(|(field, value)| {
        let known = pod.get(&["status", field]).unwrap_or(&Value::Null);
        if field != "conditions" {
            return !is_within(value, known);
        }
        let known = known.as_array().map_or(&[][..], Vec::as_slice);
        let wanted = value.as_array().map_or(&[][..], Vec::as_slice);
        wanted.iter().any(|one| {
            let same = known.iter().find(|known| known["type"] == one["type"]);
            same.is_none_or(|known| !is_within(one, known))
        })
    })
}

/// Whether a value says nothing new: nulls and absent fields are alike.
fn is_within(value: &Value, known: &Value) -> bool {
    match (value, known) {
        (Value::Object(value), Value::Object(known)) => value
            .iter()
            .all(|(field, value)| is_within(value, known.get(field).unwrap_or(&Value::Null))),
        (Value::Array(value), Value::Array(known)) => {
            value.len() == known.len() && value.iter().zip(known).all(|(a, b)| is_within(a, b))
        }
        (value, known) => value == known,
    }
}

fn write(pod: &Object, status: &Value) -> Step {
    let patch = json!({"metadata": {"uid": pod.uid()}, "status": status});
    let how = PatchKind::Strategic;
    let step = Step::patch(&PODS, pod.namespace(), pod.name(), how, patch);
    step.subresource("status").acting_as(identity(pod))
}

fn identity(pod: &Object) -> Identity {
    Identity::Node(pod.text(&["spec", "nodeName"]).to_owned())
}

/// The status of a pod that ran longer than it may.
fn overdue(pod: &Object, world: &World) -> Value {
    let mut status = stopped(pod, world, 137, "Error");
    status["phase"] = "Failed".into();
    status["reason"] = "DeadlineExceeded".into();
    status["message"] = "Pod was active on the node longer than the specified deadline".into();
    status
}

/// The status of a pod whose containers were made to stop.
fn stopped(pod: &Object, world: &World, code: i64, reason: &str) -> Value {
    let now = world.now;
    let mut status = json!({});
    for (is_init, list) in [
        (true, "initContainerStatuses"),
        (false, "containerStatuses"),
    ] {
        let all = status::containers(pod, is_init, now).map(|container| {
            let mut one = container.known.clone();
            if one["state"].get("running").is_some() {
                one["ready"] = false.into();
                one["started"] = false.into();
                one["state"] = json!({"terminated": {
                    "exitCode": code,
                    "reason": reason,
                    "startedAt": one["state"]["running"]["startedAt"],
                    "finishedAt": time::seconds(now),
                    "containerID": one["containerID"],
                }});
            }
            one
        });
        let all: Vec<Value> = all.filter(|one| !one.is_null()).collect();
        if !all.is_empty() {
            status[list] = all.into();
        }
    }
    let failed = ("PodFailed", String::new());
    status["conditions"] = json!([
        status::condition(pod, ("Ready", "False"), failed.clone(), now),
        status::condition(pod, ("ContainersReady", "False"), failed, now),
    ]);
    status
}

/// Ends a pod that is being deleted: its containers have their grace, then it is removed.
fn end(world: &World, pod: &Object) -> Plan {
    let grace = pod.integer(&["metadata", "deletionGracePeriodSeconds"]);
    let grace = Duration::from_secs(
        grace
            .and_then(|grace| u64::try_from(grace).ok())
            .unwrap_or(0),
    );
    let delete = || Step::delete(&PODS, pod).grace(0).acting_as(identity(pod));
    if grace.is_zero() {
        // What is left of it are finalizers, which are somebody else's.
        return Plan::nothing();
    }
    let is_running = pod.text(&["status", "phase"]) == "Running";
    let all = status::containers(pod, false, world.now);
    let pauses = all.map(|one| Behaviour::of(pod, one.spec, false).stop_after);
    let pause = pauses.max().filter(|_| is_running).unwrap_or_default();
    if pause.is_zero() {
        return Plan::of(delete());
    }
    let until = time::time_at(pod, &["metadata", "deletionTimestamp"]).unwrap_or(world.now);
    let asked = until.checked_sub(grace).unwrap_or(until);
    let left = container::left(asked, pause.min(grace), world.now);
    if !left.is_zero() {
        return Plan::nothing().and_again(Again::After(left));
    }
    let (code, reason, phase) = if pause > grace {
        (137, "Error", "Failed")
    } else {
        (0, "Completed", "Succeeded")
    };
    let mut status = stopped(pod, world, code, reason);
    status["phase"] = phase.into();
    let mut plan = Plan::of(write(pod, &status));
    plan.step(delete());
    plan
}

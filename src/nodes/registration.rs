//! Nodes register, say how they are, and renew their leases.
//!
//! A Node that somebody posts gets the same care as those of the fleet.
//!
//! *Upstream:* `pkg/kubelet/{kubelet_node_status.go,nodelease}`, kwok's stages `node-initialize`
//! and `node-heartbeat-with-lease`.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::stages::{Nowhere, Stages};
use crate::client::PatchKind;
use crate::object::{Object, time};
use crate::runner::kinds::{LEASES, NODES, STAGES};
use crate::runner::{
    Again, Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// The annotation of a node whose kubelet has stopped: `true` and it renews no lease, says nothing
/// of itself, and neither starts nor ends pods, until the annotation is gone.
pub const STOPPED: &str = "mockernetes.dev/kubelet-stopped";

/// Where leases of nodes are.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// How long a lease holds.
const LEASE_SECONDS: i64 = 40;

/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(10);

/// A node that has not renewed its lease for so long is noticed.
const NOTICED_AFTER: Duration = Duration::from_secs(50);

/// How often a node says how it is though nothing has changed.
const HEARTBEAT: Duration = Duration::from_mins(5);

/// The conditions of a node that is well: type, status, reason, message.
pub(super) const CONDITIONS: [[&str; 4]; 5] = [
    [
        "Ready",
        "True",
        "KubeletReady",
        "kubelet is posting ready status",
    ],
    [
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ],
    [
        "DiskPressure",
        "False",
        "KubeletHasNoDiskPressure",
        "kubelet has no disk pressure",
    ],
    [
        "PIDPressure",
        "False",
        "KubeletHasSufficientPID",
        "kubelet has sufficient PID available",
    ],
    [
        "NetworkUnavailable",
        "False",
        "RouteCreated",
        "RouteController created a route",
    ],
];

/// See the module.
#[derive(Debug)]
pub(super) struct Registration {
    count: u32,
    /// Nodes register when they start, not whenever the runner begins anew: one that was deleted
    /// stays away.
    is_done: bool,
    stages: Stages,
}

impl Registration {
    pub(super) fn new(count: u32, stages: Stages) -> Self {
        Self {
            count,
            is_done: false,
            stages,
        }
    }
}

impl Controller for Registration {
    fn name(&self) -> &'static str {
        "node-registration"
    }

    fn width(&self) -> usize {
        32
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&NODES, &STAGES]);
        Watches::Kinds(&*KINDS)
    }

    fn begin(&mut self, items: &mut Items) {
        if !self.is_done {
            for number in 1..=self.count {
                items.push(&NODES, "", &format!("node-{number}"));
            }
        }
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == STAGES.resource {
            if Stages::is_about(seen, &NODES)
                && let Some(nodes) = world.snapshot(&NODES.resource)
            {
                for node in nodes.objects(None, None) {
                    items.add(&NODES.resource, &node.key);
                }
            }
            return;
        }
        items.add(&seen.resource, &seen.object.key);
        let is_other = seen
            .previous
            .as_ref()
            .is_none_or(|previous| is_stopped(&previous.parsed()) != is_stopped(&seen.parsed()));
        if is_other || seen.is_gone() {
            items.push(&LEASES, LEASE_NAMESPACE, seen.object.key.name());
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        if item.resource == LEASES.resource {
            return renew(world, item);
        }
        let name = item.key.name();
        let Some(node) = world.object(item) else {
            let number = name
                .strip_prefix("node-")
                .and_then(|text| text.parse().ok());
            let Some(number) = number.filter(|_| !self.is_done) else {
                return Plan::nothing();
            };
            self.is_done = number == self.count;
            let step = Step::create(&NODES, registered(number, world.now));
            return Plan::of(step.acting_as(Identity::Node(name.to_owned())).or_go_on());
        };
        if name == format!("node-{}", self.count) {
            self.is_done = true;
        }
        if !is_stopped(&node)
            && let Some(plan) = self.stages.play(world, (&NODES, item), &node, &mut Nowhere)
        {
            return plan;
        }
        report(&node, world.now)
    }
}

/// Whether a node's kubelet has stopped.
pub(super) fn is_stopped(node: &Object) -> bool {
    let value = node.get(&["metadata", "annotations", STOPPED]);
    value.is_some_and(|value| value == "true")
}

/// The address of a node; empty where it has none.
pub(super) fn address(node: &Object) -> &str {
    let addresses = node.items(&["status", "addresses"]).iter();
    let mut internal = addresses.filter(|one| one["type"] == "InternalIP");
    let address = internal.next().and_then(|one| one["address"].as_str());
    address.unwrap_or("")
}

/// A node of the fleet as it registers.
fn registered(number: u32, now: Timestamp) -> Object {
    let name = format!("node-{number}");
    let resources = json!({
        "cpu": "32", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "500",
    });
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "type": "kwok",
            },
        },
        "spec": {"podCIDR": cidr(number), "podCIDRs": [cidr(number)]},
        "status": {"capacity": resources, "allocatable": resources},
    });
    let mut node = Object::from_value(node).unwrap_or_default();
    let status = status(&node, now);
    if let Some(Value::Object(known)) = node.get_mut(&["status"]) {
        known.extend(status);
    }
    let [high, low] = u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
    node.set(
        &["status", "addresses"],
        json!([
            {"type": "InternalIP", "address": format!("172.20.{high}.{low}")},
            {"type": "Hostname", "address": name},
        ]),
    );
    node
}

/// The addresses of the pods of a node of the fleet: 512 for each.
fn cidr(number: u32) -> String {
    let [_, high, middle, low] = ((number - 1) << 9).to_be_bytes();
    format!("10.{}.{middle}.{low}/23", 128 | high)
}

/// What a node says of itself: its conditions, and whatever nobody has said yet.
fn status(node: &Object, now: Timestamp) -> Map<String, Value> {
    let since = |kind: &str, status: &str| {
        let known = node.items(&["status", "conditions"]).iter();
        let mut same = known.filter(|one| one["type"] == kind && one["status"] == status);
        let since = same
            .next()
            .and_then(|one| one["lastTransitionTime"].as_str());
        let since = since.map_or_else(|| time::seconds(now), str::to_owned);
        Value::String(since)
    };
    let conditions = CONDITIONS.map(|[kind, status, reason, message]| {
        json!({
            "type": kind,
            "status": status,
            "lastHeartbeatTime": time::seconds(now),
            "lastTransitionTime": since(kind, status),
            "reason": reason,
            "message": message,
        })
    });
    let mut status = Map::new();
    status.insert("conditions".to_owned(), conditions.to_vec().into());
    for field in ["allocatable", "capacity"] {
        let known = node.get(&["status", field]).and_then(Value::as_object);
        if known.is_none_or(Map::is_empty) {
            let plenty = json!({"cpu": "1k", "memory": "1Ti", "pods": "1M"});
            status.insert(field.to_owned(), plenty);
        }
    }
    let version = concat!("mockernetes-", env!("CARGO_PKG_VERSION"));
    let mut info = json!({
        "architecture": "amd64",
        "bootID": "",
        "containerRuntimeVersion": version,
        "kernelVersion": version,
        "kubeProxyVersion": version,
        "kubeletVersion": "v1.37.0",
        "machineID": "",
        "operatingSystem": "linux",
        "osImage": version,
        "systemUUID": "",
    });
    if let (Some(info), Some(Value::Object(known))) =
        (info.as_object_mut(), node.get(&["status", "nodeInfo"]))
    {
        let said = known.iter().filter(|(_, value)| **value != "");
        info.extend(said.map(|(name, value)| (name.clone(), value.clone())));
    }
    status.insert("nodeInfo".to_owned(), info);
    status.insert("phase".to_owned(), "Running".into());
    status.insert(
        "daemonEndpoints".to_owned(),
        json!({"kubeletEndpoint": {"Port": 0}}),
    );
    status
}

/// A node that is not ready says that it is; one that is says so again from time to time.
fn report(node: &Object, now: Timestamp) -> Plan {
    if is_stopped(node) || node.is_being_deleted() {
        return Plan::nothing();
    }
    let conditions = node.items(&["status", "conditions"]).iter();
    let mut ready = conditions.filter(|one| one["type"] == "Ready" && one["status"] == "True");
    let told = ready
        .next()
        .and_then(|one| time::time_of(&one["lastHeartbeatTime"]));
    let due = told.and_then(|told| told.checked_add(HEARTBEAT).ok());
    if let Some(left) = due.and_then(|due| Duration::try_from(due.duration_since(now)).ok())
        && !left.is_zero()
    {
        return Plan::nothing().and_again(Again::LazilyAfter(left));
    }
    let patch = json!({"metadata": {"uid": node.uid()}, "status": status(node, now)});
    let step = Step::patch(&NODES, "", node.name(), PatchKind::Strategic, patch);
    let step = step.subresource("status");
    Plan::of(step.acting_as(Identity::Node(node.name().to_owned())))
        .and_again(Again::LazilyAfter(HEARTBEAT))
}

/// Makes a node's lease or renews it.
fn renew(world: &World, item: &Item) -> Plan {
    let name = item.key.name();
    let identity = Identity::Node(name.to_owned());
    let Some(node) = world.get(&NODES, "", name) else {
        return Plan::nothing();
    };
    let lease = world.object(item);
    let renewed = lease.as_ref();
    let renewed = renewed.and_then(|lease| time::time_at(lease, &["spec", "renewTime"]));
    let after = |pause: Duration| {
        let due = renewed?.checked_add(pause).ok()?;
        let left = Duration::try_from(due.duration_since(world.now)).ok()?;
        (!left.is_zero()).then_some(left)
    };
    if is_stopped(&node) {
        // A clock that is moved stops where this is noticed, and where it no longer matters.
        let noticed = after(NOTICED_AFTER).map_or(Again::OnChange, Again::After);
        return Plan::nothing().and_again(noticed);
    }
    let spec = json!({
        "holderIdentity": name,
        "leaseDurationSeconds": LEASE_SECONDS,
        "renewTime": time::micros(world.now),
    });
    if lease.is_none() {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": name,
                "namespace": LEASE_NAMESPACE,
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node.uid()},
                ],
            },
            "spec": spec,
        });
        let step = Step::create(&LEASES, Object::from_value(lease).unwrap_or_default());
        return Plan::of(step.acting_as(identity)).and_again(Again::LazilyAfter(RENEWAL));
    }
    if let Some(left) = after(RENEWAL) {
        return Plan::nothing().and_again(Again::LazilyAfter(left));
    }
    let patch = json!({"spec": spec});
    let step = Step::patch(&LEASES, LEASE_NAMESPACE, name, PatchKind::Merge, patch);
    Plan::of(step.acting_as(identity)).and_again(Again::LazilyAfter(RENEWAL))
}

//! What a cluster is made of and what happens in it: namespaces, nodes, leases, events,
//! configuration, quotas.
//!
//! *Upstream:* `pkg/printers/internalversion/printers.go`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::shared::{self, NONE, UNSET};
use crate::object::Object;
use crate::registry::Printer;

pub(super) const NAMESPACE: Printer = Printer::new("core.Namespace", |object, now| {
    let phase = shared::text(object, &["status", "phase"]);
    vec![shared::name(object), phase, shared::age(object, now)]
});

pub(super) const CONFIG_MAP: Printer = Printer::new("core.ConfigMap", |object, now| {
    let entries = shared::count(object, &["data"]) + shared::count(object, &["binaryData"]);
    vec![
        shared::name(object),
        entries.into(),
        shared::age(object, now),
    ]
});

pub(super) const SECRET: Printer = Printer::new("core.Secret", |object, now| {
    vec![
        shared::name(object),
        shared::text(object, &["type"]),
        shared::count(object, &["data"]).into(),
        shared::age(object, now),
    ]
});

pub(super) const SERVICE_ACCOUNT: Printer = Printer::new("core.ServiceAccount", name_and_age);
pub(super) const DEVICE_CLASS: Printer = Printer::new("resource.DeviceClass", name_and_age);
pub(super) const RESOURCE_CLAIM_TEMPLATE: Printer =
    Printer::new("resource.ResourceClaimTemplate", name_and_age);
pub(super) const WORKLOAD: Printer = Printer::new("scheduling.Workload", name_and_age);

fn name_and_age(object: &Object, now: Timestamp) -> Vec<Value> {
    vec![shared::name(object), shared::age(object, now)]
}

/// What prints where a kind has no printer of its own.
pub(super) const DEFAULT: Printer = Printer {
    is_null_when_empty: true,
    ..Printer::new("", |object, _| {
        let created = shared::text(object, &["metadata", "creationTimestamp"]);
        vec![shared::name(object), created]
    })
};

pub(super) const LEASE: Printer = Printer::new("coordination.Lease", |object, now| {
    let holder = shared::text(object, &["spec", "holderIdentity"]);
    vec![shared::name(object), holder, shared::age(object, now)]
});

pub(super) const LEASE_CANDIDATE: Printer =
    Printer::new("coordination.LeaseCandidate", |object, now| {
        vec![
            shared::name(object),
            shared::text(object, &["spec", "leaseName"]),
            shared::text(object, &["spec", "binaryVersion"]),
            shared::text(object, &["spec", "emulationVersion"]),
            shared::age(object, now),
        ]
    });

pub(super) const COMPONENT_STATUS: Printer = Printer::new("core.ComponentStatus", |object, _| {
    let conditions = object.items(&["conditions"]);
    let healthy = conditions
        .iter()
        .find(|condition| condition["type"] == "Healthy");
    let field = |name: &str| {
        healthy
            .and_then(|healthy| healthy[name].as_str())
            .unwrap_or("")
    };
    let status = match healthy {
        None => "Unknown",
        Some(_) if field("status") == "True" => "Healthy",
        Some(_) => "Unhealthy",
    };
    vec![
        shared::name(object),
        status.into(),
        field("message").into(),
        field("error").into(),
    ]
});

pub(super) const RESOURCE_QUOTA: Printer = Printer::new("core.ResourceQuota", |object, now| {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    let hard = shared::entries(object, &["status", "hard"]);
    let amount = |amount: Option<&Value>| {
        let amount = amount.and_then(Value::as_str);
        amount.unwrap_or("0").to_owned()
    };
    for (resource, hard) in hard.into_iter().flatten() {
        let used = amount(object.get(&["status", "used", resource]));
        let text = format!("{resource}: {used}/{}", amount(Some(hard)));
        if resource.starts_with("limits.") {
            limits.push(text);
        } else {
            requests.push(text);
        }
    }
    vec![
        shared::name(object),
        requests.join(", ").into(),
        limits.join(", ").into(),
        shared::age(object, now),
    ]
});

pub(super) const RUNTIME_CLASS: Printer = Printer::new("node.RuntimeClass", |object, now| {
    let handler = shared::text(object, &["handler"]);
    vec![shared::name(object), handler, shared::age(object, now)]
});

pub(super) const NODE: Printer = Printer::new("core.Node", |object, now| {
    let info = |field: &str| object.text(&["status", "nodeInfo", field]);
    let known = |field: &str| shared::non_empty(info(field), "<unknown>").to_owned();
    let mut status = vec![match shared::condition(object, "Ready") {
        Some(ready) if ready["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }];
    if object.is_true(&["spec", "unschedulable"]) {
        status.push("SchedulingDisabled");
    }
    let mut kernel = known("kernelVersion");
    if !info("architecture").is_empty() {
        kernel = format!("{kernel} ({})", info("architecture"));
    }
    vec![
        shared::name(object),
        status.join(",").into(),
        roles(object).into(),
        shared::age(object, now),
        info("kubeletVersion").into(),
        address(object, "InternalIP"),
        address(object, "ExternalIP"),
        known("osImage").into(),
        kernel.into(),
        known("containerRuntimeVersion").into(),
    ]
});

/// Roles are told by labels: `node-role.kubernetes.io/ROLE` and `kubernetes.io/role=ROLE`.
fn roles(node: &Object) -> String {
    let mut roles = BTreeSet::new();
    for (key, value) in node.labels() {
        if let Some(role) = key.strip_prefix("node-role.kubernetes.io/") {
            roles.insert(role);
        } else if key == "kubernetes.io/role" {
            roles.insert(value);
        }
    }
    roles.remove("");
    let roles: Vec<&str> = roles.into_iter().collect();
    shared::non_empty(&roles.join(","), NONE).to_owned()
}

fn address(node: &Object, kind: &str) -> Value {
    let addresses = node.items(&["status", "addresses"]);
    let address = addresses.iter().find(|address| address["type"] == kind);
    let address = address.and_then(|address| address["address"].as_str());
    address.unwrap_or(NONE).into()
}

pub(super) const EVENT: Printer = Printer::new("core.Event", |object, now| {
    let time = |path: &[&str]| object.text(path);
    let first = shared::non_empty(time(&["firstTimestamp"]), time(&["eventTime"]));
    let (last, count) = if object.get(&["series"]).is_some_and(Value::is_object) {
        let count = object.integer(&["series", "count"]).unwrap_or(0);
        (time(&["series", "lastObservedTime"]), count)
    } else {
        // An event of the new API that happened once has no count.
        let count = object.integer(&["count"]).filter(|count| *count != 0);
        let last = shared::non_empty(time(&["lastTimestamp"]), first);
        (last, count.unwrap_or(1))
    };
    let kind = object.text(&["involvedObject", "kind"]).to_lowercase();
    let target = match object.text(&["involvedObject", "name"]) {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let component = object.text(&["source", "component"]);
    let component = shared::non_empty(component, object.text(&["reportingComponent"]));
    let host = object.text(&["source", "host"]);
    let source = match shared::non_empty(host, object.text(&["reportingInstance"])) {
        "" => component.to_owned(),
        instance => format!("{component}, {instance}"),
    };
    vec![
        shared::since(last, now).into(),
        shared::text(object, &["type"]),
        shared::text(object, &["reason"]),
        target.into(),
        shared::text(object, &["involvedObject", "fieldPath"]),
        source.into(),
        object.text(&["message"]).trim().into(),
        shared::since(first, now).into(),
        count.into(),
        shared::name(object),
    ]
});

pub(super) const STORAGE_VERSION: Printer =
    Printer::new("apiserverinternal.StorageVersion", |object, now| {
        const SHOWN: usize = 3;
        let versions = object.items(&["status", "storageVersions"]);
        let shown: Vec<String> = versions
            .iter()
            .take(SHOWN)
            .map(|version| {
                let part = |field: &str| version[field].as_str().unwrap_or("");
                format!("{}={}", part("apiServerID"), part("encodingVersion"))
            })
            .collect();
        vec![
            shared::name(object),
            shared::text_or(object, &["status", "commonEncodingVersion"], UNSET),
            shared::with_more(&shown, versions.len(), UNSET).into(),
            shared::age(object, now),
        ]
    });

pub(super) const STORAGE_VERSION_MIGRATION: Printer =
    Printer::new("storagemigration.StorageVersionMigration", |object, _| {
        let resource = object.text(&["spec", "resource", "resource"]);
        let resource = match object.text(&["spec", "resource", "group"]) {
            "" => resource.to_owned(),
            group => format!("{resource}.{group}"),
        };
        let conditions = object.items(&["status", "conditions"]);
        let status = conditions
            .iter()
            .filter(|condition| condition["status"] == "True")
            .filter_map(|condition| condition["type"].as_str())
            .rfind(|kind| matches!(*kind, "Running" | "Failed" | "Succeeded"));
        vec![
            shared::name(object),
            resource.into(),
            status.unwrap_or("Unknown").into(),
        ]
    });

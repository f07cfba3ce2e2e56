//! Who comes first and who gets what: priorities, fairness of requests, devices, pod groups.
//!
//! *Upstream:* `pkg/printers/internalversion/printers.go`.

use jiff::Timestamp;
use serde_json::Value;

use super::shared::{self, NONE};
use crate::object::Object;
use crate::registry::Printer;

pub(super) const PRIORITY_CLASS: Printer =
    Printer::new("scheduling.PriorityClass", |object, now| {
        vec![
            shared::name(object),
            shared::integer(object, &["value"]),
            shared::boolean(object, &["globalDefault"], false),
            shared::age(object, now),
            shared::text(object, &["preemptionPolicy"]),
        ]
    });

pub(super) const FLOW_SCHEMA: Printer = Printer {
    list: Some(flow_schemas),
    ..Printer::new("flowcontrol.FlowSchema", flow_schema)
};

fn flow_schema(object: &Object, now: Timestamp) -> Vec<Value> {
    let conditions = object.items(&["status", "conditions"]);
    let dangling = conditions
        .iter()
        .find(|condition| condition["type"] == "Dangling");
    let dangling = dangling.map_or("?", |entry| entry["status"].as_str().unwrap_or(""));
    vec![
        shared::name(object),
        shared::text(object, &["spec", "priorityLevelConfiguration", "name"]),
        shared::integer(object, &["spec", "matchingPrecedence"]),
        shared::text_or(object, &["spec", "distinguisherMethod", "type"], NONE),
        shared::age(object, now),
        dangling.into(),
    ]
}

/// Flow schemas come in the order they are tried.
fn flow_schemas(mut objects: Vec<Object>, now: Timestamp) -> Vec<(Object, Vec<Value>)> {
    let precedence = |object: &Object| object.integer(&["spec", "matchingPrecedence"]);
    objects.sort_by(|a, b| {
        let by_precedence = precedence(a).cmp(&precedence(b));
        by_precedence.then_with(|| a.name().cmp(b.name()))
    });
    let print = |object| {
        let cells = flow_schema(&object, now);
        (object, cells)
    };
    objects.into_iter().map(print).collect()
}

pub(super) const PRIORITY_LEVEL: Printer =
    Printer::new("flowcontrol.PriorityLevelConfiguration", |object, now| {
        let number = |path: &[&str], parent: &[&str]| -> Value {
            if object.get(parent).is_some_and(Value::is_object) {
                object.get(path).cloned().unwrap_or(Value::Null)
            } else {
                NONE.into()
            }
        };
        let limited = ["spec", "limited"];
        let queuing = ["spec", "limited", "limitResponse", "queuing"];
        let of_queuing = |field| {
            let [spec, limited, response, name] = queuing;
            number(&[spec, limited, response, name, field], &queuing)
        };
        vec![
            shared::name(object),
            shared::text(object, &["spec", "type"]),
            number(&["spec", "limited", "nominalConcurrencyShares"], &limited),
            of_queuing("queues"),
            of_queuing("handSize"),
            of_queuing("queueLengthLimit"),
            shared::age(object, now),
        ]
    });

pub(super) const RESOURCE_CLAIM: Printer = Printer::new("resource.ResourceClaim", |object, now| {
    let mut states = Vec::new();
    if object.is_being_deleted() {
        states.push("deleted");
    }
    if object
        .get(&["status", "allocation"])
        .is_some_and(Value::is_object)
    {
        states.push("allocated");
        if shared::count(object, &["status", "reservedFor"]) > 0 {
            states.push("reserved");
        }
    } else if !object.is_being_deleted() {
        states.push("pending");
    }
    let states = states.join(",");
    vec![
        shared::name(object),
        states.into(),
        shared::age(object, now),
    ]
});

pub(super) const RESOURCE_SLICE: Printer = Printer::new("resource.ResourceSlice", |object, now| {
    vec![
        shared::name(object),
        shared::text(object, &["spec", "nodeName"]),
        shared::text(object, &["spec", "driver"]),
        shared::text(object, &["spec", "pool", "name"]),
        shared::age(object, now),
    ]
});

pub(super) const DEVICE_TAINT_RULE: Printer =
    Printer::new("resource.DeviceTaintRule", |object, now| {
        let taint = |field: &str| object.text(&["spec", "taint", field]);
        let added = match taint("timeAdded") {
            "" => String::new(),
            added => shared::since(added, now),
        };
        vec![
            shared::name(object),
            taint("key").into(),
            taint("value").into(),
            taint("effect").into(),
            added.into(),
            shared::age(object, now),
        ]
    });

pub(super) const POD_GROUP: Printer = Printer::new("scheduling.PodGroup", |object, now| {
    let mut status = "Pending";
    if let Some(scheduled) = shared::condition(object, "PodGroupInitiallyScheduled") {
        let is_scheduled = scheduled["status"] == "True";
        status = if is_scheduled {
            "Scheduled"
        } else {
            "Unschedulable"
        };
    }
    if let Some(disrupted) = shared::condition(object, "DisruptionTarget") {
        status = disrupted["reason"].as_str().unwrap_or("");
    }
    let [policy, workload] = group(object);
    vec![
        shared::name(object),
        policy,
        workload,
        status.into(),
        shared::age(object, now),
    ]
});

pub(super) const COMPOSITE_POD_GROUP: Printer =
    Printer::new("scheduling.CompositePodGroup", |object, now| {
        let [policy, workload] = group(object);
        vec![
            shared::name(object),
            policy,
            workload,
            shared::age(object, now),
        ]
    });

/// The policy of a pod group and the workload it is of.
fn group(object: &Object) -> [Value; 2] {
    let gang = object.get(&["spec", "schedulingPolicy", "gang"]);
    let is_gang = gang.is_some_and(Value::is_object);
    let workload = shared::text_or(object, &["spec", "workloadRef", "workloadName"], NONE);
    [if is_gang { "Gang" } else { "Basic" }.into(), workload]
}

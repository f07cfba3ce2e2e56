//! What things use, as far as a test says so: pods and nodes of processor and memory, objects of
//! whatever else is measured, and what is measured outside of the cluster.
//!
//! | annotation | of | value | what it says |
//! |---|---|---|---|
//! | `mockernetes.dev/cpu-usage` | pods, nodes | `250m`, `none` | of each container, or the node |
//! | `mockernetes.dev/memory-usage` | pods, nodes | `64Mi`, `none` | the same of memory |
//! | `mockernetes.dev/metric.NAME` | any object | `10` | a metric of the object |
//! | `mockernetes.dev/external-metric.NAME` | a namespace | `10{of=mail} 9{of=sms}` | of others |
//!
//! `mockernetes.dev/cpu-usage.web` is about the container `web` alone. A running container of which
//! nobody says anything idles, one of which `none` is said is not measured, and a node uses what
//! its pods do. Amounts may have labels in braces, by which autoscalers select.
//!
//! *Invariant:* a function of objects.
//! *Upstream:* `k8s.io/metrics`, `metrics-server/pkg/storage`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::object::quantity::Quantity;
use crate::object::selector::LabelSelector;
use crate::object::{Object, time};

const PREFIX: &str = "mockernetes.dev/";

/// What is measured, and what is used of it by who idles.
const MEASURED: [(&str, &str); 2] = [("cpu", "1m"), ("memory", "1Mi")];

/// Over how long usage is measured.
pub const WINDOW_SECONDS: i64 = 15;

/// What a container of a running pod uses of a resource; `None` where nobody knows.
pub fn of_container(pod: &Object, container: &str, resource: &str) -> Option<Quantity> {
    if pod.text(&["status", "phase"]) != "Running" {
        return None;
    }
    let (_, idle) = MEASURED.iter().find(|(name, _)| *name == resource)?;
    let said = |key: String| annotation(pod, &key);
    let own = said(format!("{resource}-usage.{container}"));
    let said = own.or_else(|| said(format!("{resource}-usage")));
    Quantity::parse(said.unwrap_or(idle)).ok()
}

/// What the containers of a pod use of a resource together; `None` where it is not known of all.
pub fn of_pod(pod: &Object, resource: &str) -> Option<Quantity> {
    let mut sum = Quantity::ZERO;
    for container in pod.items(&["spec", "containers"]) {
        sum.add(&of_container(pod, container["name"].as_str()?, resource)?);
    }
    Some(sum)
}

/// `PodMetrics` of a pod; `None` where nothing is known of it.
pub fn pod_metrics(pod: &Object, now: jiff::Timestamp) -> Option<Value> {
    let mut containers = Vec::new();
    for container in pod.items(&["spec", "containers"]) {
        let name = container["name"].as_str()?;
        let usage = MEASURED.iter().filter_map(|(resource, _)| {
            let amount = of_container(pod, name, resource)?;
            Some(((*resource).to_owned(), amount.to_string().into()))
        });
        let usage: Map<String, Value> = usage.collect();
        if !usage.is_empty() {
            containers.push(json!({"name": name, "usage": usage}));
        }
    }
    if containers.is_empty() {
        return None;
    }
    let mut metrics = measured("PodMetrics", pod, now);
    metrics["containers"] = containers.into();
    Some(metrics)
}

/// `NodeMetrics` of a node that has these pods; `None` where nothing is known of it.
pub fn node_metrics(
    node: &Object,
    pods: &[std::sync::Arc<Object>],
    now: jiff::Timestamp,
) -> Option<Value> {
    let usage = MEASURED.iter().filter_map(|(resource, _)| {
        let amount = match annotation(node, &format!("{resource}-usage")) {
            Some(said) => Quantity::parse(said).ok()?,
            None => pods.iter().filter_map(|pod| of_pod(pod, resource)).fold(
                Quantity::ZERO,
                |mut sum, amount| {
                    sum.add(&amount);
                    sum
                },
            ),
        };
        Some(((*resource).to_owned(), amount.to_string().into()))
    });
    let usage: Map<String, Value> = usage.collect();
    if usage.is_empty() {
        return None;
    }
    let mut metrics = measured("NodeMetrics", node, now);
    metrics["usage"] = usage.into();
    Some(metrics)
}

fn measured(kind: &str, object: &Object, now: jiff::Timestamp) -> Value {
    let mut metadata = json!({
        "name": object.name(),
        "creationTimestamp": time::seconds(now),
    });
    if !object.namespace().is_empty() {
        metadata["namespace"] = object.namespace().into();
    }
    if let Some(labels) = object.get(&["metadata", "labels"]) {
        metadata["labels"] = labels.clone();
    }
    json!({
        "kind": kind,
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": metadata,
        "timestamp": time::seconds(now),
        "window": format!("{WINDOW_SECONDS}s"),
    })
}

/// The amounts of a metric of an object that a selector matches.
pub fn of_object(object: &Object, metric: &str, selector: &LabelSelector) -> Vec<Quantity> {
    amounts(annotation(object, &format!("metric.{metric}")), selector)
}

/// The amounts of a metric of something outside that a selector matches, as its namespace says.
pub fn outside(namespace: &Object, metric: &str, selector: &LabelSelector) -> Vec<Quantity> {
    let said = annotation(namespace, &format!("external-metric.{metric}"));
    amounts(said, selector)
}

fn annotation<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    let key = format!("{PREFIX}{key}");
    object
        .get(&["metadata", "annotations", &key])
        .and_then(Value::as_str)
}

fn amounts(text: Option<&str>, selector: &LabelSelector) -> Vec<Quantity> {
    let entries = text.unwrap_or("").split_whitespace();
    entries
        .filter_map(|entry| {
            let (amount, labels) = entry.split_once('{').unwrap_or((entry, ""));
            let pairs = labels.trim_end_matches('}').split(',');
            let labels: BTreeMap<&str, &str> =
                pairs.filter_map(|pair| pair.split_once('=')).collect();
            let matches = selector.matches(|key| labels.get(key).copied());
            Quantity::parse(amount).ok().filter(|_| matches)
        })
        .collect()
}

//! Autoscalers of v1 and v2: what v1 has no field for it keeps in annotations.
//!
//! *Upstream:* `pkg/apis/autoscaling/v1/conversion.go`.

use serde_json::{Map, Value, json};

use crate::object::Object;
use crate::resources::shared::look::Look;
use crate::schema::go_struct;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const ANNOTATIONS: [&str; 4] = [METRICS, CURRENT_METRICS, BEHAVIOR, CONDITIONS];

/// Sources of metrics and how v1 calls their parts: name and selector of the metric, and the
/// three forms of a target.
struct Names {
    field: &'static str,
    metric: &'static str,
    selector: &'static str,
    value: &'static str,
    average: &'static str,
    utilization: &'static str,
}

const fn names(
    field: &'static str,
    [metric, selector, value, average, utilization]: [&'static str; 5],
) -> Names {
    Names {
        field,
        metric,
        selector,
        value,
        average,
        utilization,
    }
}

const SOURCES: [Names; 5] = [
    names(
        "object",
        ["metricName", "selector", "targetValue", "averageValue", ""],
    ),
    names(
        "external",
        [
            "metricName",
            "metricSelector",
            "targetValue",
            "targetAverageValue",
            "",
        ],
    ),
    names(
        "pods",
        ["metricName", "selector", "", "targetAverageValue", ""],
    ),
    names(
        "resource",
        ["", "", "", "targetAverageValue", "targetAverageUtilization"],
    ),
    names(
        "containerResource",
        ["", "", "", "targetAverageValue", "targetAverageUtilization"],
    ),
];

const STATUSES: [Names; 5] = [
    names(
        "object",
        ["metricName", "selector", "currentValue", "averageValue", ""],
    ),
    names(
        "external",
        [
            "metricName",
            "metricSelector",
            "currentValue",
            "currentAverageValue",
            "",
        ],
    ),
    names(
        "pods",
        ["metricName", "selector", "", "currentAverageValue", ""],
    ),
    names(
        "resource",
        [
            "",
            "",
            "",
            "currentAverageValue",
            "currentAverageUtilization",
        ],
    ),
    names(
        "containerResource",
        [
            "",
            "",
            "",
            "currentAverageValue",
            "currentAverageUtilization",
        ],
    ),
];

/// An autoscaler of v2 as v1 shows it.
pub(super) fn to_v1(mut object: Object) -> Object {
    let mut annotations = Map::new();
    let mut others = Vec::new();
    for metric in object.at("spec").list("metrics").to_vec() {
        match cpu_utilization(&metric) {
            Some(_) if object.at("spec").has("targetCPUUtilizationPercentage") => {}
            Some(percent) => object.set(&["spec", "targetCPUUtilizationPercentage"], percent),
            None => others.push(downgrade(&metric, &SOURCES, "target")),
        }
    }
    if !others.is_empty() {
        let text = go_struct::print("[]autoscaling/v1.MetricSpec", &others.into());
        annotations.insert(METRICS.to_owned(), text.into());
    }
    let statuses = object.at("status").list("currentMetrics").to_vec();
    if !statuses.is_empty() {
        let utilization = statuses.iter().rev().find_map(|status| {
            let resource = status.at("resource");
            let is_cpu = status.text("type") == "Resource" && resource.text("name") == "cpu";
            let percent = resource.at("current").integer("averageUtilization");
            percent.filter(|_| is_cpu)
        });
        if let Some(percent) = utilization {
            object.set(&["status", "currentCPUUtilizationPercentage"], percent);
        }
        let old: Value = statuses
            .iter()
            .map(|s| downgrade(s, &STATUSES, "current"))
            .collect();
        let text = go_struct::print("[]autoscaling/v1.MetricStatus", &old);
        annotations.insert(CURRENT_METRICS.to_owned(), text.into());
    }
    if let Some(behavior) = object.at("spec").maybe("behavior") {
        let text = go_struct::print("autoscaling.HorizontalPodAutoscalerBehavior", behavior);
        annotations.insert(BEHAVIOR.to_owned(), text.into());
    }
    let conditions = object.at("status").at("conditions");
    if !conditions.as_array().is_none_or(Vec::is_empty) {
        let kind = "[]autoscaling/v1.HorizontalPodAutoscalerCondition";
        let text = go_struct::print(kind, conditions);
        annotations.insert(CONDITIONS.to_owned(), text.into());
    }
    for path in [
        ["spec", "metrics"],
        ["spec", "behavior"],
        ["status", "currentMetrics"],
        ["status", "conditions"],
    ] {
        object.remove(&path);
    }
    drop_annotations(&mut object);
    for (key, value) in annotations {
        object.set(&["metadata", "annotations", &key], value);
    }
    for field in ["currentReplicas", "desiredReplicas"] {
        if !object.at("status").has(field) {
            object.set(&["status", field], 0);
        }
    }
    object
}

/// An autoscaler of v1 as v2 stores it.
pub(super) fn to_v2(mut object: Object) -> Object {
    let annotation = |object: &Object, key: &str| -> Option<Value> {
        let annotations = object.at("metadata").at("annotations");
        serde_json::from_str(annotations.maybe_text(key)?).ok()
    };
    let mut metrics: Vec<Value> = annotation(&object, METRICS)
        .and_then(|metrics| metrics.as_array().cloned())
        .unwrap_or_default()
        .iter()
        .map(|metric| upgrade(metric, &SOURCES, "target"))
        .collect();
    if let Some(percent) = object.remove(&["spec", "targetCPUUtilizationPercentage"]) {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
    }
    if !metrics.is_empty() {
        object.set(&["spec", "metrics"], metrics);
    }
    if let Some(behavior) = annotation(&object, BEHAVIOR) {
        object.set(&["spec", "behavior"], renamed(&behavior, &lower_first));
    }
    if let Some(conditions) = annotation(&object, CONDITIONS) {
        object.set(&["status", "conditions"], conditions);
    }
    if let Some(Value::Array(statuses)) = annotation(&object, CURRENT_METRICS) {
        let new: Value = statuses
            .iter()
            .map(|s| upgrade(s, &STATUSES, "current"))
            .collect();
        object.set(&["status", "currentMetrics"], new);
    }
    let percent = object.remove(&["status", "currentCPUUtilizationPercentage"]);
    if let Some(percent) = percent
        && !object.at("status").has("currentMetrics")
    {
        let current = json!({"averageUtilization": percent});
        let status = json!({"type": "Resource", "resource": {"name": "cpu", "current": current}});
        object.set(&["status", "currentMetrics"], json!([status]));
    }
    drop_annotations(&mut object);
    object
}

/// Takes out the annotations that stand for fields of another version.
fn drop_annotations(object: &mut Object) {
    let path = ["metadata", "annotations"];
    let annotations = object.get_mut(&path).and_then(Value::as_object_mut);
    let Some(annotations) = annotations else {
        return;
    };
    annotations.retain(|key, _| !ANNOTATIONS.contains(&key.as_str()));
    if annotations.is_empty() {
        object.remove(&path);
    }
}

/// The percentage that v1 has a field for.
fn cpu_utilization(metric: &Value) -> Option<i64> {
    let resource = metric
        .maybe("resource")
        .filter(|_| metric.text("type") == "Resource")?;
    if resource.text("name") != "cpu" {
        return None;
    }
    resource.at("target").integer("averageUtilization")
}

/// A metric in the words of v1; `part` is `target` or `current`.
fn downgrade(metric: &Value, table: &[Names], part: &str) -> Value {
    let mut out = Map::new();
    out.insert("type".to_owned(), metric.at("type").clone());
    for names in table {
        let Some(source) = metric.maybe(names.field) else {
            continue;
        };
        let mut old = Map::new();
        let mut copy = |name: &str, value: &Value| {
            if !name.is_empty() && !value.is_null() {
                old.insert(name.to_owned(), value.clone());
            }
        };
        copy("target", source.at("describedObject"));
        for field in ["name", "container"] {
            copy(field, source.at(field));
        }
        copy(names.metric, source.at("metric").at("name"));
        copy(names.selector, source.at("metric").at("selector"));
        let amounts = source.at(part);
        copy(names.value, amounts.at("value"));
        copy(names.average, amounts.at("averageValue"));
        copy(names.utilization, amounts.at("averageUtilization"));
        out.insert(names.field.to_owned(), Value::Object(old));
    }
    Value::Object(out)
}

/// A metric of v1 in the words of v2.
fn upgrade(metric: &Value, table: &[Names], part: &str) -> Value {
    let mut out = Map::new();
    out.insert("type".to_owned(), metric.at("type").clone());
    for names in table {
        let Some(old) = metric.maybe(names.field) else {
            continue;
        };
        let mut new = Map::new();
        if let Some(described) = old.maybe("target") {
            new.insert("describedObject".to_owned(), described.clone());
        }
        for field in ["name", "container"] {
            if let Some(value) = old.maybe(field) {
                new.insert(field.to_owned(), value.clone());
            }
        }
        let pick = |pairs: &[(&str, &str)]| -> Map<String, Value> {
            let present = pairs
                .iter()
                .filter(|(from, _)| !from.is_empty() && old.has(from));
            present
                .map(|(from, to)| ((*to).to_owned(), old.at(from).clone()))
                .collect()
        };
        let identifier = pick(&[(names.metric, "name"), (names.selector, "selector")]);
        if !identifier.is_empty() {
            new.insert("metric".to_owned(), Value::Object(identifier));
        }
        let mut amounts = pick(&[
            (names.value, "value"),
            (names.average, "averageValue"),
            (names.utilization, "averageUtilization"),
        ]);
        if part == "target" {
            let kind = if amounts.contains_key("averageUtilization") {
                "Utilization"
            } else if amounts.contains_key("averageValue") {
                "AverageValue"
            } else {
                "Value"
            };
            amounts.insert("type".to_owned(), kind.into());
        }
        new.insert(part.to_owned(), Value::Object(amounts));
        out.insert(names.field.to_owned(), Value::Object(new));
    }
    Value::Object(out)
}

fn renamed(value: &Value, rename: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(map) => {
            let present = map.iter();
            present
                .map(|(key, value)| (rename(key), renamed(value, rename)))
                .collect()
        }
        Value::Array(items) => items.iter().map(|item| renamed(item, rename)).collect(),
        other => other.clone(),
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

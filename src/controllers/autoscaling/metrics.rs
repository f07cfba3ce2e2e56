//! What each metric of an autoscaler asks for.
//!
//! *Upstream:* `pkg/controller/podautoscaler/horizontal.go` (`computeStatusFor…`),
//! `pkg/controller/podautoscaler/{replica_calculator,metrics/client}.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::replicas::{self, Amounts, Measured, Pods, Tolerance};
use super::target::Target;
use crate::object::Object;
use crate::object::quantity::{Format, Quantity};
use crate::object::selector::LabelSelector;
use crate::runner::kinds::{API_SERVICES, NAMESPACES, PODS};
use crate::runner::{Kind, World};
use crate::usage;

/// What a metric asks for.
pub(super) struct Proposal {
    pub(super) replicas: i64,
    /// What it is called when it is told.
    pub(super) name: String,
    /// Its part of the status.
    pub(super) status: Value,
}

/// A metric of which nothing is known.
pub(super) struct Invalid {
    /// Of the condition and the event.
    pub(super) reason: &'static str,
    /// What is wrong, as they say it.
    pub(super) error: String,
    /// The same with what it is about.
    pub(super) told: String,
}

/// What metrics are measured by.
pub(super) struct Measure<'a> {
    world: &'a World,
    hpa: &'a Object,
    target: &'a Target,
    pods: Vec<Arc<Object>>,
    tolerance: Tolerance,
}

/// What came of a metric: replicas, how it is called, and the values of its status.
type Found = (i64, String, Value);

impl<'a> Measure<'a> {
    pub(super) fn of(
        world: &'a World,
        hpa: &'a Object,
        target: &'a Target,
        selector: &LabelSelector,
    ) -> Self {
        let tolerance = |direction: &str| {
            let said = hpa.get(&["spec", "behavior", direction, "tolerance"]);
            let said = said.and_then(Quantity::from_json);
            said.map_or(0.1, |said| said.milli_value() as f64 / 1000.0)
        };
        Self {
            world,
            hpa,
            target,
            pods: world.select(&PODS, hpa.namespace(), selector),
            tolerance: Tolerance {
                up: tolerance("scaleUp"),
                down: tolerance("scaleDown"),
            },
        }
    }

    /// What a metric asks for.
    pub(super) fn propose(&self, spec: &Value) -> Result<Proposal, Invalid> {
        let kind = spec["type"].as_str().unwrap_or("");
        let (field, reason) = match kind {
            "Resource" => ("resource", "FailedGetResourceMetric"),
            "ContainerResource" => ("containerResource", "FailedGetContainerResourceMetric"),
            "Pods" => ("pods", "FailedGetPodsMetric"),
            "Object" => ("object", "FailedGetObjectMetric"),
            "External" => ("external", "FailedGetExternalMetric"),
            _ => ("", "InvalidMetricSourceType"),
        };
        let source = &spec[field];
        let resource = source["name"].as_str().unwrap_or("");
        let metric = source["metric"]["name"].as_str().unwrap_or("");
        let is_average = !source["target"]["averageValue"].is_null();
        let found = match kind {
            "Resource" => self.resource(source, ""),
            "ContainerResource" => {
                self.resource(source, source["container"].as_str().unwrap_or(""))
            }
            "Pods" => self.of_pods(source, metric),
            "Object" => self.of_object(source, metric),
            "External" => self.outside(source, metric),
            _ => Err(format!("unknown metric source type {kind:?}")),
        };
        let (replicas, name, current) = found.map_err(|error| {
            let told = match kind {
                "Resource" => format!("failed to get {resource} resource metric value: {error}"),
                "ContainerResource" => {
                    let container = source["container"].as_str().unwrap_or("");
                    format!("failed to get {container} container metric value: {error}")
                }
                "Pods" => format!("failed to get pods metric value: {error}"),
                "Object" if is_average => format!(
                    "failed to get object metric value: failed to get {metric} object metric: {error}"
                ),
                "Object" => format!("failed to get object metric value: {error}"),
                "External" if is_average => format!(
                    "failed to get {metric} external metric value: failed to get {metric} external metric: {error}"
                ),
                "External" => format!(
                    "failed to get {metric} external metric value: failed to get external metric {metric}: {error}"
                ),
                _ => error.clone(),
            };
            Invalid { reason, error, told }
        })?;
        let mut own = json!({"current": current});
        for part in ["name", "container", "describedObject"] {
            if let Some(value) = source.get(part) {
                own[part] = value.clone();
            }
        }
        if let Some(metric) = source.get("metric") {
            own["metric"] = metric.clone();
        }
        Ok(Proposal {
            replicas,
            name,
            status: json!({"type": kind, field: own}),
        })
    }

    fn pods(&self, amounts: Amounts, is_cpu: bool) -> Pods<'_> {
        Pods {
            all: &self.pods,
            amounts,
            is_cpu,
            replicas: self.target.replicas,
            tolerance: self.tolerance,
            now: self.world.now,
        }
    }

    /// Processors or memory, of pods or of one of their containers.
    fn resource(&self, source: &Value, container: &str) -> Result<Found, String> {
        let resource = source["name"].as_str().unwrap_or("");
        let target = &source["target"];
        let average = milli(&target["averageValue"]);
        let what = if average.is_some() {
            "usage"
        } else {
            "utilization"
        };
        let failed = |why: String| format!("failed to get {resource} {what}: {why}");
        let amounts = self.amounts(resource, container).map_err(|why| {
            failed(format!(
                "unable to get metrics for resource {resource}: {why}"
            ))
        })?;
        let pods = self.pods(amounts, resource == "cpu");
        let format = if resource == "memory" {
            Format::BinarySi
        } else {
            Format::DecimalSi
        };
        let value = |measured: Measured| Quantity::from_milli(measured.average, format).to_string();
        if let Some(average) = average {
            let measure = |amounts: &Amounts| Ok(replicas::against_amount(amounts, average));
            let (wanted, found) = pods.wanted(&measure, &|_| average).map_err(failed)?;
            let current = json!({"averageValue": value(found)});
            return Ok((wanted, format!("{resource} resource"), current));
        }
        let Some(percent) = target["averageUtilization"].as_i64() else {
            return Err("invalid resource metric source: neither an average utilization target nor an average value (usage) target was set".to_owned());
        };
        // Pods are looked at before what they ask for.
        let requests = self.requests(resource, container);
        let measure = |amounts: &Amounts| {
            let requests = requests.as_ref().map_err(Clone::clone)?;
            replicas::against_requests(amounts, requests, percent)
        };
        let asked = requests.as_ref().ok();
        let most = |name: &str| {
            let request = asked.and_then(|asked| asked.get(name)).copied();
            request.unwrap_or(0) * percent.max(100) / 100
        };
        let (wanted, found) = pods.wanted(&measure, &most).map_err(failed)?;
        let current = json!({
            "averageUtilization": found.utilization,
            "averageValue": value(found),
        });
        let of = if container.is_empty() {
            ""
        } else {
            "container "
        };
        let name = format!("{resource} {of}resource utilization (percentage of request)");
        Ok((wanted, name, current))
    }

    /// What pods use, as whoever serves it says.
    fn amounts(&self, resource: &str, container: &str) -> Result<Amounts, String> {
        let failed =
            |why: &str| format!("unable to fetch metrics from resource metrics API: {why}");
        let kind: &Kind = &API_SERVICES;
        if self.world.get(kind, "", "v1beta1.metrics.k8s.io").is_none() {
            let why = "the server could not find the requested resource (get pods.metrics.k8s.io)";
            return Err(failed(why));
        }
        let measured = self.pods.iter().filter(|pod| {
            let mut known = ["cpu", "memory"].iter();
            known.any(|resource| usage::of_pod(pod, resource).is_some())
        });
        let mut has_any = false;
        let mut amounts = Amounts::new();
        for pod in measured {
            has_any = true;
            let amount = if container.is_empty() {
                usage::of_pod(pod, resource)
            } else {
                usage::of_container(pod, container, resource)
            };
            if let Some(amount) = amount {
                amounts.insert(pod.name().to_owned(), amount.milli_value());
            }
        }
        if !has_any {
            return Err("no metrics returned from resource metrics API".to_owned());
        }
        Ok(amounts)
    }

    /// What pods ask for.
    fn requests(&self, resource: &str, container: &str) -> Result<Amounts, String> {
        let pods = self.pods.iter();
        let requests = pods.map(|pod| {
            let own = pod.get(&["spec", "resources", "requests", resource]);
            let asked = match own.and_then(milli).filter(|_| container.is_empty()) {
                Some(own) => own,
                None => request(pod, resource, container)?,
            };
            Ok((pod.name().to_owned(), asked))
        });
        requests.collect()
    }

    fn of_pods(&self, source: &Value, metric: &str) -> Result<Found, String> {
        let selector = selector(source)?;
        let target = milli(&source["target"]["averageValue"]).unwrap_or(0);
        let amounts = self.pods.iter().filter_map(|pod| {
            let amount = usage::of_object(pod, metric, &selector);
            Some((pod.name().to_owned(), amount.first()?.milli_value()))
        });
        let amounts: Amounts = amounts.collect();
        if amounts.is_empty() {
            return Err(format!(
                "unable to get metric {metric}: {NO_CUSTOM_METRICS}"
            ));
        }
        let measure = |amounts: &Amounts| Ok(replicas::against_amount(amounts, target));
        let (wanted, found) = self.pods(amounts, false).wanted(&measure, &|_| target)?;
        let current = json!({"averageValue": decimal(found.average)});
        Ok((wanted, format!("pods metric {metric}"), current))
    }

    fn of_object(&self, source: &Value, metric: &str) -> Result<Found, String> {
        let selector = selector(source)?;
        let namespace = self.hpa.namespace();
        let of = |field: &str| source["describedObject"][field].as_str().unwrap_or("");
        let (kind, name) = (of("kind"), of("name"));
        let found = self.world.kind_of(of("apiVersion"), kind);
        let object = match (kind, of("apiVersion")) {
            ("Namespace", "v1" | "") => self.world.get(&NAMESPACES, "", namespace),
            _ => found.and_then(|found| self.world.get(&found, namespace, name)),
        };
        let amounts = object.map(|object| usage::of_object(&object, metric, &selector));
        let amount = amounts.and_then(|amounts| amounts.first().map(Quantity::milli_value));
        let amount = amount.ok_or_else(|| {
            format!(
                "unable to get metric {metric} on {kind} {namespace}/{name}: {NO_CUSTOM_METRICS}"
            )
        })?;
        let target = &source["target"];
        if let Some(value) = milli(&target["value"]).filter(|_| target["type"] == "Value") {
            let wanted = self.by_ratio(amount as f64 / value as f64)?;
            let current = json!({"value": decimal(amount)});
            return Ok((wanted, format!("{kind} metric {metric}"), current));
        }
        let Some(average) = milli(&target["averageValue"]) else {
            return Err("invalid object metric source: neither a value target nor an average value target was set".to_owned());
        };
        let (wanted, each) = self.for_each(amount, average);
        let told = format!(
            "external metric {metric}({})",
            go_text(&source["metric"]["selector"])
        );
        Ok((wanted, told, json!({"averageValue": decimal(each)})))
    }

    fn outside(&self, source: &Value, metric: &str) -> Result<Found, String> {
        let selector = selector(source)?;
        let namespace = self.hpa.namespace();
        let told = go_text(&source["metric"]["selector"]);
        let object = self.world.get(&NAMESPACES, "", namespace);
        let amounts = object.map(|object| usage::outside(&object, metric, &selector));
        let amounts = amounts.unwrap_or_default();
        if amounts.is_empty() {
            return Err(format!(
                "unable to get external metric {namespace}/{metric}/{told}: unable to fetch metrics from external metrics API: the server could not find the requested resource (get {metric}.external.metrics.k8s.io)"
            ));
        }
        let amount = amounts
            .iter()
            .fold(0_i64, |sum, one| sum.saturating_add(one.milli_value()));
        let told = format!("external metric {metric}({told})");
        let target = &source["target"];
        if let Some(average) = milli(&target["averageValue"]) {
            let (wanted, each) = self.for_each(amount, average);
            return Ok((wanted, told, json!({"averageValue": decimal(each)})));
        }
        let Some(value) = milli(&target["value"]) else {
            return Err("invalid external metric source: neither a value target nor an average value target was set".to_owned());
        };
        let wanted = self.by_ratio(amount as f64 / value as f64)?;
        Ok((wanted, told, json!({"value": decimal(amount)})))
    }

    /// As many times what is ready as an amount is of its target.
    fn by_ratio(&self, ratio: f64) -> Result<i64, String> {
        if self.target.replicas == 0 {
            return Ok(ratio.ceil() as i64);
        }
        if self.tolerance.takes(ratio) {
            return Ok(self.target.replicas);
        }
        let wanted = ratio * replicas::ready(&self.pods)? as f64;
        Ok(wanted.ceil().min(f64::from(i32::MAX)) as i64)
    }

    /// As many as share an amount, each the target's; and what each has now.
    fn for_each(&self, amount: i64, target: i64) -> (i64, i64) {
        let there = self.target.there;
        let ratio = amount as f64 / (target as f64 * there as f64);
        let wanted = if self.tolerance.takes(ratio) {
            there
        } else {
            let wanted = amount as f64 / target as f64;
            wanted.ceil().min(f64::from(i32::MAX)) as i64
        };
        (wanted, (amount as f64 / there as f64).ceil() as i64)
    }
}

const NO_CUSTOM_METRICS: &str = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered";

fn selector(source: &Value) -> Result<LabelSelector, String> {
    LabelSelector::from_json_or_everything(source["metric"].get("selector"))
        .map_err(|error| error.to_string())
}

fn milli(amount: &Value) -> Option<i64> {
    Quantity::from_json(amount).map(|amount| amount.milli_value())
}

fn decimal(milli: i64) -> String {
    Quantity::from_milli(milli, Format::DecimalSi).to_string()
}

/// What containers of a pod ask for together, or one of them.
fn request(pod: &Object, resource: &str, container: &str) -> Result<i64, String> {
    let sidecars = pod.items(&["spec", "initContainers"]).iter();
    let sidecars = sidecars.filter(|one| one["restartPolicy"] == "Always");
    let mut sum = 0;
    let mut has_found = container.is_empty();
    for one in pod.items(&["spec", "containers"]).iter().chain(sidecars) {
        let name = one["name"].as_str().unwrap_or("");
        if !container.is_empty() && name != container {
            continue;
        }
        has_found = true;
        let asked = milli(&one["resources"]["requests"][resource]).ok_or_else(|| {
            let pod = pod.name();
            format!("missing request for {resource} in container {name} of Pod {pod}")
        })?;
        sum += asked;
    }
    if !has_found {
        return Err(format!(
            "container {container} not found in Pod {}",
            pod.name()
        ));
    }
    Ok(sum)
}

/// A selector as Go prints it.
fn go_text(selector: &Value) -> String {
    if selector.is_null() {
        return "nil".to_owned();
    }
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let labels: Vec<String> = labels
        .map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or("")))
        .collect();
    let labels = labels.concat();
    let rules = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten();
    let rules: Vec<String> = rules
        .map(|rule| {
            let text = |field: &str| rule[field].as_str().unwrap_or("").to_owned();
            let values = rule["values"].as_array().into_iter().flatten();
            let values: Vec<&str> = values.filter_map(Value::as_str).collect();
            let (key, operator, values) = (text("key"), text("operator"), values.join(" "));
            format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},")
        })
        .collect();
    let rules = rules.concat();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{rules}}},}}"
    )
}

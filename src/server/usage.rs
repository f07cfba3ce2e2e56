//! `metrics.k8s.io`: what nodes and pods use, as whoever measures them would answer.
//!
//! *Upstream:* `metrics-server/pkg/api/{node,pod}.go`.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::Door;
use super::encode::{self, Answer};
use super::filters::Asked;
use crate::aggregate::usage::GROUP_VERSION;
use crate::error::ApiError;
use crate::object::quantity::Quantity;
use crate::object::selector::{FieldSelector, LabelSelector};
use crate::object::{GroupResource, Key, Object};
use crate::registry::Form;
use crate::server::negotiate::{self, Encoding, Endpoint};
use crate::usage;

/// Answers a request to the group.
pub(super) fn answer(door: &Door, asked: &Asked) -> Answer {
    let found = if asked.method == Method::GET {
        look(door, asked)
    } else {
        let plural = asked.path.rsplit('/').next().unwrap_or("");
        let resource = GroupResource::new("metrics.k8s.io", plural);
        Err(ApiError::method_not_allowed(
            &resource,
            asked.method.as_str(),
        ))
    };
    let endpoint = match asked.path.trim_end_matches('/').rsplit('/').next() {
        Some("v1beta1") | None => Endpoint::Document,
        Some("nodes" | "pods") => Endpoint::Collection,
        Some(_) => Endpoint::Object,
    };
    let media = negotiate::output(&asked.headers, &asked.query, endpoint);
    let media = media.map_err(|refusal| refusal.error(endpoint, false));
    match found.and_then(|value| Ok((value, media?))) {
        Ok((value, mut media)) => {
            if media.encoding == Encoding::Protobuf {
                // Differs: what is measured is written in JSON, which all who ask read as well.
                media.encoding = Encoding::Json;
            }
            let value = match media.form {
                Form::Object => value,
                Form::Table { is_beta } => table(&value, is_beta, asked),
                Form::Metadata { is_beta } => metadata(&value, is_beta),
            };
            media.form = Form::Object;
            encode::json(value.to_string().into(), media, &asked.headers)
        }
        Err(error) => encode::error(&error, &asked.headers, &asked.query),
    }
}

/// The objects of an answer: the items of a list, or the one.
fn objects(value: &Value) -> Vec<Value> {
    match value["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![value.clone()],
    }
}

/// What is measured as a Table: a column for each resource, and how long was measured.
///
/// *Upstream:* `metrics-server/pkg/api/table.go`.
fn table(value: &Value, is_beta: bool, asked: &Asked) -> Value {
    let objects = objects(value);
    let version = if is_beta { "v1beta1" } else { "v1" };
    let api_version = format!("meta.k8s.io/{version}");
    let usages = |object: &Value| -> Vec<Value> {
        match object["containers"].as_array() {
            Some(containers) => containers.iter().map(|one| one["usage"].clone()).collect(),
            None => vec![object["usage"].clone()],
        }
    };
    let resources = objects.first().map(usages).unwrap_or_default();
    let resources = resources.first().and_then(Value::as_object);
    let resources: Vec<String> = resources
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    let amount = |object: &Value, resource: &str| {
        let mut sum = Quantity::ZERO;
        for usage in usages(object) {
            let amount = usage[resource]
                .as_str()
                .and_then(|text| Quantity::parse(text).ok());
            sum.add(&amount.unwrap_or(Quantity::ZERO));
        }
        sum.to_string()
    };
    let column = |name: &str, format: &str, description: &str| {
        json!({"name": name, "type": "string", "format": format, "description": description,
            "priority": 0})
    };
    let mut columns = Vec::new();
    if !objects.is_empty() {
        columns.push(column("Name", "name", "Name of the resource"));
        columns.extend(resources.iter().map(|name| column(name, "quantity", "")));
        columns.push(column("Window", "duration", ""));
    }
    let wanted = asked.query.iter().find(|(key, _)| key == "includeObject");
    let wanted = wanted.map_or("Metadata", |(_, value)| value.as_str());
    let rows = objects.iter().map(|object| {
        let mut cells = vec![object["metadata"]["name"].clone()];
        cells.extend(
            resources
                .iter()
                .map(|name| Value::from(amount(object, name))),
        );
        cells.push(object["window"].clone());
        let shown = match wanted {
            "None" => Value::Null,
            "Object" => object.clone(),
            _ => json!({"kind": "PartialObjectMetadata", "apiVersion": api_version,
                "metadata": object["metadata"]}),
        };
        json!({"cells": cells, "object": shown})
    });
    let rows: Vec<Value> = rows.collect();
    let list = if value["items"].is_array() {
        value["metadata"].clone()
    } else {
        json!({})
    };
    json!({"kind": "Table", "apiVersion": api_version, "metadata": list,
        "columnDefinitions": columns, "rows": rows})
}

/// Metadata alone.
fn metadata(value: &Value, is_beta: bool) -> Value {
    let version = if is_beta { "v1beta1" } else { "v1" };
    let api_version = format!("meta.k8s.io/{version}");
    let partial = |object: &Value| {
        json!({"kind": "PartialObjectMetadata", "apiVersion": api_version,
            "metadata": object["metadata"]})
    };
    if !value["items"].is_array() {
        return partial(value);
    }
    let items: Vec<Value> = objects(value).iter().map(partial).collect();
    json!({"kind": "PartialObjectMetadataList", "apiVersion": api_version,
        "metadata": value["metadata"], "items": items})
}

fn look(door: &Door, asked: &Asked) -> Result<Value, ApiError> {
    let place = format!("/apis/{GROUP_VERSION}");
    let rest = asked.path.strip_prefix(&place).unwrap_or("");
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => Ok(json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": GROUP_VERSION,
            "resources": [
                {
                    "name": "nodes", "singularName": "", "namespaced": false,
                    "kind": "NodeMetrics", "verbs": ["get", "list"],
                },
                {
                    "name": "pods", "singularName": "", "namespaced": true,
                    "kind": "PodMetrics", "verbs": ["get", "list"],
                },
            ],
        })),
        ["nodes"] => list(door, asked, "nodes", ""),
        ["pods"] => list(door, asked, "pods", ""),
        ["namespaces", namespace, "pods"] => list(door, asked, "pods", namespace),
        ["nodes", name] => get(door, "nodes", &Key::new("", name)),
        ["namespaces", namespace, "pods", name] => get(door, "pods", &Key::new(namespace, name)),
        _ => Err(ApiError::path_not_found()),
    }
}

fn get(door: &Door, plural: &str, key: &Key) -> Result<Value, ApiError> {
    let (what, name) = match plural {
        "nodes" => ("nodemetrics", key.name().to_owned()),
        _ => ("podmetrics", format!("{}/{}", key.namespace(), key.name())),
    };
    let not_found = || ApiError::not_found(&GroupResource::new("metrics.k8s.io", what), &name);
    let resource = GroupResource::new("", plural);
    let stored = door.registry.reader.get(&resource, key);
    let object = stored.ok_or_else(not_found)?.parsed();
    metrics(door, plural, &object).ok_or_else(not_found)
}

fn list(door: &Door, asked: &Asked, plural: &str, namespace: &str) -> Result<Value, ApiError> {
    let asked_for = |name: &str| {
        let mut pairs = asked.query.iter();
        pairs
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let wrong = |error: &dyn std::fmt::Display| ApiError::bad_request(error.to_string());
    let labels = LabelSelector::parse(asked_for("labelSelector")).map_err(|error| wrong(&error))?;
    let fields = FieldSelector::parse(asked_for("fieldSelector")).map_err(|error| wrong(&error))?;
    let resource = GroupResource::new("", plural);
    let snapshot = door.registry.reader.snapshot(&resource, None);
    let snapshot = snapshot.map_err(|error| ApiError::internal(error.to_string()))?;
    let chosen = snapshot.objects(Some(namespace), None).filter(|stored| {
        let field = |name: &str| match name {
            "metadata.name" => stored.key.name(),
            "metadata.namespace" => stored.key.namespace(),
            _ => "",
        };
        labels.matches(|key| stored.label(key)) && fields.matches(field)
    });
    let items = chosen.filter_map(|stored| {
        let mut item = metrics(door, plural, &stored.parsed())?;
        let map = item.as_object_mut()?;
        map.remove("kind");
        map.remove("apiVersion");
        Some(item)
    });
    let items: Vec<Value> = items.collect();
    let kind = if plural == "nodes" {
        "NodeMetricsList"
    } else {
        "PodMetricsList"
    };
    Ok(json!({"kind": kind, "apiVersion": GROUP_VERSION, "metadata": {}, "items": items}))
}

fn metrics(door: &Door, plural: &str, object: &Object) -> Option<Value> {
    let now = door.registry.clock.now();
    if plural == "pods" {
        return usage::pod_metrics(object, now);
    }
    let pods = GroupResource::new("", "pods");
    let snapshot = door.registry.reader.snapshot(&pods, None).ok()?;
    let pods = snapshot.objects(None, None).map(|stored| stored.parsed());
    let pods: Vec<Arc<Object>> = pods
        .filter(|pod| pod.text(&["spec", "nodeName"]) == object.name())
        .collect();
    usage::node_metrics(object, &pods, now)
}

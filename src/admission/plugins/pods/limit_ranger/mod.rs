//! Limits of a namespace: what containers get that ask for nothing, and what none may exceed.
//!
//! *Upstream:* `plugin/pkg/admission/limitranger/admission.go`.

mod constraint;
mod totals;

use serde_json::{Map, Value};

use super::forbidden;
use crate::admission::{Attributes, Operation, Plugin};
use crate::auth::authorize::aggregate;
use crate::error::ApiError;
use crate::object::{GroupResource, Object};

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct LimitRanger;

/// What of a write the limits speak of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Pod,
    Claim,
}

fn subject(write: &Attributes) -> Option<Subject> {
    let resource = write.resource.group_resource();
    if !resource.group.is_empty() || write.old.is_some_and(Object::is_being_deleted) {
        return None;
    }
    let is_update = write.operation == Operation::Update;
    match (resource.resource.as_ref(), write.subresource) {
        // Containers of a pod that is there change through its resize face only.
        ("pods", "") if write.operation == Operation::Create => Some(Subject::Pod),
        ("pods", "resize") if is_update => Some(Subject::Pod),
        ("persistentvolumeclaims", "") if is_update || write.operation == Operation::Create => {
            Some(Subject::Claim)
        }
        _ => None,
    }
}

/// The items of all limit ranges of the namespace.
fn limits(write: &Attributes) -> Result<Vec<Vec<Value>>, ApiError> {
    let resource = GroupResource::new("", "limitranges");
    let all = write.reader.snapshot(&resource, None);
    let all = all.map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(all
        .objects(Some(write.namespace), None)
        .map(|range| range.object().items(&["spec", "limits"]).to_vec())
        .collect())
}

impl Plugin for LimitRanger {
    fn name(&self) -> &'static str {
        "LimitRanger"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        if subject(write) != Some(Subject::Pod) {
            return Ok(());
        }
        for items in limits(write)? {
            fill(object, &items);
        }
        Ok(())
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let (Some(subject), Some(object)) = (subject(write), object) else {
            return Ok(());
        };
        for items in limits(write)? {
            let mut wrong: Vec<String> = Vec::new();
            for item in &items {
                match (subject, item["type"].as_str()) {
                    (Subject::Claim, Some("PersistentVolumeClaim")) => {
                        constraint::claim(item, object, &mut wrong);
                    }
                    (Subject::Pod, Some("Container")) => {
                        for list in ["containers", "initContainers"] {
                            for container in object.items(&["spec", list]) {
                                let amounts = totals::Amounts::of(&container["resources"]);
                                constraint::all(item, "Container", &amounts, &mut wrong);
                            }
                        }
                    }
                    (Subject::Pod, Some("Pod")) => {
                        let amounts = totals::of_pod(object);
                        constraint::all(item, "Pod", &amounts, &mut wrong);
                    }
                    _ => {}
                }
            }
            if !wrong.is_empty() {
                return Err(forbidden(write, object, &aggregate(&wrong)));
            }
        }
        Ok(())
    }
}

/// Gives containers what they do not ask for, and says so in an annotation.
fn fill(object: &mut Object, items: &[Value]) {
    let defaults = |name: &str| -> Map<String, Value> {
        items
            .iter()
            .filter(|item| item["type"] == "Container")
            .filter_map(|item| item[name].as_object())
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let (limits, requests) = (defaults("default"), defaults("defaultRequest"));
    let mut said: Vec<String> = Vec::new();
    for (list, what) in [
        ("containers", "container"),
        ("initContainers", "init container"),
    ] {
        let list = object
            .get_mut(&["spec", list])
            .and_then(Value::as_array_mut);
        for container in list.into_iter().flatten() {
            let name = container["name"].as_str().unwrap_or("").to_owned();
            for (which, words, defaults) in [
                ("requests", "request", &requests),
                ("limits", "limit", &limits),
            ] {
                let set = merge(container, which, defaults);
                if !set.is_empty() {
                    said.push(format!("{} {words} for {what} {name}", set.join(", ")));
                }
            }
        }
    }
    if !said.is_empty() {
        let text = format!("LimitRanger plugin set: {}", said.join("; "));
        object.set(&["metadata", "annotations", ANNOTATION], text);
    }
}

/// Sets what is missing; gives back the names of what was.
fn merge(container: &mut Value, which: &str, defaults: &Map<String, Value>) -> Vec<String> {
    let mut set = Vec::new();
    for (name, value) in defaults {
        let is_there = container["resources"][which].get(name).is_some();
        if !is_there {
            container["resources"][which][name.as_str()] = value.clone();
            set.push(name.clone());
        }
    }
    set
}

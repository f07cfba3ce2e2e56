//! What the runtime of a pod costs and where it runs is what its class says.
//!
//! *Upstream:* `plugin/pkg/admission/runtimeclass/admission.go`.

use serde_json::Value;

use super::{forbidden, is_of_pods};
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::{GroupResource, Key, Object};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct RuntimeClass;

const MISMATCH: &str = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

impl Plugin for RuntimeClass {
    fn name(&self) -> &'static str {
        "RuntimeClass"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        if !is_of_pods(write) || write.operation != Operation::Create {
            return Ok(());
        }
        let Some(class) = class_of(write, object)? else {
            return Ok(());
        };
        if let Some(overhead) = class.get(&["overhead", "podFixed"]) {
            let own = object.get(&["spec", "overhead"]);
            if own.is_some_and(|own| !is_empty(own) && own != overhead) {
                return Err(forbidden(write, object, MISMATCH));
            }
            object.set(&["spec", "overhead"], overhead.clone());
        }
        schedule(write, object, &class)
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let Some(object) = object else {
            return Ok(());
        };
        if !is_of_pods(write) || write.operation != Operation::Create {
            return Ok(());
        }
        let class = class_of(write, object)?;
        let said = class
            .as_ref()
            .and_then(|class| class.get(&["overhead", "podFixed"]));
        let own = object.get(&["spec", "overhead"]);
        match (said, own) {
            (Some(said), own) if own != Some(said) => Err(forbidden(write, object, MISMATCH)),
            (None, Some(own)) if !own.is_null() => Err(forbidden(
                write,
                object,
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined \
                 Overhead",
            )),
            _ => Ok(()),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_none_or(serde_json::Map::is_empty)
}

/// The class that a pod names.
fn class_of(write: &Attributes, object: &Object) -> Result<Option<Object>, ApiError> {
    let name = object.text(&["spec", "runtimeClassName"]);
    if object
        .get(&["spec", "runtimeClassName"])
        .is_none_or(Value::is_null)
    {
        return Ok(None);
    }
    let classes = GroupResource::new("node.k8s.io", "runtimeclasses");
    if let Some(class) = write.reader.get(&classes, &Key::new("", name)) {
        Ok(Some(class.object()))
    } else {
        let why = format!("pod rejected: RuntimeClass {name:?} not found");
        Err(forbidden(write, object, &why))
    }
}

/// The class's node selector and tolerations come on top of the pod's.
fn schedule(write: &Attributes, object: &mut Object, class: &Object) -> Result<(), ApiError> {
    let said = class.get(&["scheduling", "nodeSelector"]);
    for (key, value) in said.and_then(Value::as_object).into_iter().flatten() {
        let own = object.get(&["spec", "nodeSelector", key]);
        if let Some(own) = own.filter(|own| *own != value) {
            let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
            let why = format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {}; \
                 pod.spec.nodeSelector[{key}] = {}",
                text(value),
                text(own)
            );
            return Err(forbidden(write, object, &why));
        }
        object.set(&["spec", "nodeSelector", key], value.clone());
    }
    let mut all = object.items(&["spec", "tolerations"]).to_vec();
    let count = all.len();
    for toleration in class.items(&["scheduling", "tolerations"]) {
        if !all.contains(toleration) {
            all.push(toleration.clone());
        }
    }
    if all.len() > count {
        object.set(&["spec", "tolerations"], all);
    }
    Ok(())
}

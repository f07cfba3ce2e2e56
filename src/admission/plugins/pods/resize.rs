//! A pod is resized only where its node can bear it.
//!
//! *Upstream:* `plugin/pkg/admission/podresize/admission.go`.

use super::forbidden;
use crate::admission::plugins::usage;
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::{ApiError, Cause};
use crate::object::quantity::Quantity;
use crate::object::quote::quoted;
use crate::object::{GroupResource, Key, Object};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct PodResizeValidator;

impl Plugin for PodResizeValidator {
    fn name(&self) -> &'static str {
        "PodResizeValidator"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_resize = write.operation == Operation::Update && write.is_of("", "pods", "resize");
        let (Some(object), Some(old), true) = (object, write.old, is_resize) else {
            return Ok(());
        };
        let name = object.text(&["spec", "nodeName"]);
        if name.is_empty() || old.generation() == object.generation() {
            return Ok(());
        }
        let node = write
            .reader
            .get(&GroupResource::new("", "nodes"), &Key::new("", name));
        let Some(node) = node else {
            let why = format!("node {} not found", quoted(name));
            return Err(forbidden(write, object, &why));
        };
        let system = node.label("kubernetes.io/os").unwrap_or("linux");
        if system != "linux" {
            let why = format!(
                "pod resize is only supported on linux nodes, node {} is {}",
                quoted(name),
                quoted(system)
            );
            return Err(refusal(write, object, &why, "UnsupportedPlatform"));
        }
        check_capacity(write, object, &node.object())
    }
}

fn check_capacity(write: &Attributes, pod: &Object, node: &Object) -> Result<(), ApiError> {
    let requests = usage::of_pod(pod, "requests");
    let of = |name: &str| {
        let asked = requests.get(name).cloned().unwrap_or(Quantity::ZERO);
        let given = node.get(&["status", "allocatable", name]);
        let given = given
            .and_then(Quantity::from_json)
            .unwrap_or(Quantity::ZERO);
        (asked, given)
    };
    let mut wrong = Vec::new();
    let (asked, given) = of("cpu");
    if asked > given {
        wrong.push(format!(
            "cpu, requested: {}, allocatable: {}",
            asked.milli_value(),
            given.milli_value()
        ));
    }
    let (asked, given) = of("memory");
    if asked > given {
        wrong.push(format!(
            "memory, requested: {}, allocatable: {}",
            asked.value(),
            given.value()
        ));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let why = format!(
        "node didn't have enough allocatable resources: {}",
        wrong.join("; ")
    );
    Err(refusal(write, pod, &why, "NodeCapacity"))
}

fn refusal(write: &Attributes, pod: &Object, why: &str, reason: &str) -> ApiError {
    let error = forbidden(write, pod, why);
    let mut details = error.details().cloned().unwrap_or_default();
    details.causes.push(Cause {
        reason: reason.to_owned(),
        ..Cause::default()
    });
    error.with_details(details)
}

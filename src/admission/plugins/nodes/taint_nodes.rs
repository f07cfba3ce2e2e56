//! A new node takes no pods until it is seen to be ready.
//!
//! *Upstream:* `plugin/pkg/admission/nodetaint/admission.go`.

use serde_json::json;

use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::Object;

const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct TaintNodesByCondition;

impl Plugin for TaintNodesByCondition {
    fn name(&self) -> &'static str {
        "TaintNodesByCondition"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        let resource = write.resource.group_resource();
        let is_node = resource.group.is_empty() && resource.resource.as_ref() == "nodes";
        if write.operation != Operation::Create || !is_node || !write.subresource.is_empty() {
            return Ok(());
        }
        let mut taints = object.items(&["spec", "taints"]).to_vec();
        let is_there = taints
            .iter()
            .any(|taint| taint["key"] == NOT_READY && taint["effect"] == "NoSchedule");
        if !is_there {
            taints.push(json!({"key": NOT_READY, "effect": "NoSchedule"}));
            object.set(&["spec", "taints"], taints);
        }
        Ok(())
    }
}

//! A pod bears the region and the zone of its node.
//!
//! *Upstream:* `plugin/pkg/admission/podtopologylabels/admission.go`.

use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::{GroupResource, Key, Object};

/// The labels that are taken over.
const LABELS: [&str; 2] = [
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct PodTopologyLabels;

impl Plugin for PodTopologyLabels {
    fn name(&self) -> &'static str {
        "PodTopologyLabels"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        if write.operation != Operation::Create {
            return Ok(());
        }
        let node = if write.is_of("", "pods", "") {
            object.text(&["spec", "nodeName"])
        } else if write.is_of("", "pods", "binding") && object.text(&["target", "kind"]) == "Node" {
            object.text(&["target", "name"])
        } else {
            ""
        };
        if node.is_empty() {
            return Ok(());
        }
        let nodes = GroupResource::new("", "nodes");
        let Some(node) = write.reader.get(&nodes, &Key::new("", node)) else {
            return Ok(());
        };
        for key in LABELS {
            if let Some(value) = node.label(key) {
                object.set(&["metadata", "labels", key], value);
            }
        }
        Ok(())
    }
}

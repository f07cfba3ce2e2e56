//! A pod on a node is changed only in ways that the node has said it can follow.
//!
//! *Upstream:* `plugin/pkg/admission/nodedeclaredfeatures/admission.go`,
//! `component-helpers/nodedeclaredfeatures`.

use serde_json::Value;

use super::forbidden_without;
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::quantity::Quantity;
use crate::object::{GroupResource, Key, Object};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct NodeDeclaredFeatureValidator;

/// Whether a change needs a feature.
type Needs = fn(&Object, &Object) -> bool;

/// Features that changes may need, by name.
const FEATURES: [(&str, Needs); 3] = [
    ("InPlacePodLevelResourcesVerticalScaling", |old, new| {
        let path = ["spec", "resources"];
        !is_same(
            old.get(&path).unwrap_or(&Value::Null),
            new.get(&path).unwrap_or(&Value::Null),
        )
    }),
    ("InPlacePodVerticalScalingInitContainers", |old, new| {
        let path = ["spec", "initContainers"];
        let mut pairs = old.items(&path).iter().zip(new.items(&path));
        pairs.any(|(old, new)| {
            old["restartPolicy"] != "Always" && !is_same(&old["resources"], &new["resources"])
        })
    }),
    (
        "InPlacePodVerticalScalingMemoryBackedVolumes",
        |old, new| {
            let path = ["spec", "volumes"];
            let (old, new) = (old.items(&path), new.items(&path));
            let mut pairs = old.iter().zip(new);
            old.len() == new.len()
                && pairs.any(|(old, new)| {
                    let limits = [old, new].map(|volume| &volume["emptyDir"]["sizeLimit"]);
                    old["name"] == new["name"]
                        && new["emptyDir"]["medium"] == "Memory"
                        && limits.iter().all(|limit| !limit.is_null())
                        && !is_same(limits[0], limits[1])
                })
        },
    ),
];

/// Whether two trees say the same, amounts in whatever words.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|other| is_same(value, other)))
        }
        (Value::String(_), Value::String(_)) if one != other => {
            let amounts = [one, other].map(Quantity::from_json);
            matches!(amounts, [Some(one), Some(other)] if one == other)
        }
        _ => one == other,
    }
}

impl Plugin for NodeDeclaredFeatureValidator {
    fn name(&self) -> &'static str {
        "NodeDeclaredFeatureValidator"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_seen = write.is_of("", "pods", "") || write.is_of("", "pods", "resize");
        let (Some(object), Some(old), true) = (object, write.old, is_seen) else {
            return Ok(());
        };
        let node = object.text(&["spec", "nodeName"]);
        let is_new_spec = object.generation() != old.generation();
        if write.operation != Operation::Update || node.is_empty() || !is_new_spec {
            return Ok(());
        }
        let needed: Vec<&str> = FEATURES
            .iter()
            .filter(|(_, needs)| needs(old, object))
            .map(|(name, _)| *name)
            .collect();
        if needed.is_empty() {
            return Ok(());
        }
        let refuse = |why: String| Err(forbidden_without(write, Some(object), &why));
        let nodes = GroupResource::new("", "nodes");
        let Some(found) = write.reader.get(&nodes, &Key::new("", node)) else {
            return refuse(format!("node \"{node}\" not found"));
        };
        let found = found.parsed();
        let declared = found.items(&["status", "declaredFeatures"]);
        let missing: Vec<&str> = needed
            .into_iter()
            .filter(|name| !declared.iter().any(|own| own == name))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        refuse(format!(
            "pod update requires features {missing} which are not available on node \"{node}\""
        ))
    }
}

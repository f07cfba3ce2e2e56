//! Pods that ask for special devices tolerate the taints of the nodes that have them.
//!
//! *Upstream:* `plugin/pkg/admission/extendedresourcetoleration/admission.go`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::is_of_pods;
use crate::admission::{Attributes, Plugin};
use crate::error::ApiError;
use crate::object::Object;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct ExtendedResourceToleration;

impl Plugin for ExtendedResourceToleration {
    fn name(&self) -> &'static str {
        "ExtendedResourceToleration"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        if !is_of_pods(write) {
            return Ok(());
        }
        let mut names: BTreeSet<String> = BTreeSet::new();
        for list in ["containers", "initContainers"] {
            for container in object.items(&["spec", list]) {
                let requests = container["resources"]["requests"].as_object();
                let asked = requests.into_iter().flat_map(|map| map.keys());
                names.extend(asked.filter(|name| is_extended(name)).cloned());
            }
        }
        if names.is_empty() {
            return Ok(());
        }
        let mut all = object.items(&["spec", "tolerations"]).to_vec();
        for name in names {
            let same = |one: &Value| {
                one["key"] == *name
                    && one["effect"] == "NoSchedule"
                    && one["operator"] == "Exists"
                    && one.get("value").is_none_or(|value| value == "")
            };
            let new = json!({"key": name, "operator": "Exists", "effect": "NoSchedule"});
            match all.iter_mut().find(|one| same(one)) {
                Some(old) => *old = new,
                None => all.push(new),
            }
        }
        object.set(&["spec", "tolerations"], all);
        Ok(())
    }
}

/// Whether a resource is named by somebody other than Kubernetes.
fn is_extended(name: &str) -> bool {
    let is_foreign = name.split_once('/').is_some_and(|(domain, _)| {
        domain != "kubernetes.io" && !domain.ends_with(".kubernetes.io")
    });
    is_foreign && !name.starts_with("requests.")
}

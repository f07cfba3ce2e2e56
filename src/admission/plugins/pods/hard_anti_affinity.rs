//! Pods keep others away from their node at most, not from more of the cluster.
//!
//! *Upstream:* `plugin/pkg/admission/antiaffinity/admission.go`.

use super::is_of_pods;
use crate::admission::{Attributes, Plugin};
use crate::error::ApiError;
use crate::object::Object;

const HOSTNAME: &str = "kubernetes.io/hostname";

const TERMS: [&str; 4] = [
    "spec",
    "affinity",
    "podAntiAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
];

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct LimitPodHardAntiAffinityTopology;

impl Plugin for LimitPodHardAntiAffinityTopology {
    fn name(&self) -> &'static str {
        "LimitPodHardAntiAffinityTopology"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let Some(object) = object.filter(|_| is_of_pods(write)) else {
            return Ok(());
        };
        let keys = object.items(&TERMS).iter();
        let mut keys = keys.map(|term| term["topologyKey"].as_str().unwrap_or(""));
        match keys.find(|key| *key != HOSTNAME) {
            None => Ok(()),
            Some(key) => {
                let why = format!(
                    "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey {key} but \
                     only key {HOSTNAME} is allowed"
                );
                let resource = write.resource.group_resource();
                Err(ApiError::forbidden(&resource, object.name(), &why))
            }
        }
    }
}

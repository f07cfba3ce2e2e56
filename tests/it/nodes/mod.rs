//! Nodes that run pods: registration, leases, and what becomes of pods there.

mod kubelet;
mod registration;
mod stages;

use mockernetes::Cluster;
use mockernetes::client::Api;
use serde_json::{Value, json};

pub(crate) use crate::controllers::living_cluster_with_nodes;

/// The pods of the namespace `default`.
pub(crate) fn pods(cluster: &Cluster) -> Api {
    cluster.client().api("v1", "pods").namespace("default")
}

/// A pod with these annotations.
pub(crate) fn pod(name: &str, annotations: &Value) -> Value {
    json!({
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    })
}

/// The status of a condition; empty where there is none.
pub(crate) fn condition(object: &Value, kind: &str) -> String {
    let conditions = object["status"]["conditions"].as_array();
    let mut all = conditions.into_iter().flatten();
    all.find(|one| one["type"] == kind)
        .and_then(|one| one["status"].as_str())
        .unwrap_or("")
        .to_owned()
}

//! A living cluster: what controllers make of what is asked for.

// Workloads.
mod bootstrap_token;
mod cron_job;
mod daemon_set;
mod deployment;
mod job;
mod stateful_set;
mod storage_version;
mod workloads;

// Everything else.
mod autoscaling;
mod certificates;
mod cloud;
mod cluster_role;
mod disruption;
mod endpoints;
mod garbage_collector;
mod mirroring;
mod namespace;
mod node;
mod policy_status;
mod replica_set;
mod resource_claim;
mod resource_quota;
mod scheduler;
mod service_account;
mod service_cidr;
mod volume;
mod volume_use;

use mockernetes::Cluster;
use mockernetes::controllers::Selection;
use mockernetes::sim::Clock;
use serde_json::{Value, json};

/// A cluster with all controllers, whose time is the test's.
pub(crate) async fn living_cluster() -> Cluster {
    living_cluster_with_nodes(0).await
}

/// The same with nodes that run pods.
pub(crate) async fn living_cluster_with_nodes(count: u32) -> Cluster {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let cluster = Cluster::builder()
        .bare()
        .seed(1)
        .clock(Clock::virtual_at(start))
        .controllers(Selection::AllBut(Vec::new()))
        .nodes(count)
        .start()
        .await
        .unwrap();
    cluster.settle().await;
    cluster
}

/// A pod template with these labels.
pub(crate) fn template(labels: &Value) -> Value {
    json!({
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    })
}

/// The items of a list.
pub(crate) fn items(list: &Value) -> &[Value] {
    list["items"].as_array().unwrap()
}

//! Nodes, their taints and the pods that must go.

use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::client::PatchKind;
use serde_json::{Value, json};

use super::living_cluster;

/// A cluster with a node that says it is ready, once, and a pod on it.
async fn cluster_with_node() -> Cluster {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let nodes = client.api("v1", "nodes");
    nodes
        .create(&json!({"metadata": {"name": "n"}}))
        .await
        .unwrap();
    set_ready(&cluster, "True").await;
    let pod = json!({
        "metadata": {"name": "a"},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "nginx"}]},
    });
    client
        .api("v1", "pods")
        .namespace("default")
        .create(&pod)
        .await
        .unwrap();
    cluster.settle().await;
    cluster
}

async fn set_ready(cluster: &Cluster, status: &str) {
    let now = cluster
        .clock()
        .now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let condition = json!([{"type": "Ready", "status": status, "lastHeartbeatTime": now}]);
    let patch = json!({"status": {"conditions": condition}});
    let headers = [("content-type", "application/merge-patch+json")];
    let client = cluster.client();
    let reply = client.request(
        "PATCH",
        "/api/v1/nodes/n/status",
        &headers,
        patch.to_string(),
    );
    reply.await.into_json().await.unwrap();
    cluster.settle().await;
}

async fn taints(cluster: &Cluster) -> Vec<(String, String)> {
    let node = cluster.client().api("v1", "nodes").get("n").await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let taints = node["spec"]["taints"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    taints
        .iter()
        .map(|one| (text(&one["key"]), text(&one["effect"])))
        .collect()
}

async fn pod(cluster: &Cluster) -> Option<Value> {
    let api = cluster.client().api("v1", "pods").namespace("default");
    api.get("a").await.ok()
}

#[tokio::test]
async fn a_cordoned_node_is_tainted_until_it_is_not() {
    let cluster = cluster_with_node().await;
    assert_eq!(taints(&cluster).await, []);
    let nodes = cluster.client().api("v1", "nodes");
    let cordon = |is_cordoned: Value| json!({"spec": {"unschedulable": is_cordoned}});
    nodes
        .patch("n", PatchKind::Merge, &cordon(json!(true)))
        .await
        .unwrap();
    cluster.settle().await;
    let taint = (
        "node.kubernetes.io/unschedulable".to_owned(),
        "NoSchedule".to_owned(),
    );
    assert_eq!(taints(&cluster).await, [taint]);
    nodes
        .patch("n", PatchKind::Merge, &cordon(Value::Null))
        .await
        .unwrap();
    cluster.settle().await;
    assert_eq!(taints(&cluster).await, []);
}

#[tokio::test]
async fn pods_of_a_silent_node_go_once_their_patience_ends() {
    let cluster = cluster_with_node().await;
    cluster.advance(Duration::from_mins(2)).await;
    let node = cluster.client().api("v1", "nodes").get("n").await.unwrap();
    let ready = &node["status"]["conditions"][0];
    assert_eq!(ready["status"], "Unknown");
    assert_eq!(ready["reason"], "NodeStatusUnknown");
    let keys: Vec<String> = taints(&cluster)
        .await
        .into_iter()
        .map(|one| one.0)
        .collect();
    assert_eq!(keys, ["node.kubernetes.io/unreachable"; 2]);
    assert_eq!(
        pod(&cluster).await.unwrap()["metadata"]["deletionTimestamp"],
        Value::Null
    );
    // Pods tolerate it for five minutes unless they say otherwise.
    cluster.advance(Duration::from_mins(5)).await;
    let pod = pod(&cluster).await.unwrap();
    assert_ne!(pod["metadata"]["deletionTimestamp"], Value::Null);
    let disrupted = &pod["status"]["conditions"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()["reason"];
    assert_eq!(disrupted, "DeletionByTaintManager");
}

#[tokio::test]
async fn pods_of_a_node_that_is_gone_go_after_a_while() {
    let cluster = cluster_with_node().await;
    cluster
        .client()
        .api("v1", "nodes")
        .delete("n")
        .await
        .unwrap();
    cluster.advance(Duration::from_secs(30)).await;
    assert!(pod(&cluster).await.is_some());
    cluster.advance(Duration::from_secs(30)).await;
    assert_eq!(pod(&cluster).await, None);
}

//! Nodes register, stay ready, and are missed when they stop.

use std::time::Duration;

use mockernetes::client::PatchKind;
use serde_json::{Value, json};

use super::{condition, living_cluster_with_nodes, pod, pods};

#[tokio::test]
async fn a_fleet_registers_and_renews_its_leases() {
    let cluster = living_cluster_with_nodes(3).await;
    cluster.settle().await;
    let nodes = cluster.client().api("v1", "nodes");
    let node = nodes.get("node-2").await.unwrap();
    assert_eq!(condition(&node, "Ready"), "True");
    assert_eq!(node["metadata"]["labels"]["type"], "kwok");
    assert_eq!(node["spec"]["taints"], Value::Null);
    assert_eq!(node["spec"]["podCIDR"], "10.128.2.0/23");
    let leases = cluster.client().api("coordination.k8s.io/v1", "leases");
    let leases = leases.namespace("kube-node-lease");
    let lease = leases.get("node-2").await.unwrap();
    assert_eq!(lease["spec"]["renewTime"], "2026-01-01T00:00:00.000000Z");
    cluster.advance(Duration::from_hours(1)).await;
    let lease = leases.get("node-2").await.unwrap();
    assert_eq!(lease["spec"]["renewTime"], "2026-01-01T01:00:00.000000Z");
    let node = nodes.get("node-2").await.unwrap();
    assert_eq!(condition(&node, "Ready"), "True");
}

#[tokio::test]
async fn a_node_that_somebody_posts_becomes_ready_and_loses_its_taint() {
    let cluster = living_cluster_with_nodes(1).await;
    let nodes = cluster.client().api("v1", "nodes");
    let posted = nodes
        .create(&json!({"metadata": {"name": "mine"}}))
        .await
        .unwrap();
    assert_eq!(
        posted["spec"]["taints"][0]["key"],
        "node.kubernetes.io/not-ready"
    );
    cluster.settle().await;
    let node = nodes.get("mine").await.unwrap();
    assert_eq!(node["status"]["conditions"][0]["type"], "Ready");
    assert_eq!(condition(&node, "Ready"), "True");
    assert_eq!(node["spec"]["taints"], Value::Null);
    assert_eq!(node["status"]["allocatable"]["pods"], "1M");
    assert_eq!(
        node["metadata"]["annotations"]["node.alpha.kubernetes.io/ttl"],
        "0"
    );
}

#[tokio::test]
async fn a_node_whose_kubelet_stops_is_missed_and_comes_back() {
    let cluster = living_cluster_with_nodes(1).await;
    pods(&cluster)
        .create(&pod("web", &json!({})))
        .await
        .unwrap();
    cluster.settle().await;
    let nodes = cluster.client().api("v1", "nodes");
    let stop = json!({"metadata": {"annotations": {"mockernetes.dev/kubelet-stopped": "true"}}});
    nodes
        .patch("node-1", PatchKind::Merge, &stop)
        .await
        .unwrap();
    cluster.advance(Duration::from_mins(1)).await;
    let node = nodes.get("node-1").await.unwrap();
    assert_eq!(condition(&node, "Ready"), "Unknown");
    let taints: Vec<&Value> = node["spec"]["taints"].as_array().unwrap().iter().collect();
    assert_eq!(taints.len(), 2);
    assert!(
        taints
            .iter()
            .all(|one| one["key"] == "node.kubernetes.io/unreachable")
    );
    let web = pods(&cluster).get("web").await.unwrap();
    assert_eq!(condition(&web, "Ready"), "False");
    let go = json!({"metadata": {"annotations": {"mockernetes.dev/kubelet-stopped": null}}});
    nodes.patch("node-1", PatchKind::Merge, &go).await.unwrap();
    cluster.settle().await;
    let node = nodes.get("node-1").await.unwrap();
    assert_eq!(condition(&node, "Ready"), "True");
    assert_eq!(node["spec"]["taints"], Value::Null);
    let web = pods(&cluster).get("web").await.unwrap();
    assert_eq!(condition(&web, "Ready"), "True");
}

#[tokio::test]
async fn a_cordoned_node_has_a_taint_and_takes_no_pods() {
    let cluster = living_cluster_with_nodes(1).await;
    cluster.settle().await;
    let nodes = cluster.client().api("v1", "nodes");
    let cordon = |is_cordoned: bool| json!({"spec": {"unschedulable": is_cordoned}});
    nodes
        .patch("node-1", PatchKind::Merge, &cordon(true))
        .await
        .unwrap();
    cluster.settle().await;
    let node = nodes.get("node-1").await.unwrap();
    assert_eq!(
        node["spec"]["taints"][0]["key"],
        "node.kubernetes.io/unschedulable"
    );
    pods(&cluster)
        .create(&pod("web", &json!({})))
        .await
        .unwrap();
    cluster.settle().await;
    let web = pods(&cluster).get("web").await.unwrap();
    assert_eq!(
        web["status"]["conditions"][0]["message"],
        "0/1 nodes are available: 1 node(s) were unschedulable. \
         preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    );
    nodes
        .patch("node-1", PatchKind::Merge, &cordon(false))
        .await
        .unwrap();
    cluster.settle().await;
    let web = pods(&cluster).get("web").await.unwrap();
    assert_eq!(web["status"]["phase"], "Running");
}

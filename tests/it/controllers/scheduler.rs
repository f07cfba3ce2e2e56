//! The scheduler: who goes where, who waits and why, who makes way.

use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::client::PatchKind;
use serde_json::{Value, json};

use super::living_cluster_with_nodes;

fn pod(name: &str, spec: &Value) -> Value {
    let mut pod = json!({
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    });
    for (field, value) in spec.as_object().unwrap() {
        pod["spec"][field] = value.clone();
    }
    pod
}

async fn create(cluster: &Cluster, name: &str, spec: &Value) {
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.create(&pod(name, spec)).await.unwrap();
}

async fn get(cluster: &Cluster, name: &str) -> Value {
    cluster.settle().await;
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.get(name).await.unwrap()
}

async fn node_of(cluster: &Cluster, name: &str) -> String {
    let pod = get(cluster, name).await;
    pod["spec"]["nodeName"].as_str().unwrap_or("").to_owned()
}

async fn message(cluster: &Cluster, name: &str) -> String {
    let pod = get(cluster, name).await;
    let condition = &pod["status"]["conditions"][0];
    assert_eq!(condition["reason"], "Unschedulable");
    condition["message"].as_str().unwrap().to_owned()
}

fn requests(cpu: &str) -> Value {
    json!([{"name": "web", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}])
}

#[tokio::test]
async fn a_pod_that_fits_nowhere_is_told_why_and_tried_again_when_a_node_changes() {
    let cluster = living_cluster_with_nodes(3).await;
    create(&cluster, "far", &json!({"nodeSelector": {"pool": "gpu"}})).await;
    assert_eq!(
        message(&cluster, "far").await,
        "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. \
         preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    );
    create(&cluster, "big", &json!({"containers": requests("33")})).await;
    assert_eq!(
        message(&cluster, "big").await,
        "0/3 nodes are available: 3 Insufficient cpu. \
         preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    );
    let events = cluster.client().api("v1", "events").namespace("default");
    let events = events
        .list("fieldSelector=reason%3DFailedScheduling")
        .await
        .unwrap();
    assert_eq!(events["items"][0]["type"], "Warning");
    let label = json!({"metadata": {"labels": {"pool": "gpu"}}});
    let nodes = cluster.client().api("v1", "nodes");
    nodes
        .patch("node-2", PatchKind::Merge, &label)
        .await
        .unwrap();
    assert_eq!(node_of(&cluster, "far").await, "node-2");
}

#[tokio::test]
async fn a_pod_of_another_scheduler_and_one_with_gates_are_left_alone() {
    let cluster = living_cluster_with_nodes(1).await;
    create(&cluster, "other", &json!({"schedulerName": "mine"})).await;
    create(
        &cluster,
        "gated",
        &json!({"schedulingGates": [{"name": "example.com/a"}]}),
    )
    .await;
    assert_eq!(node_of(&cluster, "other").await, "");
    let gated = get(&cluster, "gated").await;
    assert_eq!(
        gated["status"]["conditions"][0]["reason"],
        "SchedulingGated"
    );
    let pods = cluster.client().api("v1", "pods").namespace("default");
    let open = json!([{"op": "remove", "path": "/spec/schedulingGates"}]);
    pods.patch("gated", PatchKind::Json, &open).await.unwrap();
    assert_eq!(node_of(&cluster, "gated").await, "node-1");
}

#[tokio::test]
async fn pods_keep_away_from_each_other_or_stay_together() {
    let cluster = living_cluster_with_nodes(2).await;
    let term = json!([{
        "labelSelector": {"matchLabels": {"app": "web"}},
        "topologyKey": "kubernetes.io/hostname",
    }]);
    let required = |kind: &str| json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": term}}});
    create(&cluster, "first", &required("podAffinity")).await;
    let home = node_of(&cluster, "first").await;
    create(&cluster, "second", &required("podAffinity")).await;
    assert_eq!(node_of(&cluster, "second").await, home);
    create(&cluster, "third", &required("podAntiAffinity")).await;
    let away = node_of(&cluster, "third").await;
    assert_ne!(away, home);
    create(&cluster, "fourth", &required("podAntiAffinity")).await;
    assert!(message(&cluster, "fourth").await.starts_with(
        "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules. preemption:"
    ),);
    create(&cluster, "plain", &json!({})).await;
    assert_eq!(node_of(&cluster, "plain").await, home);
}

#[tokio::test]
async fn a_pod_waits_for_its_claim() {
    let cluster = living_cluster_with_nodes(2).await;
    cluster.settle().await;
    let spec = json!({"volumes": [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
    ]});
    create(&cluster, "web", &spec).await;
    assert_eq!(
        message(&cluster, "web").await,
        "0/2 nodes are available: persistentvolumeclaim \"data\" not found. not found"
    );
    let claims = cluster
        .client()
        .api("v1", "persistentvolumeclaims")
        .namespace("default");
    let claim = json!({"metadata": {"name": "data"}, "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "",
    }});
    claims.create(&claim).await.unwrap();
    assert!(message(&cluster, "web").await.starts_with(
        "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
    ),);
}

#[tokio::test]
async fn pods_are_spread_over_the_values_of_a_label() {
    let cluster = living_cluster_with_nodes(3).await;
    cluster.settle().await;
    let spread = json!({"topologySpreadConstraints": [{
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }]});
    let mut homes = Vec::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        create(&cluster, name, &spread).await;
        homes.push(node_of(&cluster, name).await);
    }
    for node in ["node-1", "node-2", "node-3"] {
        assert_eq!(
            homes.iter().filter(|home| *home == node).count(),
            2,
            "{homes:?}"
        );
    }
}

#[tokio::test]
async fn a_pod_of_a_high_priority_has_others_make_way() {
    let cluster = living_cluster_with_nodes(1).await;
    let client = cluster.client();
    let classes = client.api("scheduling.k8s.io/v1", "priorityclasses");
    let high = json!({"metadata": {"name": "high"}, "value": 1000});
    classes.create(&high).await.unwrap();
    create(&cluster, "low", &json!({"containers": requests("20")})).await;
    create(&cluster, "small", &json!({"containers": requests("5")})).await;
    assert_eq!(node_of(&cluster, "low").await, "node-1");
    let spec = json!({"containers": requests("20"), "priorityClassName": "high"});
    create(&cluster, "high", &spec).await;
    assert_eq!(node_of(&cluster, "high").await, "node-1");
    assert_eq!(node_of(&cluster, "small").await, "node-1");
    let pods = client.api("v1", "pods").namespace("default");
    assert_eq!(pods.get("low").await.unwrap_err().code, 404);
    let events = client.api("v1", "events").namespace("default");
    let events = events
        .list("fieldSelector=reason%3DPreempted")
        .await
        .unwrap();
    assert_eq!(events["items"][0]["involvedObject"]["name"], "low");
    cluster.advance(Duration::from_secs(1)).await;
}

//! `DaemonSet`: a pod on each node that is fit for it.

use mockernetes::Cluster;
use mockernetes::client::{Api, PatchKind};
use serde_json::{Value, json};

use super::workloads::{pods, run_all};
use super::{living_cluster, template};

fn daemon_set() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}},
            "template": template(&json!({"app": "agent"})),
        },
    })
}

fn api(cluster: &Cluster) -> Api {
    cluster
        .client()
        .api("apps/v1", "daemonsets")
        .namespace("default")
}

async fn add_node(cluster: &Cluster, name: &str, labels: &Value) {
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
    });
    cluster
        .client()
        .api("v1", "nodes")
        .create(&node)
        .await
        .unwrap();
    let ready = json!({"status": {"conditions": [{
        "type": "Ready", "status": "True", "reason": "KubeletReady",
        "lastHeartbeatTime": "2026-01-01T00:00:00Z",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]}});
    let nodes = cluster.client().api("v1", "nodes");
    let status = format!("{name}/status");
    nodes
        .patch(&status, PatchKind::Merge, &ready)
        .await
        .unwrap();
    // What keeps pods off until the node says that it is ready.
    let taints = json!({"spec": {"taints": null}});
    nodes.patch(name, PatchKind::Merge, &taints).await.unwrap();
}

/// The nodes that pods are meant for.
async fn targets(cluster: &Cluster) -> Vec<Value> {
    let place = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution\
                 /nodeSelectorTerms/0/matchFields/0/values/0";
    let pods = pods(cluster, "agent").await;
    let mut targets: Vec<Value> = pods
        .iter()
        .map(|pod| pod.pointer(place).unwrap().clone())
        .collect();
    targets.sort_by_key(ToString::to_string);
    targets
}

#[tokio::test]
async fn each_node_gets_a_pod_that_puts_up_with_its_troubles() {
    let cluster = living_cluster().await;
    add_node(&cluster, "one", &json!({})).await;
    add_node(&cluster, "two", &json!({})).await;
    api(&cluster).create(&daemon_set()).await.unwrap();
    run_all(&cluster, "agent").await;
    assert_eq!(targets(&cluster).await, ["one", "two"]);
    let pod = &pods(&cluster, "agent").await[0];
    assert_eq!(pod["metadata"]["labels"]["pod-template-generation"], "1");
    let tolerations = pod["spec"]["tolerations"].as_array().unwrap();
    assert_eq!(tolerations.len(), 6);
    assert_eq!(tolerations[0]["key"], "node.kubernetes.io/not-ready");
    let set = api(&cluster).get("agent").await.unwrap();
    assert_eq!(
        set["status"],
        json!({
            "observedGeneration": 1,
            "desiredNumberScheduled": 2,
            "currentNumberScheduled": 2,
            "numberMisscheduled": 0,
            "numberReady": 2,
            "numberAvailable": 2,
            "updatedNumberScheduled": 2,
        })
    );
    add_node(&cluster, "three", &json!({})).await;
    cluster.settle().await;
    assert_eq!(targets(&cluster).await, ["one", "three", "two"]);
}

#[tokio::test]
async fn pods_follow_the_labels_of_nodes() {
    let cluster = living_cluster().await;
    add_node(&cluster, "one", &json!({"disk": "ssd"})).await;
    add_node(&cluster, "two", &json!({})).await;
    let mut set = daemon_set();
    set["spec"]["template"]["spec"]["nodeSelector"] = json!({"disk": "ssd"});
    api(&cluster).create(&set).await.unwrap();
    cluster.settle().await;
    assert_eq!(targets(&cluster).await, ["one"]);
    let nodes = cluster.client().api("v1", "nodes");
    for (name, disk) in [("one", Value::Null), ("two", json!("ssd"))] {
        let patch = json!({"metadata": {"labels": {"disk": disk}}});
        nodes.patch(name, PatchKind::Merge, &patch).await.unwrap();
    }
    cluster.settle().await;
    assert_eq!(targets(&cluster).await, ["two"]);
}

#[tokio::test]
async fn an_update_replaces_one_pod_at_a_time() {
    let cluster = living_cluster().await;
    for name in ["one", "two", "three"] {
        add_node(&cluster, name, &json!({})).await;
    }
    api(&cluster).create(&daemon_set()).await.unwrap();
    run_all(&cluster, "agent").await;
    let containers = json!([{"name": "web", "image": "nginx:2"}]);
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    api(&cluster)
        .patch("agent", PatchKind::Strategic, &patch)
        .await
        .unwrap();
    cluster.settle().await;
    let is_new = |pod: &&Value| pod["spec"]["containers"][0]["image"] == "nginx:2";
    assert_eq!(
        pods(&cluster, "agent").await.iter().filter(is_new).count(),
        1
    );
    run_all(&cluster, "agent").await;
    assert_eq!(
        pods(&cluster, "agent").await.iter().filter(is_new).count(),
        3
    );
    let set = api(&cluster).get("agent").await.unwrap();
    assert_eq!(set["status"]["updatedNumberScheduled"], 3);
}

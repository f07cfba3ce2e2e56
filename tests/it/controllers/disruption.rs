//! Budgets of disruptions.

use mockernetes::Cluster;
use mockernetes::client::PatchKind;
use serde_json::{Value, json};

use super::{living_cluster, template};

/// A ReplicaSet whose three pods are ready, and a budget.
async fn cluster_with_budget(spec: Value) -> Cluster {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let set = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(&json!({"app": "web"})),
        },
    });
    let sets = client.api("apps/v1", "replicasets").namespace("default");
    sets.create(&set).await.unwrap();
    cluster.settle().await;
    let pods = client.api("v1", "pods").namespace("default");
    for pod in super::items(&pods.list("").await.unwrap()) {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let status = json!({"status": {"phase": "Running", "conditions": ready}});
        let path = format!(
            "{}/status",
            pods.path(pod["metadata"]["name"].as_str().unwrap())
        );
        let headers = [("content-type", "application/merge-patch+json")];
        client
            .request("PATCH", &path, &headers, status.to_string())
            .await;
    }
    let budget = json!({"metadata": {"name": "b"}, "spec": spec});
    budgets(&cluster).create(&budget).await.unwrap();
    cluster.settle().await;
    cluster
}

fn budgets(cluster: &Cluster) -> mockernetes::client::Api {
    let api = cluster.client().api("policy/v1", "poddisruptionbudgets");
    api.namespace("default")
}

fn selector() -> Value {
    json!({"matchLabels": {"app": "web"}})
}

#[tokio::test]
async fn a_budget_counts_its_healthy_pods() {
    let cluster = cluster_with_budget(json!({"minAvailable": 2, "selector": selector()})).await;
    let budget = budgets(&cluster).get("b").await.unwrap();
    let status = &budget["status"];
    assert_eq!(status["currentHealthy"], 3);
    assert_eq!(status["desiredHealthy"], 2);
    assert_eq!(status["disruptionsAllowed"], 1);
    assert_eq!(status["conditions"][0]["reason"], "SufficientPods");
}

#[tokio::test]
async fn a_percentage_is_of_what_the_owners_want() {
    let cluster =
        cluster_with_budget(json!({"maxUnavailable": "34%", "selector": selector()})).await;
    let client = cluster.client();
    let sets = client.api("apps/v1", "replicasets").namespace("default");
    let scale = json!({"spec": {"replicas": 6}});
    sets.patch("web", PatchKind::Merge, &scale).await.unwrap();
    cluster.settle().await;
    let budget = budgets(&cluster).get("b").await.unwrap();
    let status = &budget["status"];
    assert_eq!(status["expectedPods"], 6);
    assert_eq!(status["desiredHealthy"], 3);
    assert_eq!(status["disruptionsAllowed"], 0);
}

#[tokio::test]
async fn an_eviction_uses_the_budget_up() {
    let cluster = cluster_with_budget(json!({"minAvailable": 2, "selector": selector()})).await;
    let client = cluster.client();
    let pods = client.api("v1", "pods").namespace("default");
    let list = pods.list("").await.unwrap();
    let names: Vec<&str> = super::items(&list)
        .iter()
        .map(|pod| pod["metadata"]["name"].as_str().unwrap())
        .collect();
    let evict = |name: &str| {
        let path = format!("{}/eviction", pods.path(name));
        let body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": "default"},
        });
        let client = client.clone();
        async move { client.json("POST", &path, Some(&body)).await }
    };
    evict(names[0]).await.unwrap();
    cluster.settle().await;
    assert_eq!(evict(names[1]).await.unwrap_err().code, 429);
}

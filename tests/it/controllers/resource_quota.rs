//! What is used of quotas.

use mockernetes::Cluster;
use mockernetes::client::{Api, PatchKind};
use serde_json::{Value, json};

use super::{living_cluster, living_cluster_with_nodes, template};

async fn quota(cluster: &Cluster, spec: Value) -> Api {
    let quotas = cluster.client().api("v1", "resourcequotas");
    let quotas = quotas.namespace("default");
    let object = json!({"metadata": {"name": "q"}, "spec": spec});
    quotas.create(&object).await.unwrap();
    cluster.settle().await;
    quotas
}

async fn used(quotas: &Api) -> Value {
    quotas.get("q").await.unwrap()["status"]["used"].clone()
}

fn pod(name: &str, cpu: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"containers": [
            {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}},
        ]},
    })
}

#[tokio::test]
async fn a_quota_counts_what_was_there_before_it() {
    let cluster = living_cluster().await;
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.create(&pod("a", "500m")).await.unwrap();
    let hard =
        json!({"pods": "5", "requests.cpu": "2", "count/configmaps": "9", "x.example/y": "1"});
    let quotas = quota(&cluster, json!({"hard": hard})).await;
    let status = quotas.get("q").await.unwrap()["status"].clone();
    assert_eq!(status["hard"], hard);
    // The root certificate is a ConfigMap; what nobody measures is not counted.
    assert_eq!(
        status["used"],
        json!({"count/configmaps": "1", "pods": "1", "requests.cpu": "500m"})
    );
}

#[tokio::test]
async fn what_goes_or_ends_is_given_back() {
    let cluster = living_cluster_with_nodes(1).await;
    let pods = cluster.client().api("v1", "pods").namespace("default");
    let spec = json!({"hard": {"pods": "5", "count/pods": "5", "requests.cpu": "2"}});
    let quotas = quota(&cluster, spec).await;
    for name in ["a", "b"] {
        pods.create(&pod(name, "500m")).await.unwrap();
    }
    cluster.settle().await;
    assert_eq!(
        used(&quotas).await,
        json!({"count/pods": "2", "pods": "2", "requests.cpu": "1"})
    );
    let failed = json!({"status": {"phase": "Failed"}});
    let path = format!("{}/status", pods.path("a"));
    let headers = [("content-type", "application/merge-patch+json")];
    let client = cluster.client();
    client
        .request("PATCH", &path, &headers, failed.to_string())
        .await;
    cluster.settle().await;
    assert_eq!(
        used(&quotas).await,
        json!({"count/pods": "2", "pods": "1", "requests.cpu": "500m"})
    );
    pods.delete("b").await.unwrap();
    cluster.settle().await;
    assert_eq!(
        used(&quotas).await,
        json!({"count/pods": "1", "pods": "0", "requests.cpu": "0"})
    );
}

#[tokio::test]
async fn a_changed_quota_is_counted_anew() {
    let cluster = living_cluster().await;
    let quotas = quota(&cluster, json!({"hard": {"secrets": "1"}})).await;
    let changed = json!({"spec": {"hard": {"secrets": null, "count/services": "3"}}});
    quotas.patch("q", PatchKind::Merge, &changed).await.unwrap();
    cluster.settle().await;
    // `kubernetes` is one.
    assert_eq!(used(&quotas).await, json!({"count/services": "1"}));
}

#[tokio::test]
async fn a_scope_counts_its_own() {
    let cluster = living_cluster().await;
    let spec = json!({"hard": {"pods": "5"}, "scopes": ["BestEffort"]});
    let quotas = quota(&cluster, spec).await;
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.create(&pod("a", "500m")).await.unwrap();
    cluster.settle().await;
    assert_eq!(used(&quotas).await, json!({"pods": "0"}));
}

#[tokio::test]
async fn a_set_whose_pods_a_quota_refuses_says_so() {
    let cluster = living_cluster().await;
    quota(&cluster, json!({"hard": {"pods": "1"}})).await;
    let client = cluster.client();
    let sets = client.api("apps/v1", "replicasets").namespace("default");
    let set = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(&json!({"app": "web"})),
        },
    });
    sets.create(&set).await.unwrap();
    cluster.settle().await;
    let status = sets.get("web").await.unwrap()["status"].clone();
    assert_eq!(status["replicas"], 1);
    assert_eq!(status["conditions"][0]["type"], "ReplicaFailure");
    assert_eq!(status["conditions"][0]["reason"], "FailedCreate");
}

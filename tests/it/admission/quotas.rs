//! Quotas: what they refuse, and what they count.

use serde_json::{Value, json};

use super::{PODS, pod};
use crate::support::{Fixture, cluster};

const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";

/// A quota of which nothing is used yet.
async fn quota(cluster: &Fixture, hard: Value, more: Value) {
    let mut quota = json!({"metadata": {"name": "q"}, "spec": {"hard": hard}});
    for (key, value) in more.as_object().unwrap() {
        quota["spec"][key] = value.clone();
    }
    let mut made = cluster.post(QUOTAS, &quota).await.unwrap();
    let used = hard.as_object().unwrap().keys();
    let used: Value = used.map(|name| (name.clone(), json!("0"))).collect();
    made["status"] = json!({"hard": hard, "used": used});
    let path = format!("{QUOTAS}/q/status");
    cluster.ask("PUT", &path, &made).await.unwrap();
}

async fn used(cluster: &Fixture) -> Value {
    let quotas = cluster
        .client
        .api("v1", "resourcequotas")
        .namespace("default");
    quotas.get("q").await.unwrap()["status"]["used"].clone()
}

fn asking(name: &str, cpu: &str) -> Value {
    let resources = json!({"requests": {"cpu": cpu}});
    let container = json!({"name": "c", "image": "i", "resources": resources});
    pod(name, &json!({"containers": [container]}))
}

#[tokio::test]
async fn what_is_used_is_charged_and_what_is_too_much_is_refused() {
    let cluster = cluster().await;
    quota(
        &cluster,
        json!({"requests.cpu": "1", "pods": "5"}),
        json!({}),
    )
    .await;
    cluster.post(PODS, &asking("a", "600m")).await.unwrap();
    assert_eq!(
        used(&cluster).await,
        json!({"requests.cpu": "600m", "pods": "1"})
    );
    let failure = cluster.post(PODS, &asking("b", "600m")).await.unwrap_err();
    assert_eq!(
        failure.message(),
        "pods \"b\" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: \
         requests.cpu=600m, limited: requests.cpu=1"
    );
    assert_eq!(used(&cluster).await["pods"], "1");
}

#[tokio::test]
async fn containers_must_speak_of_what_is_counted() {
    let cluster = cluster().await;
    quota(
        &cluster,
        json!({"requests.cpu": "1", "limits.memory": "1Gi"}),
        json!({}),
    )
    .await;
    let failure = cluster.post(PODS, &pod("a", &json!({}))).await.unwrap_err();
    assert_eq!(
        failure.message(),
        "pods \"a\" is forbidden: failed quota: q: must specify limits.memory for: c; \
         requests.cpu for: c"
    );
}

#[tokio::test]
async fn a_quota_without_a_count_refuses() {
    let cluster = cluster().await;
    let object = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}});
    let mut made = cluster.post(QUOTAS, &object).await.unwrap();
    made["status"] = json!({"hard": {"pods": "1"}});
    let path = format!("{QUOTAS}/q/status");
    cluster.ask("PUT", &path, &made).await.unwrap();
    let failure = cluster.post(PODS, &pod("a", &json!({}))).await.unwrap_err();
    let message = "pods \"a\" is forbidden: status unknown for quota: q, resources: pods";
    assert_eq!(failure.message(), message);
}

#[tokio::test]
async fn scopes_choose_what_a_quota_counts() {
    let cluster = cluster().await;
    let scopes = json!({"scopes": ["BestEffort"]});
    quota(&cluster, json!({"pods": "1"}), scopes).await;
    cluster
        .post(PODS, &asking("guaranteed", "1m"))
        .await
        .unwrap();
    assert_eq!(used(&cluster).await["pods"], "0");
    cluster.post(PODS, &pod("a", &json!({}))).await.unwrap();
    cluster.post(PODS, &pod("b", &json!({}))).await.unwrap_err();
    assert_eq!(used(&cluster).await["pods"], "1");
}

#[tokio::test]
async fn node_ports_are_counted_and_a_change_is_charged_by_its_difference() {
    let cluster = cluster().await;
    let hard = json!({"services": "2", "services.nodeports": "2"});
    quota(&cluster, hard, json!({})).await;
    let path = "/api/v1/namespaces/default/services";
    let ports = json!([{"name": "a", "port": 80}, {"name": "b", "port": 81}]);
    let service = json!({
        "metadata": {"name": "s"},
        "spec": {"type": "NodePort", "ports": ports},
    });
    let mut made = cluster.post(path, &service).await.unwrap();
    let expected = json!({"services": "1", "services.nodeports": "2"});
    assert_eq!(used(&cluster).await, expected);
    made["metadata"]["labels"] = json!({"x": "1"});
    let own = format!("{path}/s");
    cluster.ask("PUT", &own, &made).await.unwrap();
    assert_eq!(used(&cluster).await, expected);
}

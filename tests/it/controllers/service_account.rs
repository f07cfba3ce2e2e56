//! What every namespace has for those who run in it.

use serde_json::{Value, json};

use super::living_cluster;

#[tokio::test]
async fn every_namespace_has_an_account_and_the_root_certificate() {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let namespaces = client.api("v1", "namespaces");
    namespaces
        .create(&json!({"metadata": {"name": "shop"}}))
        .await
        .unwrap();
    cluster.settle().await;
    let accounts = client.api("v1", "serviceaccounts").namespace("shop");
    let first = accounts.get("default").await.unwrap();
    let maps = client.api("v1", "configmaps").namespace("shop");
    maps.get("kube-root-ca.crt").await.unwrap();
    accounts.delete("default").await.unwrap();
    maps.delete("kube-root-ca.crt").await.unwrap();
    cluster.settle().await;
    let second = accounts.get("default").await.unwrap();
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
    maps.get("kube-root-ca.crt").await.unwrap();
}

#[tokio::test]
async fn a_secret_for_a_token_is_filled_and_goes_with_its_account() {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let secrets = client.api("v1", "secrets").namespace("default");
    let accounts = client.api("v1", "serviceaccounts").namespace("default");
    accounts
        .create(&json!({"metadata": {"name": "robot"}}))
        .await
        .unwrap();
    for (secret, account) in [("token", "robot"), ("lost", "nobody")] {
        let secret = json!({
            "metadata": {
                "name": secret,
                "annotations": {"kubernetes.io/service-account.name": account},
            },
            "type": "kubernetes.io/service-account-token",
        });
        secrets.create(&secret).await.unwrap();
    }
    cluster.settle().await;
    assert_eq!(secrets.get("lost").await.unwrap_err().code, 404);
    let token = secrets.get("token").await.unwrap();
    assert_ne!(token["data"]["token"], Value::Null);
    assert_eq!(token["data"]["namespace"], "ZGVmYXVsdA==");
    accounts.delete("robot").await.unwrap();
    cluster.settle().await;
    assert_eq!(secrets.get("token").await.unwrap_err().code, 404);
}

#[tokio::test]
async fn a_pod_gets_its_account_and_a_token() {
    let cluster = living_cluster().await;
    let pods = cluster.client().api("v1", "pods").namespace("default");
    let pod = json!({
        "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "c", "image": "nginx"}]},
    });
    let pod = pods.create(&pod).await.unwrap();
    assert_eq!(pod["spec"]["serviceAccountName"], "default");
    assert_eq!(
        pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"],
        "/var/run/secrets/kubernetes.io/serviceaccount"
    );
}

//! Tokens by which nodes join: they expire, and they sign.

use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::controllers::Selection;
use mockernetes::sim::Clock;
use serde_json::json;

async fn cluster(controllers: &str) -> Cluster {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let cluster = Cluster::builder()
        .bare()
        .seed(1)
        .clock(Clock::virtual_at(start))
        .controllers(Selection::parse(controllers).unwrap());
    let cluster = cluster.start().await.unwrap();
    let token = json!({
        "metadata": {"name": "bootstrap-token-abcdef"},
        "type": "bootstrap.kubernetes.io/token",
        "stringData": {
            "token-id": "abcdef",
            "token-secret": "0123456789abcdef",
            "usage-bootstrap-signing": "true",
            "expiration": "2026-01-01T01:00:00Z",
        },
    });
    let secrets = cluster
        .client()
        .api("v1", "secrets")
        .namespace("kube-system");
    secrets.create(&token).await.unwrap();
    cluster.settle().await;
    cluster
}

#[tokio::test]
async fn a_token_goes_when_it_has_expired() {
    let with = cluster("*,token-cleaner").await;
    let secrets = |cluster: &Cluster| {
        cluster
            .client()
            .api("v1", "secrets")
            .namespace("kube-system")
    };
    assert!(secrets(&with).get("bootstrap-token-abcdef").await.is_ok());
    assert!(with.advance(Duration::from_hours(1)).await);
    assert_eq!(
        secrets(&with)
            .get("bootstrap-token-abcdef")
            .await
            .unwrap_err()
            .code,
        404
    );
    // Nobody who was not named.
    let without = cluster("*").await;
    assert!(without.advance(Duration::from_hours(1)).await);
    assert!(
        secrets(&without)
            .get("bootstrap-token-abcdef")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn tokens_sign_what_new_nodes_read() {
    let cluster = cluster("bootstrap-signer").await;
    let maps = cluster
        .client()
        .api("v1", "configmaps")
        .namespace("kube-public");
    let info = json!({"metadata": {"name": "cluster-info"},
        "data": {"kubeconfig": "content", "jws-kubeconfig-gone00": "x"}});
    maps.create(&info).await.unwrap();
    cluster.settle().await;
    let info = maps.get("cluster-info").await.unwrap();
    let data = info["data"].as_object().unwrap();
    assert_eq!(
        data.keys().collect::<Vec<_>>(),
        ["jws-kubeconfig-abcdef", "kubeconfig"]
    );
    // printf '{"alg":"HS256","kid":"abcdef"}' and the content, signed with the secret.
    let signature = data["jws-kubeconfig-abcdef"].as_str().unwrap();
    let (head, tail) = signature.split_once("..").unwrap();
    assert_eq!(head, "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9");
    assert_eq!(tail, "psz1NayrXM3IaFzKZGsb5n_mBl7MjtlsZ1xE8MRmF_4");
    assert!(cluster.advance(Duration::from_hours(1)).await);
    let info = maps.get("cluster-info").await.unwrap();
    assert_eq!(info["data"], json!({"kubeconfig": "content"}));
}

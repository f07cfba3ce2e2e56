//! Slices of endpoints that somebody fills by hand.

use mockernetes::Cluster;
use mockernetes::client::{Api, PatchKind};
use serde_json::{Value, json};

use super::{items, living_cluster};

async fn cluster_with_endpoints() -> (Cluster, Api) {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let services = client.api("v1", "services").namespace("default");
    let service = json!({"metadata": {"name": "far"}, "spec": {"ports": [{"port": 80}]}});
    services.create(&service).await.unwrap();
    let endpoints = client.api("v1", "endpoints").namespace("default");
    let object = json!({
        "metadata": {"name": "far", "labels": {"mine": "yes"}},
        "subsets": [{
            "addresses": [{"ip": "192.0.2.1"}],
            "notReadyAddresses": [{"ip": "2001:db8::1"}],
            "ports": [{"name": "web", "port": 8080}],
        }],
    });
    endpoints.create(&object).await.unwrap();
    cluster.settle().await;
    (cluster, endpoints)
}

async fn slices(cluster: &Cluster) -> Vec<Value> {
    let client = cluster.client();
    let slices = client.api("discovery.k8s.io/v1", "endpointslices");
    let query = "labelSelector=kubernetes.io/service-name=far";
    items(&slices.namespace("default").list(query).await.unwrap()).to_vec()
}

#[tokio::test]
async fn each_family_has_a_slice() {
    let (cluster, _) = cluster_with_endpoints().await;
    let mut slices = slices(&cluster).await;
    slices.sort_by_key(|slice| slice["addressType"].to_string());
    assert_eq!(slices.len(), 2);
    let first = &slices[0];
    assert_eq!(first["addressType"], "IPv4");
    assert_eq!(
        first["metadata"]["labels"],
        json!({
            "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
            "kubernetes.io/service-name": "far",
            "mine": "yes",
        })
    );
    let owner = &first["metadata"]["ownerReferences"][0];
    assert_eq!(owner["kind"], "Endpoints");
    assert_eq!(
        first["endpoints"],
        json!([{"addresses": ["192.0.2.1"], "conditions": {"ready": true}}])
    );
    assert_eq!(
        first["ports"],
        json!([{"name": "web", "port": 8080, "protocol": "TCP"}])
    );
    assert_eq!(slices[1]["endpoints"][0]["conditions"]["ready"], false);
}

#[tokio::test]
async fn slices_follow_their_endpoints() {
    let (cluster, endpoints) = cluster_with_endpoints().await;
    let skip = json!({"metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}});
    endpoints
        .patch("far", PatchKind::Merge, &skip)
        .await
        .unwrap();
    cluster.settle().await;
    assert!(slices(&cluster).await.is_empty());
}

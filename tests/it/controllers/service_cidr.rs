//! Ranges of addresses of services.

use std::time::Duration;

use serde_json::json;

use super::living_cluster;

#[tokio::test]
async fn a_range_is_ready_and_goes_when_nobody_has_an_address_of_it() {
    let cluster = living_cluster().await;
    let ranges = cluster.client().api("networking.k8s.io/v1", "servicecidrs");
    let range = json!({"metadata": {"name": "more"}, "spec": {"cidrs": ["10.99.0.0/24"]}});
    ranges.create(&range).await.unwrap();
    cluster.settle().await;
    let made = ranges.get("more").await.unwrap();
    assert_eq!(
        made["metadata"]["finalizers"],
        json!(["networking.k8s.io/service-cidr-finalizer"])
    );
    assert_eq!(made["status"]["conditions"][0]["status"], "True");
    ranges.delete("more").await.unwrap();
    cluster.settle().await;
    ranges.get("more").await.unwrap();
    cluster.advance(Duration::from_secs(11)).await;
    assert_eq!(ranges.get("more").await.unwrap_err().code, 404);
}

#[tokio::test]
async fn a_range_stays_while_a_service_has_an_address_of_it() {
    let cluster = living_cluster().await;
    let ranges = cluster.client().api("networking.k8s.io/v1", "servicecidrs");
    ranges.delete("kubernetes").await.unwrap();
    cluster.advance(Duration::from_mins(1)).await;
    let kept = ranges.get("kubernetes").await.unwrap();
    let condition = &kept["status"]["conditions"][0];
    assert_eq!(condition["status"], "False");
    assert_eq!(condition["reason"], "Terminating");
}

#[tokio::test]
async fn a_range_that_is_ready_gives_addresses() {
    let cluster = living_cluster().await;
    let ranges = cluster.client().api("networking.k8s.io/v1", "servicecidrs");
    let range = json!({"metadata": {"name": "more"}, "spec": {"cidrs": ["10.99.0.0/24"]}});
    let services = cluster.client().api("v1", "services").namespace("default");
    let spec = json!({"clusterIP": "10.99.0.7", "ports": [{"port": 80}]});
    let service = json!({"metadata": {"name": "a"}, "spec": spec});
    assert_eq!(services.create(&service).await.unwrap_err().code, 422);
    ranges.create(&range).await.unwrap();
    cluster.settle().await;
    services.create(&service).await.unwrap();
    ranges.delete("more").await.unwrap();
    cluster.advance(Duration::from_mins(1)).await;
    let kept = ranges.get("more").await.unwrap();
    assert_eq!(kept["status"]["conditions"][0]["reason"], "Terminating");
    services.delete("a").await.unwrap();
    cluster.advance(Duration::from_mins(1)).await;
    assert_eq!(ranges.get("more").await.unwrap_err().code, 404);
}

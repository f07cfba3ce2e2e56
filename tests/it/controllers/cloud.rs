//! Load balancers of a small cloud.

use mockernetes::Cluster;
use mockernetes::client::PatchKind;
use mockernetes::controllers::Selection;
use serde_json::{Value, json};

use super::items;

async fn cluster(controllers: &str) -> Cluster {
    let cluster = Cluster::builder()
        .bare()
        .seed(1)
        .controllers(Selection::parse(controllers).unwrap())
        .start()
        .await
        .unwrap();
    let services = cluster.client().api("v1", "services").namespace("default");
    for name in ["a", "b"] {
        let service = json!({
            "metadata": {"name": name},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
        });
        services.create(&service).await.unwrap();
    }
    let ingresses = cluster.client().api("networking.k8s.io/v1", "ingresses");
    let backend = json!({"service": {"name": "a", "port": {"number": 80}}});
    let ingress = json!({"metadata": {"name": "i"}, "spec": {"defaultBackend": backend}});
    let ingresses = ingresses.namespace("default");
    cluster.settle().await;
    ingresses.create(&ingress).await.unwrap();
    cluster.settle().await;
    cluster
}

async fn balancer(cluster: &Cluster, version: &str, plural: &str, name: &str) -> Value {
    let api = cluster.client().api(version, plural).namespace("default");
    api.get(name).await.unwrap()["status"]["loadBalancer"].clone()
}

#[tokio::test]
async fn without_a_cloud_nobody_balances() {
    let cluster = cluster("all").await;
    assert_eq!(balancer(&cluster, "v1", "services", "a").await, json!({}));
    let ingress = balancer(&cluster, "networking.k8s.io/v1", "ingresses", "i").await;
    assert_eq!(ingress, json!({}));
}

#[tokio::test]
async fn with_a_cloud_each_has_an_address() {
    let cluster = cluster("all,service-lb,ingress-lb").await;
    let of = |ip: &str| json!({"ingress": [{"ip": ip, "ipMode": "VIP"}]});
    assert_eq!(
        balancer(&cluster, "v1", "services", "a").await,
        of("198.18.0.1")
    );
    assert_eq!(
        balancer(&cluster, "v1", "services", "b").await,
        of("198.18.0.2")
    );
    let ingress = balancer(&cluster, "networking.k8s.io/v1", "ingresses", "i").await;
    assert_eq!(ingress, json!({"ingress": [{"ip": "198.18.0.3"}]}));
    let events = cluster.client().api("v1", "events").namespace("default");
    let list = events
        .list("fieldSelector=involvedObject.name%3Da")
        .await
        .unwrap();
    let mut reasons: Vec<&str> = items(&list)
        .iter()
        .map(|event| event["reason"].as_str().unwrap())
        .collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["EnsuredLoadBalancer", "EnsuringLoadBalancer"]);
}

#[tokio::test]
async fn a_balancer_goes_with_its_service() {
    let cluster = cluster("service-lb").await;
    let services = cluster.client().api("v1", "services").namespace("default");
    let plain = json!({"spec": {"type": "ClusterIP"}});
    services.patch("a", PatchKind::Merge, &plain).await.unwrap();
    services.delete("b").await.unwrap();
    cluster.settle().await;
    let service = services.get("a").await.unwrap();
    assert_eq!(service["metadata"]["finalizers"], Value::Null);
    assert_eq!(service["status"]["loadBalancer"], json!({}));
    assert_eq!(services.get("b").await.unwrap_err().code, 404);
}

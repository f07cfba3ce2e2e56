//! Services and where they lead.

use mockernetes::Cluster;
use mockernetes::client::PatchKind;
use serde_json::{Value, json};

use super::{items, living_cluster};

/// A cluster with a node, a service and its pod `a`, settled.
async fn cluster_with_service() -> Cluster {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let node = json!({"metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "z"}}});
    client.api("v1", "nodes").create(&node).await.unwrap();
    let service = json!({
        "metadata": {"name": "s", "labels": {"mine": "yes"}},
        "spec": {"selector": {"app": "s"}, "ports": [{"port": 80, "targetPort": "http"}]},
    });
    let services = client.api("v1", "services").namespace("default");
    services.create(&service).await.unwrap();
    let pod = json!({
        "metadata": {"name": "a", "labels": {"app": "s"}},
        "spec": {
            "nodeName": "n",
            "containers": [{
                "name": "c",
                "image": "nginx",
                "ports": [{"name": "http", "containerPort": 8080}],
            }],
        },
    });
    client
        .api("v1", "pods")
        .namespace("default")
        .create(&pod)
        .await
        .unwrap();
    cluster.settle().await;
    cluster
}

async fn set_ready(cluster: &Cluster, is_ready: bool) {
    let status = json!({"status": {
        "phase": "Running",
        "podIP": "10.1.0.1",
        "podIPs": [{"ip": "10.1.0.1"}],
        "conditions": [{
            "type": "Ready",
            "status": if is_ready { "True" } else { "False" },
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }});
    let path = "/api/v1/namespaces/default/pods/a/status";
    let headers = [("content-type", "application/merge-patch+json")];
    let client = cluster.client();
    let reply = client
        .request("PATCH", path, &headers, status.to_string())
        .await;
    reply.into_json().await.unwrap();
    cluster.settle().await;
}

async fn endpoints(cluster: &Cluster) -> Value {
    let api = cluster.client().api("v1", "endpoints").namespace("default");
    api.get("s").await.unwrap()
}

async fn slices(cluster: &Cluster) -> Vec<Value> {
    let api = cluster
        .client()
        .api("discovery.k8s.io/v1", "endpointslices");
    let query = "labelSelector=kubernetes.io/service-name%3Ds";
    items(&api.namespace("default").list(query).await.unwrap()).to_vec()
}

#[tokio::test]
async fn a_service_without_ready_pods_has_an_empty_slice() {
    let cluster = cluster_with_service().await;
    let found = slices(&cluster).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["endpoints"], Value::Null);
    assert_eq!(endpoints(&cluster).await["subsets"], Value::Null);
}

#[tokio::test]
async fn endpoints_follow_a_pod_that_gets_ready_and_goes() {
    let cluster = cluster_with_service().await;
    set_ready(&cluster, true).await;
    let object = endpoints(&cluster).await;
    assert_eq!(object["subsets"][0]["addresses"][0]["ip"], "10.1.0.1");
    assert_eq!(
        object["subsets"][0]["ports"],
        json!([{"port": 8080, "protocol": "TCP"}])
    );
    assert_eq!(
        object["metadata"]["labels"],
        json!({"mine": "yes", "endpoints.kubernetes.io/managed-by": "endpoint-controller"})
    );
    let found = slices(&cluster).await;
    assert_eq!(found.len(), 1);
    let endpoint = &found[0]["endpoints"][0];
    assert_eq!(endpoint["addresses"], json!(["10.1.0.1"]));
    assert_eq!(endpoint["zone"], "z");
    let conditions = json!({"ready": true, "serving": true, "terminating": false});
    assert_eq!(endpoint["conditions"], conditions);
    set_ready(&cluster, false).await;
    let object = endpoints(&cluster).await;
    assert_eq!(
        object["subsets"][0]["notReadyAddresses"][0]["ip"],
        "10.1.0.1"
    );
    assert_eq!(
        slices(&cluster).await[0]["endpoints"][0]["conditions"]["ready"],
        false
    );
    let path = "/api/v1/namespaces/default/pods/a?gracePeriodSeconds=0";
    cluster.client().json("DELETE", path, None).await.unwrap();
    cluster.settle().await;
    assert_eq!(endpoints(&cluster).await["subsets"], Value::Null);
    assert_eq!(slices(&cluster).await[0]["endpoints"], Value::Null);
}

#[tokio::test]
async fn endpoints_go_with_their_service() {
    let cluster = cluster_with_service().await;
    let client = cluster.client();
    let services = client.api("v1", "services").namespace("default");
    let relabel = json!({"metadata": {"labels": {"mine": "no"}}});
    services
        .patch("s", PatchKind::Merge, &relabel)
        .await
        .unwrap();
    cluster.settle().await;
    assert_eq!(
        slices(&cluster).await[0]["metadata"]["labels"]["mine"],
        "no"
    );
    services.delete("s").await.unwrap();
    cluster.settle().await;
    assert_eq!(slices(&cluster).await, Vec::<Value>::new());
    let api = client.api("v1", "endpoints").namespace("default");
    assert_eq!(api.get("s").await.unwrap_err().code, 404);
}

#[tokio::test]
async fn ports_stand_in_the_order_of_their_hashes() {
    let cluster = cluster_with_service().await;
    set_ready(&cluster, true).await;
    let services = cluster.client().api("v1", "services").namespace("default");
    let ports = json!({"spec": {"ports": [
        {"name": "web", "port": 80, "targetPort": 8080, "protocol": "TCP"},
        {"name": "m", "port": 81, "targetPort": 9, "protocol": "TCP"},
    ]}});
    services.patch("s", PatchKind::Merge, &ports).await.unwrap();
    cluster.settle().await;
    let names = |ports: &Value| -> Vec<String> {
        let ports = items(&json!({"items": ports})).to_vec();
        ports
            .iter()
            .map(|port| port["name"].as_str().unwrap().to_owned())
            .collect()
    };
    // As kube-controller-manager wrote the same two.
    assert_eq!(names(&slices(&cluster).await[0]["ports"]), ["m", "web"]);
    assert_eq!(
        names(&endpoints(&cluster).await["subsets"][0]["ports"]),
        ["m", "web"]
    );
}

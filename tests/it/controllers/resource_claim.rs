//! Claims of devices, as far as they are made and given back.

use mockernetes::Cluster;
use mockernetes::client::Api;
use serde_json::{Value, json};

use super::{items, living_cluster, living_cluster_with_nodes};

fn claims(cluster: &Cluster) -> Api {
    let api = cluster.client().api("resource.k8s.io/v1", "resourceclaims");
    api.namespace("default")
}

/// A pod that brings a template for a claim.
async fn make_pod(cluster: &Cluster) -> Value {
    let request = json!({"name": "gpu", "exactly": {"deviceClassName": "gpu"}});
    let template = json!({
        "metadata": {"name": "one-gpu"},
        "spec": {"metadata": {"labels": {"of": "pod"}}, "spec": {"devices": {"requests": [request]}}},
    });
    let templates = cluster.client();
    let templates = templates.api("resource.k8s.io/v1", "resourceclaimtemplates");
    templates
        .namespace("default")
        .create(&template)
        .await
        .unwrap();
    let pod = json!({
        "metadata": {"name": "a"},
        "spec": {
            "containers": [{"name": "c", "image": "nginx"}],
            "resourceClaims": [
                {"name": "gpu", "resourceClaimTemplateName": "one-gpu"},
                {"name": "shared", "resourceClaimName": "shared"},
            ],
        },
    });
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.create(&pod).await.unwrap();
    cluster.settle().await;
    pods.get("a").await.unwrap()
}

#[tokio::test]
async fn a_claim_is_made_for_a_pod_that_brings_a_template() {
    let cluster = living_cluster().await;
    let pod = make_pod(&cluster).await;
    let status = &pod["status"]["resourceClaimStatuses"][0];
    assert_eq!(status["name"], "gpu");
    let name = status["resourceClaimName"].as_str().unwrap();
    assert!(name.starts_with("a-gpu-"));
    let claim = claims(&cluster).get(name).await.unwrap();
    let metadata = &claim["metadata"];
    assert_eq!(metadata["labels"], json!({"of": "pod"}));
    assert_eq!(
        metadata["annotations"],
        json!({"resource.kubernetes.io/pod-claim-name": "gpu"})
    );
    assert_eq!(metadata["ownerReferences"][0]["name"], "a");
    // Another of its claims is not there.
    assert_eq!(pod["status"]["conditions"], Value::Null);
    // One that goes is made again.
    claims(&cluster).delete(name).await.unwrap();
    cluster.settle().await;
    assert_eq!(items(&claims(&cluster).list("").await.unwrap()).len(), 1);
}

#[tokio::test]
async fn a_claim_is_given_back_when_its_pod_is_gone() {
    let cluster = living_cluster().await;
    let pod = make_pod(&cluster).await;
    let request = json!({"name": "gpu", "exactly": {"deviceClassName": "gpu"}});
    let claim = json!({
        "metadata": {"name": "shared", "finalizers": ["resource.kubernetes.io/delete-protection"]},
        "spec": {"devices": {"requests": [request]}},
    });
    let mut claim = claims(&cluster).create(&claim).await.unwrap();
    claim["status"] = json!({
        "allocation": {"devices": {"results": [
            {"request": "gpu", "driver": "gpu.example.com", "pool": "p", "device": "d"},
        ]}},
        "reservedFor": [{"resource": "pods", "name": "a", "uid": pod["metadata"]["uid"]}],
    });
    let path = format!("{}/status", claims(&cluster).path("shared"));
    let client = cluster.client();
    client.json("PUT", &path, Some(&claim)).await.unwrap();
    cluster.settle().await;
    let held = claims(&cluster).get("shared").await.unwrap();
    assert!(held["status"]["allocation"].is_object());
    let pods = client.api("v1", "pods").namespace("default");
    pods.delete("a").await.unwrap();
    cluster.settle().await;
    let free = claims(&cluster).get("shared").await.unwrap();
    assert_eq!(free["status"]["allocation"], Value::Null);
    assert_eq!(free["metadata"]["finalizers"], Value::Null);
}

/// A slice of two devices of a node, of which one is large.
async fn make_devices(cluster: &Cluster) {
    let client = cluster.client();
    let api = |plural: &str| client.api("resource.k8s.io/v1", plural);
    let driver = json!({"cel": {"expression": "device.driver == 'gpu.example.com'"}});
    let class = json!({"metadata": {"name": "gpu"}, "spec": {"selectors": [driver]}});
    api("deviceclasses").create(&class).await.unwrap();
    let device = |name: &str, size: &str| {
        json!({
            "name": name,
            "attributes": {"model": {"string": name}, "driverVersion": {"version": "1.2.3"}},
            "capacity": {"memory": {"value": size}},
        })
    };
    let slice = json!({
        "metadata": {"name": "s"},
        "spec": {
            "driver": "gpu.example.com",
            "nodeName": "node-2",
            "pool": {"name": "node-2", "generation": 1, "resourceSliceCount": 1},
            "devices": [device("small", "8Gi"), device("large", "80Gi")],
        },
    });
    api("resourceslices").create(&slice).await.unwrap();
}

async fn ask(cluster: &Cluster, name: &str, expression: &str) -> Value {
    let selector = json!({"cel": {"expression": expression}});
    let exactly = json!({"deviceClassName": "gpu", "selectors": [selector]});
    let claim = json!({
        "metadata": {"name": name},
        "spec": {"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}},
    });
    claims(cluster).create(&claim).await.unwrap();
    let pod = json!({
        "metadata": {"name": name},
        "spec": {
            "containers": [{"name": "c", "image": "nginx"}],
            "resourceClaims": [{"name": "gpu", "resourceClaimName": name}],
        },
    });
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.create(&pod).await.unwrap();
    cluster.settle().await;
    pods.get(name).await.unwrap()
}

#[tokio::test]
async fn a_pod_goes_where_its_device_is() {
    let cluster = living_cluster_with_nodes(3).await;
    make_devices(&cluster).await;
    let large = "device.capacity['gpu.example.com'].memory.compareTo(quantity('40Gi')) > 0 \
                 && device.attributes['gpu.example.com'].driverVersion.isGreaterThan(semver('1.0.0'))";
    let pod = ask(&cluster, "a", large).await;
    assert_eq!(pod["spec"]["nodeName"], "node-2");
    assert_eq!(pod["status"]["phase"], "Running");
    let claim = claims(&cluster).get("a").await.unwrap();
    let allocation = &claim["status"]["allocation"];
    assert_eq!(
        allocation["devices"]["results"],
        json!([{"request": "gpu", "driver": "gpu.example.com", "pool": "node-2", "device": "large"}])
    );
    assert_eq!(claim["status"]["reservedFor"][0]["name"], "a");
    // It is taken, until it is given back.
    let late = ask(&cluster, "b", large).await;
    let scheduled = &late["status"]["conditions"][0];
    let message = scheduled["message"].as_str().unwrap();
    assert!(
        message.contains("3 cannot allocate all claims"),
        "{message}"
    );
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.delete("a").await.unwrap();
    cluster.settle().await;
    let late = pods.get("b").await.unwrap();
    assert_eq!(late["spec"]["nodeName"], "node-2");
}

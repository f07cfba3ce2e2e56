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

/// Asks for devices of the class `gpu`, and gives the claim and the pod back.
async fn ask_for(cluster: &Cluster, name: &str, devices: Value) -> (Value, Value) {
    let claim = json!({"metadata": {"name": name}, "spec": {"devices": devices}});
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
    (
        claims(cluster).get(name).await.unwrap(),
        pods.get(name).await.unwrap(),
    )
}

fn given(claim: &Value) -> Vec<(&str, &str)> {
    let results = &claim["status"]["allocation"]["devices"]["results"];
    results
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            (
                one["request"].as_str().unwrap(),
                one["device"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn requests_are_served_by_the_first_alternative_that_there_is() {
    let cluster = living_cluster_with_nodes(3).await;
    make_devices(&cluster).await;
    let huge = json!([{"cel": {"expression":
        "device.capacity['gpu.example.com'].memory.compareTo(quantity('1Ti')) > 0"}}]);
    let (claim, _) = ask_for(&cluster, "a", json!({
        "requests": [{"name": "gpu", "firstAvailable": [
            {"name": "huge", "deviceClassName": "gpu", "selectors": huge},
            {"name": "any", "deviceClassName": "gpu"},
        ]}],
        "config": [
            {"requests": ["gpu/huge"], "opaque": {"driver": "gpu.example.com", "parameters": {}}},
            {"requests": ["gpu"], "opaque":
                {"driver": "gpu.example.com", "parameters": {"mode": "x"}}},
        ],
    }))
    .await;
    assert_eq!(given(&claim), [("gpu/any", "small")]);
    // What is about all requests names none, and what is about others is left out.
    let config = json!([{"source": "FromClaim", "opaque":
        {"driver": "gpu.example.com", "parameters": {"mode": "x"}}}]);
    assert_eq!(claim["status"]["allocation"]["devices"]["config"], config);
}

#[tokio::test]
async fn constraints_hold_of_all_devices_of_a_claim() {
    let cluster = living_cluster_with_nodes(3).await;
    make_devices(&cluster).await;
    let two = |constraint: Value| {
        json!({
            "requests": [
                {"name": "a", "exactly": {"deviceClassName": "gpu"}},
                {"name": "b", "exactly": {"deviceClassName": "gpu"}},
            ],
            "constraints": [constraint],
        })
    };
    let same_model = two(json!({"matchAttribute": "gpu.example.com/model"}));
    let (claim, pod) = ask_for(&cluster, "no", same_model).await;
    assert_eq!(given(&claim), []);
    let message = pod["status"]["conditions"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("3 cannot allocate all claims"),
        "{message}"
    );
    let same_version = two(json!({"matchAttribute": "gpu.example.com/driverVersion"}));
    let (claim, _) = ask_for(&cluster, "yes", same_version).await;
    assert_eq!(given(&claim), [("a", "small"), ("b", "large")]);
}

#[tokio::test]
async fn all_devices_are_given_where_all_are_asked_for() {
    let cluster = living_cluster_with_nodes(3).await;
    make_devices(&cluster).await;
    let all = json!({"deviceClassName": "gpu", "allocationMode": "All"});
    let (claim, _) = ask_for(
        &cluster,
        "a",
        json!({"requests": [{"name": "r", "exactly": all}]}),
    )
    .await;
    assert_eq!(given(&claim), [("r", "small"), ("r", "large")]);
}

#[tokio::test]
async fn a_selector_that_comes_to_nothing_is_told() {
    let cluster = living_cluster_with_nodes(3).await;
    make_devices(&cluster).await;
    let selector = json!([{"cel": {"expression":
        "device.attributes['gpu.example.com'].nope == 'x'"}}]);
    let exactly = json!({"deviceClassName": "gpu", "selectors": selector});
    let (_, pod) = ask_for(
        &cluster,
        "a",
        json!({"requests": [{"name": "r", "exactly": exactly}]}),
    )
    .await;
    let condition = &pod["status"]["conditions"][0];
    assert_eq!(condition["reason"], "SchedulerError");
    assert_eq!(
        condition["message"],
        "running \"DynamicResources\" filter plugin: claim default/a: selector #0 on device \
         gpu.example.com/node-2/small: CEL runtime error: no such key: nope. consider using CEL \
         optional chaining (.? followed by orValue()) or guarding the check with has() for optional \
         fields"
    );
}

#[tokio::test]
async fn pods_leave_devices_that_drive_them_off() {
    let cluster = living_cluster_with_nodes(3).await;
    make_devices(&cluster).await;
    let one = |tolerations: Value| {
        json!({"requests": [{"name": "r", "exactly":
            {"deviceClassName": "gpu", "tolerations": tolerations}}]})
    };
    let stays = json!([{"key": "broken", "operator": "Exists", "effect": "NoExecute",
        "tolerationSeconds": 60}]);
    let (claim, _) = ask_for(&cluster, "stays", one(stays)).await;
    assert_eq!(given(&claim), [("r", "small")]);
    let (claim, _) = ask_for(&cluster, "goes", one(json!([]))).await;
    assert_eq!(given(&claim), [("r", "large")]);
    let pods = cluster.client().api("v1", "pods").namespace("default");
    let keep = json!({"metadata": {"finalizers": ["example.com/keep"]}});
    let how = mockernetes::client::PatchKind::Merge;
    pods.patch("goes", how, &keep).await.unwrap();
    let rule = json!({"metadata": {"name": "all"}, "spec": {
        "deviceSelector": {"driver": "gpu.example.com"},
        "taint": {"key": "broken", "effect": "NoExecute"}}});
    let rules = cluster
        .client()
        .api("resource.k8s.io/v1", "devicetaintrules");
    rules.create(&rule).await.unwrap();
    cluster.settle().await;
    let gone = pods.get("goes").await.unwrap();
    assert!(gone["metadata"]["deletionTimestamp"].is_string());
    let conditions = gone["status"]["conditions"].as_array().unwrap();
    let target = conditions
        .iter()
        .find(|one| one["type"] == "DisruptionTarget")
        .unwrap();
    assert_eq!(target["reason"], "DeletionByDeviceTaintManager");
    assert_eq!(
        target["message"],
        "Device Taint manager: deleting due to NoExecute taint"
    );
    let events = cluster.client().api("v1", "events").namespace("default");
    let told = events
        .list("fieldSelector=reason%3DDeviceTaintManagerEviction")
        .await
        .unwrap();
    assert_eq!(items(&told)[0]["message"], "Marking for deletion");
    assert!(pods.get("stays").await.is_ok());
    assert!(cluster.advance(std::time::Duration::from_mins(1)).await);
    assert_eq!(pods.get("stays").await.unwrap_err().code, 404);
}

//! Volumes in use: made with a pod, attached to its node, grown under it.

use mockernetes::Cluster;
use mockernetes::client::{Api, PatchKind};
use serde_json::{Value, json};

use super::{items, living_cluster_with_nodes};

async fn cluster_with_class() -> Cluster {
    let cluster = living_cluster_with_nodes(1).await;
    let classes = cluster.client();
    let classes = classes.api("storage.k8s.io/v1", "storageclasses");
    let class = json!({
        "metadata": {"name": "own"},
        "provisioner": "volume.mockernetes.io",
        "allowVolumeExpansion": true,
    });
    classes.create(&class).await.unwrap();
    cluster
}

fn api(cluster: &Cluster, plural: &str) -> Api {
    cluster.client().api("v1", plural).namespace("default")
}

fn spec() -> Value {
    json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "own",
    })
}

/// A pod with a volume of its own.
async fn make_pod(cluster: &Cluster) {
    let template = json!({"metadata": {"labels": {"of": "pod"}}, "spec": spec()});
    let pod = json!({
        "metadata": {"name": "a"},
        "spec": {
            "containers": [{"name": "c", "image": "nginx"}],
            "volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}],
        },
    });
    api(cluster, "pods").create(&pod).await.unwrap();
    cluster.settle().await;
}

#[tokio::test]
async fn a_pod_brings_a_claim_that_goes_with_it() {
    let cluster = cluster_with_class().await;
    make_pod(&cluster).await;
    let claims = api(&cluster, "persistentvolumeclaims");
    let claim = claims.get("a-scratch").await.unwrap();
    assert_eq!(claim["metadata"]["labels"], json!({"of": "pod"}));
    assert_eq!(claim["metadata"]["ownerReferences"][0]["kind"], "Pod");
    assert_eq!(claim["status"]["phase"], "Bound");
    let pod = api(&cluster, "pods").get("a").await.unwrap();
    assert_eq!(pod["status"]["phase"], "Running");
    api(&cluster, "pods").delete("a").await.unwrap();
    cluster.settle().await;
    assert_eq!(claims.get("a-scratch").await.unwrap_err().code, 404);
}

#[tokio::test]
async fn a_claim_of_somebody_else_is_not_taken() {
    let cluster = cluster_with_class().await;
    let claim = json!({"metadata": {"name": "a-scratch"}, "spec": spec()});
    let claims = api(&cluster, "persistentvolumeclaims");
    claims.create(&claim).await.unwrap();
    make_pod(&cluster).await;
    let events = api(&cluster, "events").list("").await.unwrap();
    let mut told = items(&events).iter();
    let told = told
        .find(|event| event["reason"] == "FailedBinding")
        .unwrap();
    assert_eq!(
        told["message"],
        "ephemeral volume scratch: PVC default/a-scratch was not created for pod default/a (pod is not owner)"
    );
}

#[tokio::test]
async fn a_volume_is_attached_while_a_pod_uses_it() {
    let cluster = cluster_with_class().await;
    make_pod(&cluster).await;
    let attachments = cluster.client();
    let attachments = attachments.api("storage.k8s.io/v1", "volumeattachments");
    let list = attachments.list("").await.unwrap();
    let [attachment] = items(&list) else {
        panic!("{list}");
    };
    assert_eq!(attachment["spec"]["attacher"], "volume.mockernetes.io");
    assert_eq!(attachment["spec"]["nodeName"], "node-1");
    assert_eq!(attachment["status"]["attached"], true);
    let volume = &attachment["spec"]["source"]["persistentVolumeName"];
    let volume = volume.as_str().unwrap();
    let nodes = cluster.client().api("v1", "nodes");
    let attached = nodes.get("node-1").await.unwrap()["status"]["volumesAttached"].clone();
    let name = format!("kubernetes.io/csi/volume.mockernetes.io^{volume}");
    assert_eq!(attached, json!([{"name": name, "devicePath": ""}]));
    api(&cluster, "pods").delete("a").await.unwrap();
    cluster.settle().await;
    assert!(items(&attachments.list("").await.unwrap()).is_empty());
}

#[tokio::test]
async fn a_claim_grows_once_a_pod_uses_it() {
    let cluster = cluster_with_class().await;
    let claims = api(&cluster, "persistentvolumeclaims");
    let claim = json!({"metadata": {"name": "data"}, "spec": spec()});
    claims.create(&claim).await.unwrap();
    cluster.settle().await;
    let more = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}});
    claims.patch("data", PatchKind::Merge, &more).await.unwrap();
    cluster.settle().await;
    let status = claims.get("data").await.unwrap()["status"].clone();
    assert_eq!(status["capacity"], json!({"storage": "1Gi"}));
    assert_eq!(status["conditions"][0]["type"], "FileSystemResizePending");
    let pod = json!({
        "metadata": {"name": "user"},
        "spec": {
            "containers": [{"name": "c", "image": "nginx"}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    });
    api(&cluster, "pods").create(&pod).await.unwrap();
    cluster.settle().await;
    let claim = claims.get("data").await.unwrap();
    assert_eq!(claim["status"]["capacity"], json!({"storage": "2Gi"}));
    assert_eq!(claim["status"]["conditions"], Value::Null);
    let name = claim["spec"]["volumeName"].as_str().unwrap().to_owned();
    let volumes = cluster.client().api("v1", "persistentvolumes");
    let volume = volumes.get(&name).await.unwrap();
    assert_eq!(volume["spec"]["capacity"], json!({"storage": "2Gi"}));
}

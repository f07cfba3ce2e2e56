//! Claims and volumes.

use mockernetes::Cluster;
use mockernetes::client::Api;
use serde_json::{Value, json};

use super::living_cluster;

fn claims(cluster: &Cluster) -> Api {
    let api = cluster.client().api("v1", "persistentvolumeclaims");
    api.namespace("default")
}

fn volumes(cluster: &Cluster) -> Api {
    cluster.client().api("v1", "persistentvolumes")
}

fn volume(name: &str, size: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": size},
            "nfs": {"server": "nfs.example.com", "path": "/x"},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "slow",
        },
    })
}

fn claim(name: &str, size: &str, class: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": class,
        },
    })
}

#[tokio::test]
async fn a_claim_is_bound_to_the_smallest_volume_that_fits() {
    let cluster = living_cluster().await;
    for (name, size) in [("large", "10Gi"), ("fit", "5Gi"), ("small", "2Gi")] {
        volumes(&cluster).create(&volume(name, size)).await.unwrap();
    }
    cluster.settle().await;
    claims(&cluster)
        .create(&claim("data", "3Gi", "slow"))
        .await
        .unwrap();
    cluster.settle().await;
    let bound = claims(&cluster).get("data").await.unwrap();
    assert_eq!(bound["spec"]["volumeName"], "fit");
    assert_eq!(bound["status"]["phase"], "Bound");
    assert_eq!(bound["status"]["capacity"], json!({"storage": "5Gi"}));
    assert_eq!(
        bound["metadata"]["annotations"],
        json!({
            "pv.kubernetes.io/bind-completed": "yes",
            "pv.kubernetes.io/bound-by-controller": "yes",
        })
    );
    let fit = volumes(&cluster).get("fit").await.unwrap();
    assert_eq!(fit["status"]["phase"], "Bound");
    assert_eq!(fit["spec"]["claimRef"]["name"], "data");
    let other = volumes(&cluster).get("large").await.unwrap();
    assert_eq!(other["status"]["phase"], "Available");
}

#[tokio::test]
async fn a_volume_is_released_when_its_claim_goes_and_kept_for_nobody_else() {
    let cluster = living_cluster().await;
    volumes(&cluster).create(&volume("v", "1Gi")).await.unwrap();
    claims(&cluster)
        .create(&claim("data", "1Gi", "slow"))
        .await
        .unwrap();
    cluster.settle().await;
    claims(&cluster).delete("data").await.unwrap();
    cluster.settle().await;
    assert_eq!(claims(&cluster).get("data").await.unwrap_err().code, 404);
    assert_eq!(
        volumes(&cluster).get("v").await.unwrap()["status"]["phase"],
        "Released"
    );
    claims(&cluster)
        .create(&claim("data", "1Gi", "slow"))
        .await
        .unwrap();
    cluster.settle().await;
    let waiting = claims(&cluster).get("data").await.unwrap();
    assert_eq!(waiting["status"]["phase"], "Pending");
}

#[tokio::test]
async fn a_volume_that_is_meant_for_a_claim_waits_for_it() {
    let cluster = living_cluster().await;
    let mut meant = volume("v", "1Gi");
    meant["spec"]["claimRef"] = json!({"namespace": "default", "name": "data"});
    volumes(&cluster).create(&meant).await.unwrap();
    claims(&cluster)
        .create(&claim("other", "1Gi", "slow"))
        .await
        .unwrap();
    let mut named = claim("data", "1Gi", "slow");
    named["spec"]["volumeName"] = "v".into();
    claims(&cluster).create(&named).await.unwrap();
    cluster.settle().await;
    let other = claims(&cluster).get("other").await.unwrap();
    assert_eq!(other["status"]["phase"], "Pending");
    let bound = claims(&cluster).get("data").await.unwrap();
    assert_eq!(bound["status"]["phase"], "Bound");
    let volume = volumes(&cluster).get("v").await.unwrap();
    assert_eq!(volume["metadata"]["annotations"], Value::Null);
}

#[tokio::test]
async fn a_claim_of_the_emulators_own_class_gets_a_volume_of_its_own() {
    let cluster = living_cluster().await;
    let class = json!({
        "metadata": {"name": "made"},
        "provisioner": "volume.mockernetes.io",
        "reclaimPolicy": "Delete",
    });
    let classes = cluster.client().api("storage.k8s.io/v1", "storageclasses");
    classes.create(&class).await.unwrap();
    let foreign = json!({"metadata": {"name": "foreign"}, "provisioner": "example.com/disk"});
    classes.create(&foreign).await.unwrap();
    claims(&cluster)
        .create(&claim("own", "1Gi", "made"))
        .await
        .unwrap();
    claims(&cluster)
        .create(&claim("other", "1Gi", "foreign"))
        .await
        .unwrap();
    cluster.settle().await;
    let own = claims(&cluster).get("own").await.unwrap();
    assert_eq!(own["status"]["phase"], "Bound");
    let other = claims(&cluster).get("other").await.unwrap();
    assert_eq!(other["status"]["phase"], "Pending");
    assert_eq!(
        other["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"],
        "example.com/disk"
    );
    let name = own["spec"]["volumeName"].as_str().unwrap().to_owned();
    claims(&cluster).delete("own").await.unwrap();
    cluster.settle().await;
    assert_eq!(volumes(&cluster).get(&name).await.unwrap_err().code, 404);
}

#[tokio::test]
async fn a_claim_that_a_pod_uses_stays_until_the_pod_is_gone() {
    let cluster = living_cluster().await;
    claims(&cluster)
        .create(&claim("data", "1Gi", "slow"))
        .await
        .unwrap();
    let node = json!({"metadata": {"name": "n"}});
    cluster
        .client()
        .api("v1", "nodes")
        .create(&node)
        .await
        .unwrap();
    let pod = json!({
        "metadata": {"name": "a"},
        "spec": {
            "nodeName": "n",
            "containers": [{"name": "c", "image": "nginx"}],
            "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    });
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.create(&pod).await.unwrap();
    claims(&cluster).delete("data").await.unwrap();
    cluster.settle().await;
    let held = claims(&cluster).get("data").await.unwrap();
    assert_eq!(
        held["metadata"]["finalizers"],
        json!(["kubernetes.io/pvc-protection"])
    );
    let path = "/api/v1/namespaces/default/pods/a?gracePeriodSeconds=0";
    cluster.client().json("DELETE", path, None).await.unwrap();
    cluster.settle().await;
    assert_eq!(claims(&cluster).get("data").await.unwrap_err().code, 404);
}

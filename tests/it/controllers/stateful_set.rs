//! `StatefulSet`: pods with names that stay theirs.

use mockernetes::Cluster;
use mockernetes::client::{Api, PatchKind};
use serde_json::{Value, json};

use super::workloads::{events, names, pods, put, run_all};
use super::{items, living_cluster, template};

fn stateful_set(replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": template(&json!({"app": "db"})),
        },
    })
}

fn api(cluster: &Cluster) -> Api {
    cluster
        .client()
        .api("apps/v1", "statefulsets")
        .namespace("default")
}

async fn change(cluster: &Cluster, spec: &Value) {
    let patch = json!({"spec": spec});
    api(cluster)
        .patch("db", PatchKind::Strategic, &patch)
        .await
        .unwrap();
}

fn image(image: &str) -> Value {
    json!({"template": {"spec": {"containers": [{"name": "web", "image": image}]}}})
}

#[tokio::test]
async fn pods_come_one_after_the_other_and_go_the_other_way() {
    let cluster = living_cluster().await;
    api(&cluster).create(&stateful_set(3)).await.unwrap();
    cluster.settle().await;
    assert_eq!(names(&cluster, "db").await, ["db-0"]);
    put(&cluster, "db-0", "Running").await;
    cluster.settle().await;
    assert_eq!(names(&cluster, "db").await, ["db-0", "db-1"]);
    run_all(&cluster, "db").await;
    let first = &pods(&cluster, "db").await[0];
    assert_eq!(first["spec"]["hostname"], "db-0");
    assert_eq!(first["spec"]["subdomain"], "db");
    let labels = &first["metadata"]["labels"];
    assert_eq!(labels["statefulset.kubernetes.io/pod-name"], "db-0");
    assert_eq!(labels["apps.kubernetes.io/pod-index"], "0");
    let set = api(&cluster).get("db").await.unwrap();
    let revision = labels["controller-revision-hash"].clone();
    assert_eq!(
        set["status"],
        json!({
            "observedGeneration": 1,
            "replicas": 3,
            "readyReplicas": 3,
            "availableReplicas": 3,
            "currentReplicas": 3,
            "updatedReplicas": 3,
            "currentRevision": revision,
            "updateRevision": revision,
            "collisionCount": 0,
        })
    );
    let told = events(&cluster, "db").await;
    assert_eq!(
        told[0],
        "SuccessfulCreate: Create Pod db-0 in StatefulSet db successful"
    );
    change(&cluster, &json!({"replicas": 1})).await;
    cluster.settle().await;
    assert_eq!(names(&cluster, "db").await, ["db-0"]);
    let told = events(&cluster, "db").await;
    assert_eq!(
        told[3],
        "SuccessfulDelete: Delete Pod db-2 in StatefulSet db successful"
    );
    assert_eq!(
        told[4],
        "SuccessfulDelete: Delete Pod db-1 in StatefulSet db successful"
    );
}

#[tokio::test]
async fn parallel_pods_come_at_once_from_the_first_ordinal_on() {
    let cluster = living_cluster().await;
    let mut set = stateful_set(3);
    set["spec"]["podManagementPolicy"] = "Parallel".into();
    set["spec"]["ordinals"] = json!({"start": 5});
    api(&cluster).create(&set).await.unwrap();
    cluster.settle().await;
    assert_eq!(names(&cluster, "db").await, ["db-5", "db-6", "db-7"]);
}

#[tokio::test]
async fn an_update_goes_from_the_last_pod_down_to_the_partition() {
    let cluster = living_cluster().await;
    api(&cluster).create(&stateful_set(3)).await.unwrap();
    run_all(&cluster, "db").await;
    change(
        &cluster,
        &json!({"updateStrategy": {"rollingUpdate": {"partition": 1}}}),
    )
    .await;
    change(&cluster, &image("nginx:2")).await;
    cluster.settle().await;
    let set = api(&cluster).get("db").await.unwrap();
    assert_eq!(set["status"]["updatedReplicas"], 1);
    run_all(&cluster, "db").await;
    let image_of = |pod: &Value| pod["spec"]["containers"][0]["image"].clone();
    let images: Vec<Value> = pods(&cluster, "db").await.iter().map(image_of).collect();
    assert_eq!(images, ["nginx", "nginx:2", "nginx:2"]);
    let set = api(&cluster).get("db").await.unwrap();
    assert_ne!(
        set["status"]["currentRevision"],
        set["status"]["updateRevision"]
    );
    change(
        &cluster,
        &json!({"updateStrategy": {"rollingUpdate": {"partition": 0}}}),
    )
    .await;
    run_all(&cluster, "db").await;
    let set = api(&cluster).get("db").await.unwrap();
    assert_eq!(
        set["status"]["currentRevision"],
        set["status"]["updateRevision"]
    );
    assert_eq!(set["status"]["currentReplicas"], 3);
}

#[tokio::test]
async fn each_pod_has_its_claim_and_deletion_takes_it_along_where_asked_for() {
    let cluster = living_cluster().await;
    let mut set = stateful_set(2);
    set["spec"]["podManagementPolicy"] = "Parallel".into();
    set["spec"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }]);
    set["spec"]["persistentVolumeClaimRetentionPolicy"] =
        json!({"whenDeleted": "Delete", "whenScaled": "Delete"});
    api(&cluster).create(&set).await.unwrap();
    run_all(&cluster, "db").await;
    let claims = cluster
        .client()
        .api("v1", "persistentvolumeclaims")
        .namespace("default");
    let claim = claims.get("data-db-1").await.unwrap();
    assert_eq!(
        claim["metadata"]["ownerReferences"][0]["kind"],
        "StatefulSet"
    );
    assert_eq!(claim["metadata"]["labels"]["app"], "db");
    let pod = &pods(&cluster, "db").await[1];
    assert_eq!(
        pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"],
        "data-db-1"
    );
    change(&cluster, &json!({"replicas": 1})).await;
    cluster.settle().await;
    let left = claims.list("").await.unwrap();
    let is_kept = |claim: &&Value| claim["metadata"]["deletionTimestamp"].is_null();
    assert_eq!(items(&left).iter().filter(is_kept).count(), 1);
}

#[tokio::test]
async fn a_set_that_waits_for_its_pods_to_go_makes_no_revisions_anew() {
    let cluster = living_cluster().await;
    api(&cluster).create(&stateful_set(1)).await.unwrap();
    cluster.settle().await;
    let pods = cluster.client().api("v1", "pods").namespace("default");
    let keep = json!({"metadata": {"finalizers": ["example.com/keep"]}});
    pods.patch("db-0", PatchKind::Merge, &keep).await.unwrap();
    let target = format!("{}?propagationPolicy=Foreground", api(&cluster).path("db"));
    cluster
        .client()
        .json("DELETE", &target, None)
        .await
        .unwrap();
    cluster.settle().await;
    assert!(api(&cluster).get("db").await.is_ok());
    let revisions = cluster.client().api("apps/v1", "controllerrevisions");
    let revisions = revisions.namespace("default").list("").await.unwrap();
    assert_eq!(items(&revisions).len(), 0);
    let free = json!({"metadata": {"finalizers": null}});
    pods.patch("db-0", PatchKind::Merge, &free).await.unwrap();
    cluster.settle().await;
    assert_eq!(api(&cluster).get("db").await.unwrap_err().code, 404);
}

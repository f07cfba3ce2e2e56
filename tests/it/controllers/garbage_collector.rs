//! Owners and what they own.

use serde_json::{Value, json};

use super::{items, living_cluster, template};

/// A ReplicaSet with two pods, settled.
async fn cluster_with_pods() -> mockernetes::Cluster {
    let cluster = living_cluster().await;
    let sets = cluster.client().api("apps/v1", "replicasets");
    let set = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(&json!({"app": "web"})),
        },
    });
    sets.namespace("default").create(&set).await.unwrap();
    cluster.settle().await;
    cluster
}

async fn delete_with(cluster: &mockernetes::Cluster, policy: &str) {
    let path =
        format!("/apis/apps/v1/namespaces/default/replicasets/web?propagationPolicy={policy}");
    cluster.client().json("DELETE", &path, None).await.unwrap();
    cluster.settle().await;
}

async fn pods(cluster: &mockernetes::Cluster) -> Vec<Value> {
    let api = cluster.client().api("v1", "pods").namespace("default");
    items(&api.list("").await.unwrap()).to_vec()
}

#[tokio::test]
async fn what_is_owned_goes_after_its_owner() {
    let cluster = cluster_with_pods().await;
    assert_eq!(pods(&cluster).await.len(), 2);
    delete_with(&cluster, "Background").await;
    assert_eq!(pods(&cluster).await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_owner_deleted_in_the_foreground_goes_after_what_it_owns() {
    let cluster = cluster_with_pods().await;
    let held = pods(&cluster).await[0]["metadata"]["name"].clone();
    let api = cluster.client().api("v1", "pods").namespace("default");
    let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    let merge = mockernetes::client::PatchKind::Merge;
    api.patch(held.as_str().unwrap(), merge, &hold)
        .await
        .unwrap();
    delete_with(&cluster, "Foreground").await;
    let sets = cluster.client().api("apps/v1", "replicasets");
    let sets = sets.namespace("default");
    let set = sets.get("web").await.unwrap();
    assert_eq!(set["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    assert_eq!(pods(&cluster).await.len(), 1);
    let release = json!({"metadata": {"finalizers": null}});
    api.patch(held.as_str().unwrap(), merge, &release)
        .await
        .unwrap();
    cluster.settle().await;
    assert_eq!(sets.get("web").await.unwrap_err().code, 404);
    assert_eq!(pods(&cluster).await.len(), 0);
}

#[tokio::test]
async fn what_is_orphaned_stays_and_forgets_its_owner() {
    let cluster = cluster_with_pods().await;
    delete_with(&cluster, "Orphan").await;
    let left = pods(&cluster).await;
    assert_eq!(left.len(), 2);
    for pod in left {
        assert_eq!(pod["metadata"]["ownerReferences"], Value::Null);
    }
    let sets = cluster.client().api("apps/v1", "replicasets");
    assert_eq!(
        sets.namespace("default").get("web").await.unwrap_err().code,
        404
    );
}

#[tokio::test]
async fn what_names_an_owner_that_is_not_there_goes() {
    let cluster = living_cluster().await;
    let maps = cluster
        .client()
        .api("v1", "configmaps")
        .namespace("default");
    let owner = |uid: &str, name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid});
    let real = maps
        .create(&json!({"metadata": {"name": "real"}}))
        .await
        .unwrap();
    let uid = real["metadata"]["uid"].as_str().unwrap();
    for (name, owners) in [
        ("lost", json!([owner("of-nobody", "real")])),
        (
            "kept",
            json!([owner(uid, "real"), owner("of-nobody", "gone")]),
        ),
    ] {
        let object = json!({"metadata": {"name": name, "ownerReferences": owners}});
        maps.create(&object).await.unwrap();
    }
    cluster.settle().await;
    assert_eq!(maps.get("lost").await.unwrap_err().code, 404);
    let kept = maps.get("kept").await.unwrap();
    assert_eq!(
        kept["metadata"]["ownerReferences"],
        json!([owner(uid, "real")])
    );
}

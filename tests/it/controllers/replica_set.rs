//! `ReplicaSet`: as many pods as are asked for.

use serde_json::{Value, json};

use super::{items, living_cluster, template};

fn replica_set(name: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(&json!({"app": name})),
        },
    })
}

#[tokio::test]
async fn a_replica_set_makes_as_many_pods_as_are_asked_for() {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let sets = client.api("apps/v1", "replicasets").namespace("default");
    sets.create(&replica_set("web", 3)).await.unwrap();
    cluster.settle().await;
    let pods = client.api("v1", "pods").namespace("default");
    let list = pods.list("labelSelector=app%3Dweb").await.unwrap();
    assert_eq!(items(&list).len(), 3);
    let owner = &items(&list)[0]["metadata"]["ownerReferences"][0];
    assert_eq!(owner["kind"], "ReplicaSet");
    assert_eq!(owner["controller"], true);
    let set = sets.get("web").await.unwrap();
    assert_eq!(set["status"]["replicas"], 3);
    assert_eq!(set["status"]["fullyLabeledReplicas"], 3);
    assert_eq!(set["status"]["observedGeneration"], 1);
    let scale = json!({"spec": {"replicas": 1}});
    sets.patch("web", mockernetes::client::PatchKind::Merge, &scale)
        .await
        .unwrap();
    cluster.settle().await;
    let set = sets.get("web").await.unwrap();
    assert_eq!(set["status"]["replicas"], 1);
}

#[tokio::test]
async fn a_replica_set_adopts_pods_and_lets_them_go() {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let pods = client.api("v1", "pods").namespace("default");
    let mut pod = template(&json!({"app": "web"}));
    pod["metadata"]["name"] = "lonely".into();
    pods.create(&pod).await.unwrap();
    let sets = client.api("apps/v1", "replicasets").namespace("default");
    sets.create(&replica_set("web", 2)).await.unwrap();
    cluster.settle().await;
    let lonely = pods.get("lonely").await.unwrap();
    assert_eq!(lonely["metadata"]["ownerReferences"][0]["name"], "web");
    let list = pods.list("").await.unwrap();
    assert_eq!(items(&list).len(), 2);
    let relabel = json!({"metadata": {"labels": {"app": "other"}}});
    pods.patch("lonely", mockernetes::client::PatchKind::Merge, &relabel)
        .await
        .unwrap();
    cluster.settle().await;
    let lonely = pods.get("lonely").await.unwrap();
    assert_eq!(lonely["metadata"]["ownerReferences"], Value::Null);
    assert_eq!(items(&pods.list("").await.unwrap()).len(), 3);
}

#[tokio::test]
async fn many_events_of_one_kind_are_told_as_one() {
    let cluster = living_cluster().await;
    let sets = cluster
        .client()
        .api("apps/v1", "replicasets")
        .namespace("default");
    let set = json!({"metadata": {"name": "many"}, "spec": {"replicas": 40,
        "selector": {"matchLabels": {"app": "many"}},
        "template": template(&json!({"app": "many"}))}});
    sets.create(&set).await.unwrap();
    cluster.settle().await;
    let events = cluster.client().api("v1", "events").namespace("default");
    let query = "fieldSelector=reason%3DSuccessfulCreate,involvedObject.name%3Dmany";
    let told = events.list(query).await.unwrap();
    let told = items(&told);
    let is_combined = |event: &&Value| {
        let message = event["message"].as_str().unwrap();
        message.starts_with("(combined from similar events): Created pod: many-")
    };
    let combined: Vec<_> = told.iter().filter(is_combined).collect();
    // Nine stand for themselves, one for the others, until the object has had 25.
    assert_eq!((told.len(), combined.len()), (10, 1));
    assert_eq!(combined[0]["count"], 16);
}

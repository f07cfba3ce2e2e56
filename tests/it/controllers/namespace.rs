//! Namespaces that go, with all that is in them.

use std::time::Duration;

use serde_json::json;

use super::living_cluster;

#[tokio::test]
async fn a_namespace_goes_with_everything_in_it() {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let namespaces = client.api("v1", "namespaces");
    namespaces
        .create(&json!({"metadata": {"name": "shop"}}))
        .await
        .unwrap();
    cluster.settle().await;
    let maps = client.api("v1", "configmaps").namespace("shop");
    maps.create(&json!({"metadata": {"name": "a"}}))
        .await
        .unwrap();
    namespaces.delete("shop").await.unwrap();
    cluster.settle().await;
    assert_eq!(namespaces.get("shop").await.unwrap_err().code, 404);
    assert_eq!(maps.get("a").await.unwrap_err().code, 404);
}

#[tokio::test]
async fn a_namespace_waits_for_finalizers_and_says_so() {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let namespaces = client.api("v1", "namespaces");
    namespaces
        .create(&json!({"metadata": {"name": "shop"}}))
        .await
        .unwrap();
    cluster.settle().await;
    let maps = client.api("v1", "configmaps").namespace("shop");
    let held = json!({"metadata": {"name": "a", "finalizers": ["example.com/hold"]}});
    maps.create(&held).await.unwrap();
    namespaces.delete("shop").await.unwrap();
    cluster.settle().await;
    let namespace = namespaces.get("shop").await.unwrap();
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let conditions = namespace["status"]["conditions"].as_array().unwrap();
    let says = |kind: &str| {
        let found = conditions.iter().find(|one| one["type"] == kind).unwrap();
        found["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        says("NamespaceContentRemaining"),
        "Some resources are remaining: configmaps. has 1 resource instances"
    );
    assert_eq!(
        says("NamespaceFinalizersRemaining"),
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    );
    assert!(
        !cluster.waiting().is_empty(),
        "it looks again after a while"
    );
    let release = json!({"metadata": {"finalizers": null}});
    let merge = mockernetes::client::PatchKind::Merge;
    maps.patch("a", merge, &release).await.unwrap();
    cluster.advance(Duration::from_secs(10)).await;
    assert_eq!(namespaces.get("shop").await.unwrap_err().code, 404);
}

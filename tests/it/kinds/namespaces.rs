//! Namespaces: what they demand of others, and how they go.

use serde_json::json;

use crate::support;

#[tokio::test]
async fn a_namespace_is_active_labelled_and_held() {
    let fixture = support::cluster().await;
    let namespaces = fixture.client.api("v1", "namespaces");
    let made = namespaces
        .create(&json!({"metadata": {"name": "a"}}))
        .await
        .unwrap();
    assert_eq!(
        made["metadata"]["labels"],
        json!({"kubernetes.io/metadata.name": "a"})
    );
    assert_eq!(made["spec"], json!({"finalizers": ["kubernetes"]}));
    assert_eq!(made["status"], json!({"phase": "Active"}));
}

#[tokio::test]
async fn objects_need_a_namespace_that_is_there() {
    let fixture = support::cluster().await;
    let config_maps = fixture.client.api("v1", "configmaps").namespace("nowhere");
    let refused = config_maps
        .create(&json!({"metadata": {"name": "a"}}))
        .await
        .unwrap_err();
    assert_eq!(refused.code, 404);
    assert_eq!(
        refused.status["message"],
        "namespaces \"nowhere\" not found"
    );
}

#[tokio::test]
async fn a_terminating_namespace_takes_nothing_new() {
    let fixture = support::cluster().await;
    let namespaces = fixture.client.api("v1", "namespaces");
    namespaces
        .create(&json!({"metadata": {"name": "a"}}))
        .await
        .unwrap();
    let going = namespaces.delete("a").await.unwrap();
    assert_eq!(going["status"]["phase"], "Terminating");
    let config_maps = fixture.client.api("v1", "configmaps").namespace("a");
    let refused = config_maps
        .create(&json!({"metadata": {"name": "b"}}))
        .await
        .unwrap_err();
    assert_eq!(refused.code, 403);
    assert_eq!(
        refused.status["details"]["causes"][0],
        json!({
            "reason": "NamespaceTerminating",
            "message": "namespace a is being terminated",
            "field": "metadata.namespace",
        })
    );
}

#[tokio::test]
async fn some_namespaces_stay_for_good() {
    let fixture = support::cluster().await;
    let namespaces = fixture.client.api("v1", "namespaces");
    for name in ["default", "kube-system", "kube-public"] {
        let refused = namespaces.delete(name).await.unwrap_err();
        assert_eq!(refused.code, 403, "{name}");
    }
}

#[tokio::test]
async fn a_limit_range_without_a_name_is_given_one() {
    let fixture = support::cluster().await;
    let ranges = fixture.client.api("v1", "limitranges").namespace("default");
    let made = ranges
        .create(&json!({"spec": {"limits": []}}))
        .await
        .unwrap();
    let name = made["metadata"]["name"].as_str().unwrap();
    assert_eq!(name.len(), 36, "a UUID: {name}");
    assert_ne!(name, made["metadata"]["uid"]);
}

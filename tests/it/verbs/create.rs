//! POST of new objects.

use serde_json::json;

#[tokio::test]
async fn a_new_object_may_name_no_version_unless_it_is_a_dry_run() {
    let fixture = crate::support::cluster().await;
    let create = |target: &'static str, name: &'static str| {
        let client = fixture.client.clone();
        async move {
            let map = json!({"metadata": {"name": name, "resourceVersion": "7"}});
            client.json("POST", target, Some(&map)).await
        }
    };
    let path = "/api/v1/namespaces/default/configmaps";
    let refused = create(path, "a").await.unwrap_err();
    assert_eq!(refused.code, 500);
    let why = "resourceVersion should not be set on objects to be created";
    assert_eq!(refused.message(), why);
    // What is wrong with the object itself is said first.
    assert_eq!(create(path, "A_").await.unwrap_err().code, 422);
    let dry = "/api/v1/namespaces/default/configmaps?dryRun=All";
    let made = create(dry, "a").await.unwrap();
    assert_eq!(made["metadata"]["resourceVersion"], "7");
}

#[tokio::test]
async fn a_put_that_creates_forgets_the_version_it_names() {
    let fixture = crate::support::cluster().await;
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/a";
    let lease = json!({"metadata": {"name": "a", "resourceVersion": "7"}});
    let made = fixture.client.json("PUT", path, Some(&lease)).await;
    assert_ne!(made.unwrap()["metadata"]["resourceVersion"], "7");
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/b";
    let lease = json!({"metadata": {"name": "b", "resourceVersion": "x"}});
    let failure = fixture.client.json("PUT", path, Some(&lease)).await;
    let why = "strconv.ParseUint: parsing \"x\": invalid syntax";
    assert_eq!(failure.unwrap_err().message(), why);
}

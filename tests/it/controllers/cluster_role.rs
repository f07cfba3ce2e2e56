//! Roles that are made of others.

use serde_json::{Value, json};

use super::living_cluster;

#[tokio::test]
async fn a_role_has_the_rules_of_all_that_it_selects() {
    let cluster = living_cluster().await;
    let roles = cluster.client();
    let roles = roles.api("rbac.authorization.k8s.io/v1", "clusterroles");
    let rule =
        |resource: &str| json!({"apiGroups": [""], "resources": [resource], "verbs": ["get"]});
    let part = |name: &str, rules: &[Value]| json!({"metadata": {"name": name, "labels": {"part": "yes"}}, "rules": rules});
    let sum = json!({
        "metadata": {"name": "sum", "labels": {"part": "yes"}},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"part": "yes"}}]},
        "rules": [],
    });
    roles.create(&sum).await.unwrap();
    roles
        .create(&part("b", &[rule("secrets"), rule("pods")]))
        .await
        .unwrap();
    roles.create(&part("a", &[rule("pods")])).await.unwrap();
    cluster.settle().await;
    let sum = roles.get("sum").await.unwrap();
    assert_eq!(sum["rules"], json!([rule("pods"), rule("secrets")]));
    roles.delete("b").await.unwrap();
    cluster.settle().await;
    let sum = roles.get("sum").await.unwrap();
    assert_eq!(sum["rules"], json!([rule("pods")]));
}

//! Nobody grants what they do not have.

use serde_json::{Value, json};

use super::{RBAC, asked, create, grant, grant_everywhere, guarded, known};
use crate::support::Fixture;

/// Bob may write roles and bindings, and read config maps.
async fn bob_may_grant() -> Fixture {
    let fixture = guarded().await;
    let rules = json!([
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"],
         "verbs": ["create", "update", "patch", "get"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]},
    ]);
    grant(&fixture, "default", "bob", rules).await;
    fixture
}

async fn post(fixture: &Fixture, user: &str, path: &str, object: Value) -> (u16, String) {
    let client = fixture.cluster.client_as(known(user));
    asked(&client, "POST", path, &[], &object.to_string()).await
}

fn roles() -> String {
    format!("{RBAC}/namespaces/default/roles")
}

#[tokio::test]
async fn a_role_may_hold_what_its_author_holds() {
    let fixture = bob_may_grant().await;
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]);
    let role = json!({"metadata": {"name": "mine"}, "rules": rules});
    assert_eq!(post(&fixture, "bob", &roles(), role).await.0, 201);
}

#[tokio::test]
async fn what_is_missing_is_listed_in_short_and_in_order() {
    let fixture = bob_may_grant().await;
    let rules = json!([
        {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get", "delete"]},
        {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["p"], "verbs": ["get"]},
    ]);
    let role = json!({"metadata": {"name": "more"}, "rules": rules});
    assert_eq!(
        post(&fixture, "bob", &roles(), role).await,
        (
            403,
            "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"bob\" \
             (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not \
             currently held:\n\
             {APIGroups:[\"\"], Resources:[\"configmaps\"], Verbs:[\"delete\"]}\n\
             {APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"p\"], Verbs:[\"get\"]}\n\
             {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"delete\"]}"
                .to_owned()
        )
    );
}

#[tokio::test]
async fn a_binding_grants_what_its_role_holds() {
    let fixture = bob_may_grant().await;
    let binding = |name: &str, kind: &str, role: &str| {
        json!({
            "metadata": {"name": name},
            "roleRef": {"kind": kind, "name": role},
            "subjects": [{"kind": "User", "name": "eve"}],
        })
    };
    let path = format!("{RBAC}/namespaces/default/rolebindings");
    let own = post(&fixture, "bob", &path, binding("a", "Role", "bob")).await;
    assert_eq!(own.0, 201, "{}", own.1);
    let all = binding("b", "ClusterRole", "cluster-admin");
    let (code, message) = post(&fixture, "bob", &path, all).await;
    assert_eq!(code, 403);
    assert!(
        message.contains("{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}"),
        "{message}"
    );
    assert_eq!(
        post(&fixture, "bob", &path, binding("c", "Role", "none")).await,
        (
            404,
            "rolebindings.rbac.authorization.k8s.io \"none\" not found".to_owned()
        )
    );
}

#[tokio::test]
async fn escalate_and_bind_are_verbs_of_their_own() {
    let fixture = bob_may_grant().await;
    grant(
        &fixture,
        "default",
        "eve",
        json!([
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"],
             "verbs": ["create", "escalate"]},
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings"],
             "verbs": ["create"]},
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"],
             "resourceNames": ["cluster-admin"], "verbs": ["bind"]},
        ]),
    )
    .await;
    let rules = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let role = json!({"metadata": {"name": "all"}, "rules": rules});
    assert_eq!(post(&fixture, "eve", &roles(), role).await.0, 201);
    let path = format!("{RBAC}/namespaces/default/rolebindings");
    for (role, code) in [("cluster-admin", 201), ("admin", 201), ("system:node", 403)] {
        let binding = json!({
            "metadata": {"name": role},
            "roleRef": {"kind": "ClusterRole", "name": role},
        });
        let (found, message) = post(&fixture, "eve", &path, binding).await;
        // Without controllers nobody fills the roles that are gathered.
        assert_eq!(found, code, "{role}: {message}");
    }
}

#[tokio::test]
async fn changing_owners_and_finalizers_grants_nothing() {
    let fixture = bob_may_grant().await;
    let rules = json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]);
    let role = json!({"metadata": {"name": "theirs"}, "rules": rules});
    create(&fixture, &roles(), &role).await;
    let bob = fixture.cluster.client_as(known("bob"));
    let path = format!("{}/theirs", roles());
    let headers = [("content-type", "application/merge-patch+json")];
    let finalizers = r#"{"metadata":{"finalizers":["a.example/b"]}}"#;
    let labels = r#"{"metadata":{"labels":{"a":"b"}}}"#;
    assert_eq!(
        asked(&bob, "PATCH", &path, &headers, finalizers).await.0,
        200
    );
    assert_eq!(asked(&bob, "PATCH", &path, &headers, labels).await.0, 403);
}

#[tokio::test]
async fn a_rule_that_gathers_takes_the_right_to_everything() {
    let fixture = guarded().await;
    let rules = json!([{
        "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"],
        "verbs": ["create"],
    }]);
    grant_everywhere(&fixture, "bob", rules).await;
    let role = json!({
        "metadata": {"name": "x"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
    });
    let path = format!("{RBAC}/clusterroles");
    assert_eq!(
        post(&fixture, "bob", &path, role).await,
        (
            403,
            "clusterroles.rbac.authorization.k8s.io \"x\" is forbidden: must have cluster-admin \
             privileges to use the aggregationRule"
                .to_owned()
        )
    );
}

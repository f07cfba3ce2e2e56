//! Roles and bindings.

use mockernetes::auth::User;
use serde_json::json;

use super::{RBAC, create, grant, grant_everywhere, guarded, known, outcome};

#[tokio::test]
async fn a_role_gives_its_verbs_on_its_resources_in_its_namespace_and_nothing_else() {
    let fixture = guarded().await;
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]);
    grant(&fixture, "default", "bob", rules).await;
    fixture.config_map("default", "a").await;
    let bob = fixture.cluster.client_as(known("bob"));
    for (method, path, code) in [
        ("GET", "/api/v1/namespaces/default/configmaps/a", 200),
        ("GET", "/api/v1/namespaces/default/configmaps", 200),
        ("DELETE", "/api/v1/namespaces/default/configmaps/a", 403),
        ("DELETE", "/api/v1/namespaces/default/configmaps", 403),
        ("GET", "/api/v1/namespaces/default/configmaps?watch=1", 403),
        ("GET", "/api/v1/namespaces/default/secrets", 403),
        ("GET", "/api/v1/namespaces/kube-system/configmaps", 403),
        ("GET", "/api/v1/configmaps", 403),
    ] {
        let (found, message) = outcome(&bob, method, path).await;
        assert_eq!(found, code, "{method} {path}: {message}");
    }
}

#[tokio::test]
async fn resource_names_and_subresources_are_taken_at_their_word() {
    let fixture = guarded().await;
    let rules = json!([
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a"],
         "verbs": ["get", "list", "create"]},
        {"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get"]},
    ]);
    grant(&fixture, "default", "bob", rules).await;
    fixture.config_map("default", "a").await;
    let bob = fixture.cluster.client_as(known("bob"));
    let maps = "/api/v1/namespaces/default/configmaps";
    for (method, path, code) in [
        ("GET", format!("{maps}/a"), 200),
        ("GET", format!("{maps}/b"), 403),
        ("GET", maps.to_owned(), 403),
        (
            "GET",
            format!("{maps}?fieldSelector=metadata.name%3Da"),
            200,
        ),
        (
            "GET",
            format!("{maps}?fieldSelector=metadata.name%3Db"),
            403,
        ),
        ("POST", maps.to_owned(), 403),
        (
            "GET",
            "/apis/apps/v1/namespaces/default/deployments/d/scale".to_owned(),
            404,
        ),
        (
            "GET",
            "/apis/apps/v1/namespaces/default/deployments/d".to_owned(),
            403,
        ),
    ] {
        let (found, message) = outcome(&bob, method, &path).await;
        assert_eq!(found, code, "{method} {path}: {message}");
    }
}

#[tokio::test]
async fn paths_are_covered_up_to_their_star() {
    let fixture = guarded().await;
    let rules = json!([{"nonResourceURLs": ["/livez/*", "/own"], "verbs": ["get"]}]);
    grant_everywhere(&fixture, "bob", rules).await;
    let bob = fixture.cluster.client_as(known("bob"));
    assert_eq!(outcome(&bob, "GET", "/livez/ping").await.0, 200);
    assert_eq!(outcome(&bob, "GET", "/own").await.0, 404);
    assert_eq!(
        outcome(&bob, "GET", "/own/more").await,
        (
            403,
            "forbidden: User \"bob\" cannot get path \"/own/more\"".to_owned()
        )
    );
    assert_eq!(outcome(&bob, "POST", "/livez/ping").await.0, 403);
}

#[tokio::test]
async fn what_is_bound_and_unbound_counts_at_once() {
    let fixture = guarded().await;
    let bob = fixture.cluster.client_as(known("bob"));
    let path = "/api/v1/namespaces/default/configmaps";
    let binding = json!({
        "metadata": {"name": "later"},
        "roleRef": {"kind": "Role", "name": "later"},
        "subjects": [{"kind": "Group", "name": "system:authenticated"}],
    });
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    create(&fixture, &bindings, &binding).await;
    assert_eq!(
        outcome(&bob, "GET", path).await.1,
        "configmaps is forbidden: User \"bob\" cannot list resource \"configmaps\" in API group \
         \"\" in the namespace \"default\": rbac: RBAC: role.rbac.authorization.k8s.io \"later\" \
         not found"
    );
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]);
    let role = json!({"metadata": {"name": "later"}, "rules": rules});
    create(&fixture, &format!("{RBAC}/namespaces/default/roles"), &role).await;
    assert_eq!(outcome(&bob, "GET", path).await.0, 200);
    let gone = fixture
        .client
        .json("DELETE", &format!("{bindings}/later"), None)
        .await;
    gone.unwrap();
    assert_eq!(outcome(&bob, "GET", path).await.0, 403);
}

#[tokio::test]
async fn a_service_account_of_a_binding_without_namespace_is_that_of_the_binding() {
    let fixture = guarded().await;
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]);
    let role = json!({"metadata": {"name": "r"}, "rules": rules});
    create(&fixture, &format!("{RBAC}/namespaces/default/roles"), &role).await;
    let binding = json!({
        "metadata": {"name": "b"},
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "worker"}],
    });
    create(
        &fixture,
        &format!("{RBAC}/namespaces/default/rolebindings"),
        &binding,
    )
    .await;
    let pods = "/api/v1/namespaces/default/pods";
    for (user, code) in [
        ("system:serviceaccount:default:worker", 200),
        ("system:serviceaccount:other:worker", 403),
    ] {
        let client = fixture.cluster.client_as(known(user));
        assert_eq!(outcome(&client, "GET", pods).await.0, code, "{user}");
    }
}

#[tokio::test]
async fn rights_of_one_are_found_among_thousands_of_bindings() {
    let fixture = guarded().await;
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]);
    let role = json!({"metadata": {"name": "r"}, "rules": rules});
    create(&fixture, &format!("{RBAC}/clusterroles"), &role).await;
    for index in 0..2000 {
        let user = format!("user-{index}");
        let binding = json!({
            "metadata": {"name": user},
            "roleRef": {"kind": "ClusterRole", "name": "r"},
            "subjects": [{"kind": "User", "name": user}],
        });
        create(&fixture, &format!("{RBAC}/clusterrolebindings"), &binding).await;
    }
    let path = "/api/v1/namespaces/default/configmaps";
    for (user, code) in [("user-7", 200), ("user-1999", 200), ("user-2000", 403)] {
        let client = fixture.cluster.client_as(known(user));
        assert_eq!(outcome(&client, "GET", path).await.0, code, "{user}");
    }
}

#[tokio::test]
async fn put_and_apply_of_what_is_not_there_take_the_right_to_create() {
    let fixture = guarded().await;
    let rules =
        json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch", "get"]}]);
    grant(&fixture, "default", "bob", rules).await;
    let bob = fixture.cluster.client_as(known("bob"));
    let path = "/api/v1/namespaces/default/configmaps/a?fieldManager=m";
    let body = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#;
    let headers = [("content-type", "application/apply-patch+yaml")];
    let (code, message) = super::asked(&bob, "PATCH", path, &headers, body).await;
    assert_eq!(
        (code, message.as_str()),
        (
            403,
            "configmaps \"a\" is forbidden: User \"bob\" cannot create resource \"configmaps\" in \
             API group \"\" in the namespace \"default\""
        )
    );
    fixture.config_map("default", "a").await;
    assert_eq!(
        super::asked(&bob, "PATCH", path, &headers, body).await.0,
        200
    );
}

#[tokio::test]
async fn the_bootstrap_roles_give_everybody_who_is_known_discovery_and_self_reviews() {
    let fixture = guarded().await;
    let bob = fixture.cluster.client_as(known("bob"));
    for path in [
        "/api",
        "/apis/apps/v1",
        "/openapi/v3",
        "/version",
        "/readyz",
    ] {
        assert_eq!(outcome(&bob, "GET", path).await.0, 200, "{path}");
    }
    let nobody = fixture.cluster.client_as(User::anonymous());
    assert_eq!(outcome(&nobody, "GET", "/version").await.0, 200);
    assert_eq!(outcome(&nobody, "GET", "/api").await.0, 403);
}

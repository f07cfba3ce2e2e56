//! Asking as somebody else.

use mockernetes::auth::User;
use serde_json::json;

use super::{asked, create, grant_everywhere, guarded, known};
use crate::support::Fixture;

const NODES: &str = "/api/v1/nodes";

/// Imp may be bob by the right of old; bob may list nodes.
async fn imp_may_be_bob() -> Fixture {
    let fixture = guarded().await;
    let rules = json!([{
        "apiGroups": [""], "resources": ["users"], "resourceNames": ["bob"],
        "verbs": ["impersonate"],
    }]);
    grant_everywhere(&fixture, "imp", rules).await;
    let rules = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]);
    grant_everywhere(&fixture, "bob", rules).await;
    fixture
}

#[tokio::test]
async fn the_verb_impersonate_makes_somebody_another_and_nobody_else() {
    let fixture = imp_may_be_bob().await;
    let imp = fixture.cluster.client_as(known("imp"));
    let bob = [("impersonate-user", "bob")];
    assert_eq!(asked(&imp, "GET", NODES, &bob, "").await.0, 200);
    // The way that succeeded last is the one whose refusal is told.
    let eve = [("impersonate-user", "eve")];
    assert_eq!(
        asked(&imp, "GET", NODES, &eve, "").await,
        (
            403,
            "users \"eve\" is forbidden: User \"imp\" cannot impersonate resource \"users\" in API \
             group \"\" at the cluster scope"
                .to_owned()
        )
    );
}

#[tokio::test]
async fn every_part_of_an_identity_takes_a_right_of_its_own() {
    let fixture = imp_may_be_bob().await;
    let imp = fixture.cluster.client_as(known("imp"));
    let bob = ("impersonate-user", "bob");
    assert_eq!(asked(&imp, "GET", NODES, &[bob], "").await.0, 200);
    for (header, expected) in [
        (
            ("impersonate-group", "devs"),
            "groups \"devs\" is forbidden: User \"imp\" cannot impersonate resource \"groups\" in \
             API group \"\" at the cluster scope",
        ),
        (
            ("impersonate-uid", "1"),
            "uids.authentication.k8s.io \"1\" is forbidden: User \"imp\" cannot impersonate \
             resource \"uids\" in API group \"authentication.k8s.io\" at the cluster scope",
        ),
        (
            ("impersonate-extra-scopes", "view"),
            "userextras.authentication.k8s.io \"view\" is forbidden: User \"imp\" cannot \
             impersonate resource \"userextras/scopes\" in API group \"authentication.k8s.io\" at \
             the cluster scope",
        ),
    ] {
        let (code, message) = asked(&imp, "GET", NODES, &[bob, header], "").await;
        assert_eq!((code, message.as_str()), (403, expected), "{header:?}");
    }
}

#[tokio::test]
async fn a_constrained_right_is_for_a_user_and_for_a_verb() {
    let fixture = guarded().await;
    let rules = json!([
        {"apiGroups": ["authentication.k8s.io"], "resources": ["users"],
         "resourceNames": ["bob"], "verbs": ["impersonate:user-info"]},
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["impersonate-on:user-info:list"]},
    ]);
    grant_everywhere(&fixture, "imp", rules).await;
    let rules = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "get"]}]);
    grant_everywhere(&fixture, "bob", rules).await;
    let imp = fixture.cluster.client_as(known("imp"));
    let bob = [("impersonate-user", "bob")];
    assert_eq!(asked(&imp, "GET", NODES, &bob, "").await.0, 200);
    let (code, message) = asked(&imp, "GET", "/api/v1/nodes/n", &bob, "").await;
    assert_eq!(code, 403);
    assert!(
        message.contains("cannot impersonate-on:user-info:get resource \"nodes\""),
        "{message}"
    );
    // Masters are nobody's to become in this way.
    let masters = [
        ("impersonate-user", "bob"),
        ("impersonate-group", "system:masters"),
    ];
    let (code, message) = asked(&imp, "GET", NODES, &masters, "").await;
    assert_eq!(code, 403);
    assert!(
        message.ends_with("impersonating the system:masters group is not allowed"),
        "{message}"
    );
}

#[tokio::test]
async fn a_pod_may_be_the_node_it_is_on() {
    let fixture = guarded().await;
    let agent = "system:serviceaccount:default:agent";
    let rules = json!([
        {"apiGroups": ["authentication.k8s.io"], "resources": ["nodes"],
         "verbs": ["impersonate:associated-node"]},
        {"apiGroups": [""], "resources": ["nodes"],
         "verbs": ["impersonate-on:associated-node:get"]},
    ]);
    grant_everywhere(&fixture, agent, rules).await;
    let rules = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]);
    grant_everywhere(&fixture, "system:node:n1", rules).await;
    create(&fixture, NODES, &json!({"metadata": {"name": "n1"}})).await;
    let on = |node: &str| User {
        extra: vec![(
            "authentication.kubernetes.io/node-name".to_owned(),
            vec![node.to_owned()],
        )],
        ..known(agent)
    };
    let n1 = [("impersonate-user", "system:node:n1")];
    for (node, code) in [("n1", 200), ("n2", 403)] {
        let client = fixture.cluster.client_as(on(node));
        let (found, message) = asked(&client, "GET", "/api/v1/nodes/n1", &n1, "").await;
        assert_eq!(found, code, "{node}: {message}");
    }
}

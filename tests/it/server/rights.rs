//! Who asks, and may they.

use mockernetes::auth::{Authenticator, Mode, User};
use mockernetes::cluster::Cluster;
use serde_json::json;

use crate::support::start;

const TOKENS: &str = "admintoken,admin,admin-uid,\"system:masters\"\n\
                      usertoken,alice,alice-uid,\"devs,testers\"\n";

async fn ask(method: &str, target: &str, token: &str) -> (u16, String) {
    let mut tokens = Authenticator::new(Mode::Rbac);
    tokens.add_token_file(TOKENS).unwrap();
    let builder = Cluster::builder().auth(Mode::Rbac).tokens(&tokens);
    let cluster = start(builder).await.cluster;
    let door = cluster.anonymous_client();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let headers = if token.is_empty() {
        &[]
    } else {
        headers.as_slice()
    };
    let reply = door.request(method, target, headers, "{}").await;
    let code = reply.code;
    let message = match reply.into_json().await {
        Ok(_) => String::new(),
        Err(failure) => failure.message().to_owned(),
    };
    (code, message)
}

#[tokio::test]
async fn members_of_masters_may_do_everything() {
    assert_eq!(ask("GET", "/api/v1/nodes", "admintoken").await.0, 200);
    assert_eq!(ask("GET", "/metrics", "admintoken").await.0, 200);
}

#[tokio::test]
async fn a_token_that_nobody_has_is_unauthorized() {
    let (code, message) = ask("GET", "/api/v1/nodes", "stolen").await;
    assert_eq!((code, message.as_str()), (401, "Unauthorized"));
}

#[tokio::test]
async fn others_are_refused_in_the_words_of_rbac() {
    for (method, target, token, expected) in [
        (
            "GET",
            "/api/v1/namespaces/shop/configmaps",
            "usertoken",
            "configmaps is forbidden: User \"alice\" cannot list resource \"configmaps\" in API \
             group \"\" in the namespace \"shop\"",
        ),
        (
            "GET",
            "/api/v1/nodes/a",
            "",
            "nodes \"a\" is forbidden: User \"system:anonymous\" cannot get resource \"nodes\" in \
             API group \"\" at the cluster scope",
        ),
        (
            "POST",
            "/apis/apps/v1/namespaces/shop/deployments/web/scale",
            "usertoken",
            "deployments.apps \"web\" is forbidden: User \"alice\" cannot create resource \
             \"deployments/scale\" in API group \"apps\" in the namespace \"shop\"",
        ),
        (
            "GET",
            "/api/v1/nodes?fieldSelector=metadata.name%3Da",
            "usertoken",
            "nodes \"a\" is forbidden: User \"alice\" cannot list resource \"nodes\" in API group \
             \"\" at the cluster scope",
        ),
        (
            "GET",
            "/metrics",
            "usertoken",
            "forbidden: User \"alice\" cannot get path \"/metrics\"",
        ),
        (
            "POST",
            "/api",
            "usertoken",
            "forbidden: User \"alice\" cannot post path \"/api\"",
        ),
    ] {
        let (code, message) = ask(method, target, token).await;
        assert_eq!(
            (code, message.as_str()),
            (403, expected),
            "{method} {target}"
        );
    }
}

#[tokio::test]
async fn discovery_is_open_to_the_authenticated_and_health_to_all() {
    assert_eq!(ask("GET", "/apis/apps/v1", "usertoken").await.0, 200);
    assert_eq!(ask("GET", "/openapi/v3", "usertoken").await.0, 200);
    assert_eq!(ask("GET", "/apis", "").await.0, 403);
    assert_eq!(ask("GET", "/version", "").await.0, 200);
    assert_eq!(ask("GET", "/livez", "").await.0, 200);
    assert_eq!(ask("GET", "/livez/ping", "").await.0, 403);
}

#[test]
fn a_token_file_that_is_none_is_refused_by_line() {
    let mut tokens = Authenticator::new(Mode::Rbac);
    let fault = tokens.add_token_file("a,b,c\nnonsense\n").unwrap_err();
    assert_eq!(fault.line, 2);
    tokens.add_token_file("t,alice,1,\"devs,ops\"").unwrap();
    let (token, user) = tokens.tokens().find(|(token, _)| *token == "t").unwrap();
    assert_eq!((token, user.name.as_str()), ("t", "alice"));
    assert_eq!(user.groups, ["devs", "ops"]);
}

#[tokio::test]
async fn a_client_in_process_may_act_as_anybody() {
    let fixture = start(Cluster::builder().auth(Mode::Rbac)).await;
    let alice = User {
        name: "alice".to_owned(),
        ..User::default()
    };
    let client = fixture.cluster.client_as(alice);
    let object = json!({"metadata": {"name": "a"}});
    let failure = client.api("v1", "nodes").create(&object).await.unwrap_err();
    assert_eq!(failure.code, 403);
}

#[tokio::test]
async fn the_master_may_ask_as_somebody_else_who_then_has_no_more_rights_than_that() {
    let fixture = start(Cluster::builder().auth(Mode::Rbac)).await;
    let ask = |headers: &'static [(&'static str, &'static str)]| {
        let client = fixture.client.clone();
        async move {
            let reply = client.request("GET", "/api/v1/nodes", headers, "").await;
            reply
                .into_json()
                .await
                .map_err(|failure| failure.message().to_owned())
        }
    };
    assert_eq!(
        ask(&[("impersonate-user", "bob")]).await.unwrap_err(),
        "nodes is forbidden: User \"bob\" cannot list resource \"nodes\" in API group \"\" at the \
         cluster scope"
    );
    let masters = [
        ("impersonate-user", "bob"),
        ("impersonate-group", "system:masters"),
    ];
    let reply = fixture
        .client
        .request("GET", "/api/v1/nodes", &masters, "")
        .await;
    assert_eq!(reply.code, 200);
    assert_eq!(
        ask(&[("impersonate-group", "devs")]).await.unwrap_err(),
        "requested &user.DefaultInfo{Name:\"\", UID:\"\", Groups:[]string{\"devs\"}, \
         Extra:map[string][]string(nil)} without impersonating a user name"
    );
}

#[tokio::test]
async fn nobody_else_may_ask_as_somebody_else() {
    let fixture = start(Cluster::builder().auth(Mode::Rbac)).await;
    let alice = User {
        name: "alice".to_owned(),
        ..User::default()
    };
    let client = fixture.cluster.client_as(alice);
    for (user, mode) in [
        ("bob", "user-info"),
        ("system:node:n1", "arbitrary-node"),
        ("system:serviceaccount:shop:web", "serviceaccount"),
    ] {
        let headers = [("impersonate-user", user)];
        let reply = client.request("GET", "/api/v1/nodes/a", &headers, "").await;
        let failure = reply.into_json().await.unwrap_err();
        let expected = format!(
            "nodes \"a\" is forbidden: User \"alice\" cannot impersonate-on:{mode}:get resource \
             \"nodes\" in API group \"\" at the cluster scope"
        );
        assert_eq!(failure.message(), expected);
    }
}

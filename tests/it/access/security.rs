//! Attempts to get where one may not, each refused as a real kube-apiserver 1.37 refuses it: the
//! codes and words were asked of one.

use mockernetes::auth::{Authenticator, Mode};
use mockernetes::client::Client;
use mockernetes::cluster::Cluster;

use super::{asked, grant_everywhere};
use crate::support::{Fixture, start};

async fn guarded() -> Fixture {
    let mut tokens = Authenticator::new(Mode::Rbac);
    tokens
        .add_token_file("admintoken,admin,1,\"system:masters\"\nusertoken,alice,2,\"devs\"\n")
        .unwrap();
    start(Cluster::builder().auth(Mode::Rbac).tokens(&tokens)).await
}

fn forbidden(what: &str, verb: &str, resource: &str) -> String {
    format!(
        "{what} is forbidden: User \"alice\" cannot {verb} resource \"{resource}\" in API group \"\" \
         at the cluster scope"
    )
}

async fn get(client: &Client, path: &str, authorization: &str) -> (u16, String) {
    let headers = [("authorization", authorization)];
    asked(client, "GET", path, &headers, "").await
}

#[tokio::test]
async fn credentials_that_are_none_are_unauthorized_and_no_credentials_are_nobody() {
    let fixture = guarded().await;
    let client = fixture.cluster.anonymous_client();
    let unauthorized = (401, "Unauthorized".to_owned());
    let anonymous = (
        403,
        "nodes is forbidden: User \"system:anonymous\" cannot list resource \"nodes\" in API group \
         \"\" at the cluster scope"
            .to_owned(),
    );
    let long = format!("Bearer {}", "x".repeat(70_000));
    for (authorization, expected) in [
        ("Bearer stolen", &unauthorized),
        ("Bearer \"admintoken\"", &unauthorized),
        ("Bearer a.b.c", &unauthorized),
        (&long, &unauthorized),
        ("Bearer", &anonymous),
        ("Bearer  admintoken", &anonymous),
        ("Basic YWRtaW46YWRtaW4=", &anonymous),
        ("Token admintoken", &anonymous),
        ("Bearer\tadmintoken", &anonymous),
    ] {
        assert_eq!(
            &get(&client, "/api/v1/nodes", authorization).await,
            expected,
            "{authorization}"
        );
    }
    for authorization in ["bearer admintoken", "Bearer admintoken trailing"] {
        assert_eq!(get(&client, "/api/v1/nodes", authorization).await.0, 200);
    }
}

#[tokio::test]
async fn nobody_is_let_in_unnamed_where_that_is_switched_off() {
    let fixture = start(Cluster::builder().auth(Mode::Rbac).anonymous_auth(false)).await;
    let client = fixture.cluster.anonymous_client();
    assert_eq!(
        asked(&client, "GET", "/version", &[], "").await,
        (401, "Unauthorized".to_owned())
    );
}

#[tokio::test]
async fn tricks_with_paths_are_authorized_as_what_they_lead_to() {
    let fixture = guarded().await;
    let client = fixture.cluster.anonymous_client();
    for (path, expected) in [
        ("//api/v1/nodes", forbidden("nodes", "list", "nodes")),
        ("/api//v1/nodes", forbidden("v1 \"nodes\"", "get", "v1")),
        ("/%61pi/v1/nodes", forbidden("nodes", "list", "nodes")),
        (
            "/api/v1/nodes/..",
            forbidden("nodes \"..\"", "get", "nodes"),
        ),
        (
            "/api/v1/nodes/%2e%2e",
            forbidden("nodes \"..\"", "get", "nodes"),
        ),
        ("/api/v1/Nodes", forbidden("Nodes", "list", "Nodes")),
        ("/api/v1/watch/nodes", forbidden("nodes", "watch", "nodes")),
        (
            "/healthz/../metrics",
            "forbidden: User \"alice\" cannot get path \"/healthz/../metrics\"".to_owned(),
        ),
        (
            "/version/..%2fmetrics",
            "forbidden: User \"alice\" cannot get path \"/version/../metrics\"".to_owned(),
        ),
        (
            "//healthz",
            "forbidden: User \"alice\" cannot get path \"//healthz\"".to_owned(),
        ),
    ] {
        let found = get(&client, path, "Bearer usertoken").await;
        assert_eq!(found, (403, expected), "{path}");
    }
}

#[tokio::test]
async fn a_right_to_a_path_ends_where_its_text_ends() {
    let fixture = guarded().await;
    let rules = serde_json::json!([{"nonResourceURLs": ["/livez"], "verbs": ["get"]}]);
    grant_everywhere(&fixture, "alice", rules).await;
    let client = fixture.cluster.anonymous_client();
    assert_eq!(get(&client, "/livez", "Bearer usertoken").await.0, 200);
    for path in ["/livez/", "/livez/ping", "/livez/../metrics", "/livezz"] {
        assert_eq!(
            get(&client, path, "Bearer usertoken").await.0,
            403,
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_a_request_says_of_itself_gives_it_no_rights() {
    let fixture = guarded().await;
    let client = fixture.cluster.anonymous_client();
    for header in [
        ("impersonate-user", "admin"),
        (
            "impersonate-user",
            "system:serviceaccount:kube-system:default",
        ),
        ("x-remote-user", "admin"),
        ("x-forwarded-user", "admin"),
    ] {
        let headers = [("authorization", "Bearer usertoken"), header];
        let (code, _) = asked(&client, "GET", "/api/v1/nodes", &headers, "").await;
        assert_eq!(code, 403, "{header:?}");
    }
}

#[tokio::test]
async fn a_token_behind_two_spaces_is_not_looked_at_and_that_is_said() {
    let fixture = guarded().await;
    let client = fixture.cluster.anonymous_client();
    for (authorization, warnings) in [
        ("Bearer  admintoken", 1),
        ("bearer   admintoken", 1),
        ("Bearer admintoken", 0),
        ("Basic  x y", 0),
    ] {
        let headers = [("authorization", authorization)];
        let reply = client.request("GET", "/api/v1/nodes", &headers, "").await;
        let said = reply.headers.get_all("warning").iter();
        let expected = "299 - \"the provided Authorization header contains extra space before the \
                        bearer token, and is ignored\"";
        assert_eq!(said.filter(|said| *said == expected).count(), warnings);
    }
}

//! Every answer: its id, its caching, its errors.

use crate::support::cluster;

#[tokio::test]
async fn every_answer_has_an_id_which_the_client_may_choose() {
    let fixture = cluster().await;
    let first = fixture.client.request("GET", "/nope", &[], "").await;
    let second = fixture.client.request("GET", "/nope", &[], "").await;
    assert_eq!(first.header("audit-id").len(), 36);
    assert_ne!(first.header("audit-id"), second.header("audit-id"));
    assert_eq!(first.header("cache-control"), "no-cache, private");
    let own = [("audit-id", "mine")];
    let third = fixture.client.request("GET", "/nope", &own, "").await;
    assert_eq!(third.header("audit-id"), "mine");
}

#[tokio::test]
async fn unknown_paths_are_text_and_unknown_resources_are_a_status() {
    let fixture = cluster().await;
    for (path, is_text) in [
        ("/nope", true),
        ("/apis/nope", true),
        ("/apis/nope.example.com/v1/things", true),
        ("//api/v1/pods", true),
        ("/api/v1/nope", false),
        ("/api/v2", false),
        ("/apis/apps/v9", false),
        ("/apis/apps/v9/deployments", false),
        ("/api/v1//namespaces", false),
        ("/api/v1/namespaces/default/configmaps/a/b/c", false),
    ] {
        let reply = fixture.client.request("GET", path, &[], "").await;
        assert_eq!(reply.code, 404, "{path}");
        let expected = if is_text {
            "text/plain; charset=utf-8"
        } else {
            "application/json"
        };
        assert_eq!(reply.header("content-type"), expected, "{path}");
    }
}

#[tokio::test]
async fn methods_that_no_route_has_are_not_allowed() {
    let fixture = cluster().await;
    for (method, path) in [
        ("PUT", "/api/v1/namespaces/default/configmaps"),
        ("POST", "/api/v1/namespaces/default/configmaps/a"),
        ("PATCH", "/api/v1/namespaces/default/configmaps"),
        ("OPTIONS", "/api/v1/namespaces/default"),
        ("BREW", "/api/v1/namespaces/default"),
        ("POST", "/version"),
        ("POST", "/api"),
        ("DELETE", "/apis/apps/v1"),
    ] {
        let reply = fixture.client.request(method, path, &[], "").await;
        let failure = reply.into_json().await.unwrap_err();
        assert_eq!(
            (failure.code, failure.reason()),
            (405, "MethodNotAllowed"),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_timeout_that_is_no_duration_is_refused() {
    let fixture = cluster().await;
    for (timeout, fault) in [
        ("abc", "time: invalid duration \"abc\""),
        ("10", "time: missing unit in duration \"10\""),
        ("10x", "time: unknown unit \"x\" in duration \"10x\""),
    ] {
        let target = format!("/api/v1/nodes?timeout={timeout}");
        let failure = fixture.client.json("GET", &target, None).await.unwrap_err();
        let expected = format!("invalid timeout specified in the request URL - {fault}");
        assert_eq!(failure.message(), expected);
    }
    let answer = fixture
        .client
        .json("GET", "/api/v1/nodes?timeout=1m30s", None)
        .await;
    answer.unwrap();
}

#[tokio::test]
async fn names_are_decoded_from_the_path() {
    let fixture = cluster().await;
    let target = "/api/v1/namespaces/default/configmaps/a%20b";
    let failure = fixture.client.json("GET", target, None).await.unwrap_err();
    assert_eq!(failure.message(), "configmaps \"a b\" not found");
}

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

#[tokio::test]
async fn a_name_that_no_path_can_hold_is_said_to_be_invalid() {
    let fixture = cluster().await;
    let place = "/api/v1/namespaces/default/configmaps";
    for (name, why) in [
        ("..", "\"..\": may not be '..'"),
        (".", "\".\": may not be '.'"),
        ("%2e%2e", "\"..\": may not be '..'"),
        ("a%25b", "\"a%b\": may not contain '%'"),
    ] {
        for (method, body) in [("GET", ""), ("DELETE", ""), ("PATCH", "{}")] {
            let kind = [("content-type", "application/merge-patch+json")];
            let path = format!("{place}/{name}");
            let reply = fixture.client.request(method, &path, &kind, body).await;
            let failure = reply.into_json().await.unwrap_err();
            let message = format!("Name parameter invalid: {why}");
            assert_eq!((failure.code, failure.message()), (400, &*message));
        }
    }
}

#[tokio::test]
async fn a_namespace_that_leads_out_of_its_place_is_an_invalid_key() {
    let fixture = cluster().await;
    for (path, key) in [
        ("/api/v1/namespaces/../pods", "/pods/.."),
        ("/api/v1/namespaces/./pods?watch=1", "/pods/."),
        ("/api/v1/namespaces/../services/x", "/services/specs/../x"),
        ("/apis/apps/v1/namespaces/../deployments", "/deployments/.."),
    ] {
        let reply = fixture.client.request("GET", path, &[], "").await;
        let failure = reply.into_json().await.unwrap_err();
        let message = format!("invalid key: \"{key}\"");
        assert_eq!((failure.code, failure.message()), (500, &*message));
    }
    let body = r#"{"metadata": {"name": "a"}}"#;
    let path = "/api/v1/namespaces/../configmaps";
    let reply = fixture.client.request("POST", path, &[], body).await;
    let failure = reply.into_json().await.unwrap_err();
    assert_eq!(
        failure.message(),
        "Internal error occurred: invalid resource name \"..\": [may not be '..']"
    );
}

#[tokio::test]
async fn an_empty_segment_stands_for_a_parameter_that_is_not_given() {
    let fixture = cluster().await;
    for (method, path, code, message) in [
        ("GET", "/api/v1/namespaces//pods", 200, ""),
        (
            "GET",
            "/api/v1/namespaces//pods/x",
            400,
            "Namespace parameter required.",
        ),
        (
            "DELETE",
            "/api/v1/namespaces//pods",
            400,
            "Namespace parameter required.",
        ),
        (
            "GET",
            "/api/v1/namespaces/default/pods//status",
            400,
            "name must be provided",
        ),
        ("PUT", "/api/v1/nodes//status", 400, "name must be provided"),
        (
            "GET",
            "/api/v1/namespaces//nodes",
            404,
            "the server could not find the requested resource",
        ),
        (
            "GET",
            "/api/v1/namespaces/default/pods//x",
            404,
            "the server could not find the requested resource",
        ),
    ] {
        let reply = fixture.client.request(method, path, &[], "").await;
        assert_eq!(reply.code, code, "{method} {path}");
        if let Err(failure) = reply.into_json().await {
            assert_eq!(failure.message(), message, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_name_is_quoted_as_go_quotes_it() {
    let fixture = cluster().await;
    let reply = fixture
        .client
        .request("GET", "/api/v1/nodes/x%01", &[], "")
        .await;
    let failure = reply.into_json().await.unwrap_err();
    assert_eq!(failure.message(), "nodes \"x\\x01\" not found");
}

#[tokio::test]
async fn a_patch_is_looked_into_only_where_there_is_an_object() {
    let fixture = cluster().await;
    for (kind, body, code) in [
        ("merge-patch+json", "[]", 404),
        ("json-patch+json", "{}", 404),
        ("strategic-merge-patch+json", "\"x\"", 404),
        ("merge-patch+json", "[", 400),
    ] {
        let media = format!("application/{kind}");
        let path = "/api/v1/namespaces/default/configmaps/none";
        let headers = [("content-type", media.as_str())];
        let reply = fixture.client.request("PATCH", path, &headers, body).await;
        assert_eq!(reply.code, code, "{kind} {body}");
    }
}

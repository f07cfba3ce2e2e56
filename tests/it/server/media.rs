//! `Accept`, `Content-Type`, and what answers look like.

use serde_json::{Value, json};

use crate::support::cluster;

const DEFAULT: &str = "/api/v1/namespaces/default";

#[tokio::test]
async fn json_is_indented_for_humans_and_compact_for_programs() {
    let fixture = cluster().await;
    let client = fixture.client.with_agent("curl/8");
    let human = client
        .request("GET", DEFAULT, &[], "")
        .await
        .into_bytes()
        .await;
    assert!(human.starts_with(b"{\n  \""), "{human:?}");
    let asked = format!("{DEFAULT}?pretty=false");
    let plain = client
        .request("GET", &asked, &[], "")
        .await
        .into_bytes()
        .await;
    assert!(plain.starts_with(b"{\"") && plain.ends_with(b"}\n"));
    let same: Value = serde_json::from_slice(&human).unwrap();
    assert_eq!(same, serde_json::from_slice::<Value>(&plain).unwrap());
}

#[tokio::test]
async fn yaml_is_answered_to_who_accepts_it_errors_too() {
    let fixture = cluster().await;
    let yaml = [("accept", "application/yaml")];
    let reply = fixture.client.request("GET", DEFAULT, &yaml, "").await;
    assert_eq!(reply.header("content-type"), "application/yaml");
    let text = reply.into_bytes().await;
    assert!(text.starts_with(b"apiVersion: v1\nkind: Namespace\nmetadata:\n"));
    let reply = fixture
        .client
        .request("GET", "/api/v1/nodes/a", &yaml, "")
        .await;
    assert_eq!(reply.code, 404);
    let expected = "apiVersion: v1\ncode: 404\ndetails:\n  kind: nodes\n  name: a\nkind: Status\n\
                    message: nodes \"a\" not found\nmetadata: {}\nreason: NotFound\n\
                    status: Failure\n";
    assert_eq!(reply.into_bytes().await, expected);
}

#[tokio::test]
async fn the_best_clause_that_can_be_served_wins() {
    let fixture = cluster().await;
    for (accept, expected) in [
        (
            "application/vnd.kubernetes.protobuf,application/json",
            "application/vnd.kubernetes.protobuf",
        ),
        (
            "application/yaml;q=0.5,application/json;q=0.4",
            "application/yaml",
        ),
        ("text/html, */*;q=0.1", "application/json"),
        (
            "application/json;as=Nope;v=v1;g=meta.k8s.io, application/yaml",
            "application/yaml",
        ),
    ] {
        let reply = fixture
            .client
            .request("GET", DEFAULT, &[("accept", accept)], "")
            .await;
        assert_eq!(
            (reply.code, reply.header("content-type")),
            (200, expected),
            "{accept}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_not_acceptable() {
    let fixture = cluster().await;
    let not_acceptable = |target: &'static str, accept: &'static str| {
        let client = fixture.client.clone();
        async move {
            let reply = client
                .request("GET", target, &[("accept", accept)], "")
                .await;
            assert_eq!(reply.code, 406, "{accept}");
            let failure = reply.into_json().await.unwrap_err();
            failure.message().to_owned()
        }
    };
    let all = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
    assert_eq!(
        not_acceptable(DEFAULT, "text/plain").await,
        format!("406: Not Acceptable\n\nAvailable representations: {all}")
    );
    assert_eq!(
        not_acceptable(DEFAULT, "application/json;as=Nope;v=v1;g=meta.k8s.io").await,
        format!("only the following media types are accepted: {all}")
    );
    assert_eq!(
        not_acceptable(
            "/api/v1/nodes",
            "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
        )
        .await,
        "you requested PartialObjectMetadata, but the requested object is a list (*core.NodeList)"
    );
}

#[tokio::test]
async fn bodies_in_unknown_encodings_are_refused_after_missing_resources() {
    let fixture = cluster().await;
    let text = [("content-type", "text/plain")];
    let reply = fixture
        .client
        .request("POST", "/api/v1/namespaces", &text, "x")
        .await;
    assert_eq!(reply.code, 415);
    let reply = fixture
        .client
        .request("POST", "/api/v1/nopes", &text, "x")
        .await;
    assert_eq!(reply.code, 404);
    let json = [("content-type", "application/json")];
    let failure = fixture
        .client
        .request("PATCH", DEFAULT, &json, "{}")
        .await
        .into_json()
        .await;
    assert_eq!(
        failure.unwrap_err().message(),
        "415: Unsupported Media Type"
    );
}

#[tokio::test]
async fn a_content_type_that_is_not_well_formed_names_no_encoding() {
    let fixture = cluster().await;
    let post = async |content_type: &str| {
        let headers = [("content-type", content_type)];
        let path = "/api/v1/namespaces?dryRun=All";
        let body = r#"{"metadata":{"name":"typed"}}"#;
        let reply = fixture.client.request("POST", path, &headers, body).await;
        reply.code
    };
    for wrong in [
        ";",
        ";;;",
        "application/json;;",
        "application/json; charset",
        "application/json; =utf-8",
        "application/json; a=b; a=c",
        "application/json; charset=\"utf-8",
    ] {
        assert_eq!(post(wrong).await, 415, "{wrong}");
    }
    for right in [
        "application/json;",
        "Application/JSON ; charset = \"utf-\\8\"",
        "application/json; a=b; a=b",
    ] {
        assert_eq!(post(right).await, 201, "{right}");
    }
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_asks() {
    let fixture = cluster().await;
    let large = json!({"metadata": {"name": "large"}, "data": {"x": "y".repeat(200_000)}});
    let config_maps = fixture.client.api("v1", "configmaps").namespace("default");
    config_maps.create(&large).await.unwrap();
    let gzip = [("accept-encoding", "gzip")];
    let target = "/api/v1/namespaces/default/configmaps/large";
    let reply = fixture.client.request("GET", target, &gzip, "").await;
    assert_eq!(reply.header("content-encoding"), "gzip");
    assert!(reply.into_bytes().await.len() < 10_000);
    let reply = fixture.client.request("GET", DEFAULT, &gzip, "").await;
    assert_eq!(reply.header("content-encoding"), "");
}

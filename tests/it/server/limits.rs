//! What is too much is refused by name.

use mockernetes::cluster::Cluster;
use mockernetes::server::Limits;

use crate::support::{Wire, cluster, listening, raw, start};

#[tokio::test]
async fn a_body_over_three_mebibytes_is_too_large() {
    let fixture = cluster().await;
    let body = vec![b' '; 3 * 1024 * 1024 + 1];
    let reply = fixture
        .client
        .request("POST", "/api/v1/namespaces", &[], body)
        .await;
    let failure = reply.into_json().await.unwrap_err();
    assert_eq!(
        (failure.code, failure.reason()),
        (413, "RequestEntityTooLarge")
    );
    assert_eq!(
        failure.message(),
        "Request entity too large: limit is 3145728"
    );
}

#[tokio::test]
async fn a_chunked_body_is_measured_as_it_comes() {
    let limits = Limits {
        body_bytes_max: 1000,
        ..Limits::default()
    };
    let cluster = listening(Cluster::builder().limits(limits)).await;
    let spaces = " ".repeat(0x200);
    let request = format!(
        "POST /api/v1/namespaces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         transfer-encoding: chunked\r\n\r\n200\r\n{spaces}\r\n200\r\n{spaces}\r\n0\r\n\r\n"
    );
    assert_eq!(raw(&cluster, request.as_bytes()).await.code, 413);
}

#[tokio::test]
async fn a_long_address_and_long_headers_are_refused_with_a_status() {
    let limits = Limits {
        uri_bytes_max: 1000,
        header_bytes_max: 1000,
        ..Limits::default()
    };
    let fixture = start(Cluster::builder().limits(limits)).await;
    let long = "x".repeat(1001);
    let target = format!("/api/v1/nodes?labelSelector={long}");
    let reply = fixture.client.request("GET", &target, &[], "").await;
    assert_eq!(reply.code, 414);
    assert_eq!(
        reply.into_json().await.unwrap_err().status["kind"],
        "Status"
    );
    let reply = fixture
        .client
        .request("GET", "/api/v1/nodes", &[("x-long", &long)], "")
        .await;
    assert_eq!(reply.code, 431);
}

#[tokio::test]
async fn a_watch_too_many_is_told_to_come_back() {
    let limits = Limits {
        watches_max: 1,
        ..Limits::default()
    };
    let fixture = start(Cluster::builder().limits(limits)).await;
    let nodes = fixture.client.api("v1", "nodes");
    let first = nodes.watch("").await.unwrap();
    let target = "/api/v1/nodes?watch=1";
    let reply = fixture.client.request("GET", target, &[], "").await;
    assert_eq!((reply.code, reply.header("retry-after")), (429, "1"));
    drop(first);
}

#[tokio::test]
async fn a_malformed_escape_is_a_bad_request() {
    let cluster = listening(Cluster::builder()).await;
    let client = Wire::client(&cluster, None);
    let reply = client.request("GET", "/api/v1/nodes/%zz", &[], "").await;
    assert_eq!(reply.code, 400);
}

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

#[tokio::test]
async fn a_body_that_is_not_wanted_does_not_break_the_connection() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let cluster = listening(Cluster::builder()).await;
    let mut socket = tokio::net::TcpStream::connect(cluster.address().unwrap())
        .await
        .unwrap();
    let body = "x".repeat(100_000);
    let first = format!("GET /nope HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{body}");
    let second = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    socket.write_all(first.as_bytes()).await.unwrap();
    socket.write_all(second.as_bytes()).await.unwrap();
    let mut answers = String::new();
    socket.read_to_string(&mut answers).await.unwrap();
    assert!(
        answers.starts_with("HTTP/1.1 404 ") && answers.ends_with("\r\n\r\nok"),
        "{answers}"
    );
}

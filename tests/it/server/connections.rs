//! Connections: what is said to those who do not speak HTTP, and how long they are waited for.

use std::time::Duration;

use futures_util::FutureExt;
use mockernetes::auth::Mode;
use mockernetes::cluster::Cluster;
use mockernetes::server::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{listening, raw, start};

/// All that a server says to bytes, up to the end of the connection.
async fn dialogue(cluster: &Cluster, said: &[u8]) -> String {
    let mut socket = TcpStream::connect(cluster.address().unwrap())
        .await
        .unwrap();
    socket.write_all(said).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn what_is_no_request_is_told_so_in_text() {
    let cluster = listening(Cluster::builder()).await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000));
    let many = "x: y\r\n".repeat(600);
    let many = format!("GET /livez HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    for (said, expected) in [
        ("hello\r\n\r\n", "400 Bad Request"),
        ("G@T /livez HTTP/1.1\r\nhost: x\r\n\r\n", "400 Bad Request"),
        (
            "GET /livez HTTP/1.1\r\nhost: x\r\nx\r\n\r\n",
            "400 Bad Request",
        ),
        ("GET /%zz HTTP/1.1\r\nhost: x\r\n\r\n", "400 Bad Request"),
        (
            "GET /livez HTTP/1.1\r\n\r\n",
            "400 Bad Request: missing required Host header",
        ),
        (
            "GET /livez HTTP/1.1\r\nhost: a b\r\n\r\n",
            "400 Bad Request: malformed Host header",
        ),
        (
            "GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
            "400 Bad Request: too many Host headers",
        ),
        (&long, "414 URI Too Long"),
        (&many, "431 Request Header Fields Too Large"),
    ] {
        let answer = dialogue(&cluster, said.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let shown = &said[..said.len().min(60)];
        assert_eq!(body, expected, "{shown}");
        assert!(head.contains("content-type: text/plain; charset=utf-8"));
        assert!(head.contains("connection: close"), "{shown}: {head}");
    }
    let metrics = raw(
        &cluster,
        b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    let text = String::from_utf8(metrics.into_bytes().await.to_vec()).unwrap();
    for (code, count) in [(400, 7), (414, 1), (431, 1)] {
        let line = format!("apiserver_request_total{{code=\"{code}\",");
        let counted = text.lines().find(|text| text.starts_with(&line)).unwrap();
        assert!(counted.ends_with(&format!(" {count}")), "{counted}");
    }
}

#[tokio::test]
async fn options_of_everything_is_answered_by_nobody() {
    let cluster = listening(Cluster::builder()).await;
    let star = b"OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(raw(&cluster, star).await.code, 200);
}

#[tokio::test]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let limits = Limits {
        idle_patience: Duration::from_millis(20),
        handshake_patience: Duration::from_millis(20),
        ..Limits::default()
    };
    let cluster = listening(Cluster::builder().limits(limits)).await;
    assert_eq!(dialogue(&cluster, b"").await, "");
    assert_eq!(dialogue(&cluster, b"GET /livez HTT").await, "");
    let answer = dialogue(&cluster, b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.ends_with("ok"), "{answer}");
    let tls = Cluster::builder()
        .bare()
        .limits(limits)
        .listen("127.0.0.1:0".parse().unwrap());
    let tls = tls.start().await.unwrap();
    assert_eq!(dialogue(&tls, b"").await, "");
}

#[tokio::test]
async fn a_connection_too_many_waits_for_a_place() {
    let limits = Limits {
        connections_max: 1,
        ..Limits::default()
    };
    let cluster = listening(Cluster::builder().limits(limits)).await;
    let first = TcpStream::connect(cluster.address().unwrap())
        .await
        .unwrap();
    let second = dialogue(
        &cluster,
        b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    let mut second = std::pin::pin!(second);
    assert!(second.as_mut().now_or_never().is_none());
    drop(first);
    assert!(second.await.ends_with("ok"));
}

#[tokio::test]
async fn a_body_of_somebody_unknown_is_not_asked_for() {
    let cluster = listening(Cluster::builder().auth(Mode::Rbac)).await;
    let head = "POST /api/v1/namespaces HTTP/1.1\r\nhost: x\r\nauthorization: Bearer nope\r\n";
    // One that is announced and waits, and one that is sent in full.
    let announced = format!("{head}expect: 100-continue\r\ncontent-length: 1000\r\n\r\n");
    let answer = dialogue(&cluster, announced.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let body = "x".repeat(2_000_000);
    let sent = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let answer = raw(&cluster, sent.as_bytes()).await;
    assert_eq!((answer.code, answer.header("connection")), (401, "close"));
}

#[tokio::test]
async fn no_limit_is_a_limit_of_zero() {
    let limits = Limits {
        in_flight_max: 0,
        watches_max: 0,
        ..Limits::default()
    };
    let fixture = start(Cluster::builder().limits(limits)).await;
    let nodes = fixture.client.api("v1", "nodes");
    assert!(nodes.watch("").await.is_ok());
    let reply = fixture
        .client
        .request("GET", "/api/v1/nodes", &[], "")
        .await;
    assert_eq!(reply.code, 200);
}

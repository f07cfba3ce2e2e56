//! Watches on their way out.

use futures_util::StreamExt;
use mockernetes::client::ReplyBody;
use mockernetes::cluster::Cluster;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Wire, cluster, listening};

#[tokio::test]
async fn a_watch_ends_cleanly_when_the_cluster_stops() {
    let cluster = listening(Cluster::builder()).await;
    let client = Wire::client(&cluster, None);
    let reply = client
        .request("GET", "/api/v1/nodes?watch=1", &[], "")
        .await;
    assert_eq!(reply.code, 200);
    cluster.stop().await;
    // A body that broke off would fail here.
    assert_eq!(reply.into_bytes().await, "");
}

#[tokio::test]
async fn a_watch_in_process_ends_when_the_cluster_stops() {
    let cluster = Cluster::builder().start().await.unwrap();
    let events = cluster.client().api("v1", "nodes").watch("").await.unwrap();
    cluster.stop().await;
    assert_eq!(events.count().await, 0);
}

#[tokio::test]
async fn open_watches_are_counted_until_they_end() {
    let fixture = cluster().await;
    let count = || {
        let client = fixture.client.clone();
        async move {
            let reply = client.request("GET", "/metrics", &[], "").await;
            let text = String::from_utf8(reply.into_bytes().await.to_vec()).unwrap();
            let line = text
                .lines()
                .find(|line| line.starts_with("apiserver_longrunning_requests{"))
                .map(|line| line.rsplit(' ').next().unwrap().to_owned());
            line.unwrap_or_default()
        }
    };
    let nodes = fixture.client.api("v1", "nodes");
    let events = nodes.watch("").await.unwrap();
    assert_eq!(count().await, "1");
    drop(events);
}

#[tokio::test]
async fn events_come_in_order_and_none_is_missing() {
    let fixture = cluster().await;
    let config_maps = fixture.client.api("v1", "configmaps").namespace("default");
    let events = config_maps.watch("").await.unwrap();
    for index in 0..50 {
        fixture.config_map("default", &format!("c{index}")).await;
    }
    let names: Vec<String> = events
        .take(50)
        .map(|event| {
            event["object"]["metadata"]["name"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
        .await;
    let expected: Vec<String> = (0..50).map(|index| format!("c{index}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_watch_asked_for_as_a_list_ends_with_the_first_event() {
    let fixture = cluster().await;
    fixture.config_map("default", "a").await;
    let target = "/api/v1/configmaps?watch=1&resourceVersion=1";
    for (form, count) in [
        ("PartialObjectMetadata", 1),
        ("PartialObjectMetadataList", 0),
    ] {
        let accept = format!("application/json;as={form};v=v1;g=meta.k8s.io");
        let headers = [("accept", accept.as_str())];
        let reply = fixture.client.request("GET", target, &headers, "").await;
        let ReplyBody::Events(events) = reply.body else {
            panic!("a watch is a stream");
        };
        assert_eq!(events.take(1).count().await, count, "{form}");
    }
}

#[tokio::test]
async fn a_watch_over_websocket_is_a_message_for_each_event() {
    let cluster = listening(Cluster::builder()).await;
    let mut stream = TcpStream::connect(cluster.address().unwrap())
        .await
        .unwrap();
    let request = "GET /api/v1/namespaces?watch=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    for _ in 0..4 {
        let (kind, event) = message(&mut stream).await;
        let event: serde_json::Value = serde_json::from_slice(&event).unwrap();
        assert_eq!((kind, event["type"].as_str()), (0x81, Some("ADDED")));
    }
    // A ping, masked by zeroes, is answered with what it holds; so is the end.
    stream.write_all(b"\x89\x82\0\0\0\0hi").await.unwrap();
    assert_eq!(message(&mut stream).await, (0x8a, b"hi".to_vec()));
    stream.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    assert_eq!(message(&mut stream).await, (0x88, Vec::new()));
}

/// A frame of the server's: its first byte, and what it holds.
async fn message(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let kind = stream.read_u8().await.unwrap();
    let length = match stream.read_u8().await.unwrap() {
        126 => usize::from(stream.read_u16().await.unwrap()),
        length => usize::from(length),
    };
    let mut data = vec![0; length];
    stream.read_exact(&mut data).await.unwrap();
    (kind, data)
}

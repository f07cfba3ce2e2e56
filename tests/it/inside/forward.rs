//! Ports of a pod.

use mockernetes::Cluster;
use serde_json::json;

use super::spdy::{self, Spdy};
use super::upgrade::websocket;
use super::{path, pod, with_pod};

async fn cluster() -> Cluster {
    let rules = json!({"mockernetes.dev/http.8080": "hello", "mockernetes.dev/echo.9000": "yes"});
    with_pod(&pod(&rules)).await
}

/// Opens the two streams of a connection to a port.
async fn connect<I>(spdy: &mut Spdy<I>, port: &str, request: &str) -> (u32, u32)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut headers = vec![("streamtype", "error"), ("port", port)];
    if !request.is_empty() {
        headers.push(("requestid", request));
    }
    let error = spdy.open(&headers).await;
    headers[0].1 = "data";
    let data = spdy.open(&headers).await;
    (error, data)
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_port_answers_over_spdy() {
    let cluster = cluster().await;
    let (mut spdy, version) =
        spdy::open(&cluster, &path("portforward"), "portforward.k8s.io").await;
    assert_eq!(version, "portforward.k8s.io");
    for (port, request) in [("8080", "0"), ("8080", "1"), ("9000", "2"), ("9000", "")] {
        let (error, data) = connect(&mut spdy, port, request).await;
        spdy.send(data, GET, true).await;
        spdy.until(|spdy| spdy.streams[&error].has_ended && spdy.streams[&data].has_ended)
            .await;
        let said = String::from_utf8(spdy.streams[&data].data.clone()).unwrap();
        if port == "8080" {
            assert!(
                said.starts_with("HTTP/1.1 200 ") && said.ends_with("\r\n\r\nhello"),
                "{said}"
            );
        } else {
            assert_eq!(said.as_bytes(), GET);
        }
        assert!(spdy.streams[&error].data.is_empty());
    }
}

#[tokio::test]
async fn requests_in_one_piece_are_answered_one_by_one_until_one_is_the_last() {
    let cluster = cluster().await;
    let (mut spdy, _) = spdy::open(&cluster, &path("portforward"), "portforward.k8s.io").await;
    let more = b"GET / HTTP/1.1\r\n\r\n";
    for (sent, answers) in [
        (GET.repeat(3), 1),
        ([&more.repeat(2)[..], GET, GET].concat(), 3),
        // All of their answers are more than is held at a time.
        (more.repeat(1500), 1500),
    ] {
        let (_, data) = connect(&mut spdy, "8080", "").await;
        spdy.send(data, &sent, true).await;
        spdy.until(|spdy| spdy.streams[&data].has_ended).await;
        let said = String::from_utf8_lossy(&spdy.streams[&data].data);
        assert_eq!(said.matches("HTTP/1.1 200 ").count(), answers);
        assert!(said.ends_with("\r\n\r\nhello"));
    }
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_an_error_of_its_connection_alone() {
    let cluster = cluster().await;
    let (mut spdy, _) = spdy::open(&cluster, &path("portforward"), "portforward.k8s.io").await;
    let (error, _) = connect(&mut spdy, "7", "0").await;
    spdy.until(|spdy| spdy.streams[&error].has_ended).await;
    let why = String::from_utf8(spdy.streams[&error].data.clone()).unwrap();
    assert!(why.starts_with("error forwarding port 7 to pod "), "{why}");
    assert!(
        why.contains("dial tcp4 127.0.0.1:7: connect: connection refused"),
        "{why}"
    );
    let (error, data) = connect(&mut spdy, "9000", "1").await;
    spdy.send(data, b"still here", true).await;
    spdy.until(|spdy| spdy.streams[&error].has_ended && spdy.streams[&data].has_ended)
        .await;
    assert_eq!(spdy.streams[&data].data, b"still here");
}

#[tokio::test]
async fn streams_without_a_port_or_a_type_are_reset() {
    let cluster = cluster().await;
    let (mut spdy, _) = spdy::open(&cluster, &path("portforward"), "portforward.k8s.io").await;
    for headers in [
        &[("streamtype", "data")][..],
        &[("streamtype", "data"), ("port", "0")],
        &[("streamtype", "data"), ("port", "x")],
        &[("streamtype", "other"), ("port", "9000")],
        &[("port", "9000")],
    ] {
        let id = spdy.open(headers).await;
        spdy.until(|spdy| spdy.streams[&id].is_reset).await;
    }
}

#[tokio::test]
async fn spdy_goes_through_a_websocket() {
    let cluster = cluster().await;
    let target = path("portforward");
    let tunnelled = "SPDY/3.1+portforward.k8s.io";
    let (socket, protocol) = websocket(&cluster, &target, tunnelled).await;
    assert_eq!(protocol, tunnelled);
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let pumping = async {
        use futures_util::{SinkExt, StreamExt};
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        use tokio_tungstenite::tungstenite::Message;
        let mut socket = socket.0;
        let mut piece = vec![0; 1000];
        loop {
            tokio::select! {
                length = far.read(&mut piece) => match length.unwrap() {
                    0 => return,
                    // Frames need not keep to messages.
                    length => for byte in piece[..length].chunks(7) {
                        socket.send(Message::binary(byte.to_vec())).await.unwrap();
                    }
                },
                message = socket.next() => {
                    let Some(Ok(message)) = message else { return };
                    far.write_all(&message.into_data()).await.unwrap();
                }
            }
        }
    };
    let talking = async {
        let mut spdy = Spdy::new(near);
        let (error, data) = connect(&mut spdy, "9000", "0").await;
        spdy.send(data, b"through", true).await;
        spdy.until(|spdy| spdy.streams[&error].has_ended && spdy.streams[&data].has_ended)
            .await;
        assert_eq!(spdy.streams[&data].data, b"through");
    };
    tokio::join!(pumping, talking);
}

#[tokio::test]
async fn ports_have_channels_as_they_had_once() {
    let cluster = cluster().await;
    let target = path("portforward?ports=9000,7&ports=8080");
    let (mut socket, _) = websocket(&cluster, &target, "v4.channel.k8s.io").await;
    socket.send(0, b"echo").await;
    socket.send(4, GET).await;
    let mut heard = vec![Vec::new(); 6];
    while heard[0].len() < 6 || heard[3].len() < 40 || !heard[4].ends_with(b"hello") {
        let (channel, data) = socket.next().await.unwrap();
        heard[usize::from(channel)].extend(data);
    }
    for (channel, port) in [
        (0, 9000_u16),
        (1, 9000),
        (2, 7),
        (3, 7),
        (4, 8080),
        (5, 8080),
    ] {
        assert_eq!(heard[channel][..2], port.to_le_bytes(), "channel {channel}");
    }
    assert_eq!(heard[0][2..], *b"echo");
    assert!(heard[3][2..].starts_with(b"error forwarding port 7 to pod "));
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_the_only_one_that_waits() {
    let cluster = cluster().await;
    let (mut slow, _) = spdy::open(&cluster, &path("portforward"), "portforward.k8s.io").await;
    let (_, data) = connect(&mut slow, "9000", "0").await;
    slow.send(data, &vec![1; 30_000], false).await;
    // Nobody reads what comes back there; here all goes on.
    let (mut spdy, _) = spdy::open(&cluster, &path("portforward"), "portforward.k8s.io").await;
    let (_, data) = connect(&mut spdy, "9000", "0").await;
    for _ in 0..100 {
        spdy.send(data, &vec![2; 30_000], false).await;
        let wanted = spdy.streams[&data].data.len() + 30_000;
        spdy.until(|spdy| spdy.streams[&data].data.len() == wanted)
            .await;
    }
}

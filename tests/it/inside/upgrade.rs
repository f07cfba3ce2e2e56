//! A client's side of an upgrade, and of WebSockets.

use std::collections::BTreeMap;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use mockernetes::Cluster;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

/// An answer's head, and what follows it.
pub(crate) struct Answered {
    pub(crate) code: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) rest: BytesMut,
    pub(crate) socket: TcpStream,
}

/// Sends a request with these headers and reads the head of its answer.
pub(crate) async fn ask(
    cluster: &Cluster,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Answered {
    let mut socket = TcpStream::connect(cluster.address().unwrap())
        .await
        .unwrap();
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut rest = BytesMut::new();
    let end = loop {
        if let Some(end) = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        let length = socket.read_buf(&mut rest).await.unwrap();
        assert!(length > 0, "the server hung up: {rest:?}");
    };
    let head = String::from_utf8(rest.split_to(end + 4).to_vec()).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let code = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Answered {
        code: code.parse().unwrap(),
        headers: headers.collect(),
        rest,
        socket,
    }
}

impl Answered {
    /// The body of an answer that is none to an upgrade.
    pub(crate) async fn text(mut self) -> String {
        let length = self.headers.get("content-length");
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        while self.rest.len() < length {
            self.socket.read_buf(&mut self.rest).await.unwrap();
        }
        String::from_utf8(self.rest.to_vec()).unwrap()
    }
}

/// A WebSocket of a client.
pub(crate) struct Socket(pub(crate) WebSocketStream<TcpStream>);

/// The headers that ask for a WebSocket with these subprotocols.
pub(crate) fn websocket_headers(protocols: &str) -> Vec<(&str, &str)> {
    let mut headers = vec![
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    if !protocols.is_empty() {
        headers.push(("sec-websocket-protocol", protocols));
    }
    headers
}

/// Opens a WebSocket and says which subprotocol was agreed on.
pub(crate) async fn websocket(
    cluster: &Cluster,
    target: &str,
    protocols: &str,
) -> (Socket, String) {
    let answered = ask(cluster, "GET", target, &websocket_headers(protocols)).await;
    let accepted = answered.headers.get("sec-websocket-accept");
    let Some(accepted) = accepted.cloned() else {
        let code = answered.code;
        panic!("{code} {}", answered.text().await);
    };
    assert_eq!(accepted, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let protocol = answered.headers.get("sec-websocket-protocol");
    let protocol = protocol.cloned().unwrap_or_default();
    let rest = answered.rest.to_vec();
    let socket = answered.socket;
    let socket = WebSocketStream::from_partially_read(socket, rest, Role::Client, None).await;
    (Socket(socket), protocol)
}

/// What came on a session's channels until it ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) error: String,
}

impl Socket {
    /// Sends data on a channel.
    pub(crate) async fn send(&mut self, channel: u8, data: &[u8]) {
        let message = [&[channel], data].concat();
        self.0.send(Message::binary(message)).await.unwrap();
    }

    /// The next message of a channel; `None` where the server says good-bye.
    pub(crate) async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            match self.0.next().await?.unwrap() {
                Message::Binary(data) => return Some((data[0], data[1..].to_vec())),
                Message::Text(text) => {
                    let (channel, data) = text.split_at(1);
                    let data = decode(data);
                    return Some((channel.as_bytes()[0] - b'0', data));
                }
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// All that is said until the end.
    pub(crate) async fn hear(&mut self) -> Heard {
        let mut heard = Heard::default();
        while let Some((channel, data)) = self.next().await {
            match channel {
                1 => heard.stdout.extend(data),
                2 => heard.stderr.extend(data),
                3 => heard.error.push_str(&String::from_utf8(data).unwrap()),
                other => panic!("channel {other}"),
            }
        }
        heard
    }
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

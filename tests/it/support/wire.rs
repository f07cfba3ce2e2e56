//! HTTP/1.1 by hand, so that tests see exactly what is on the wire.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt, unfold};
use http::{HeaderMap, HeaderName, HeaderValue};
use mockernetes::client::{Call, Client, Door, Reply, ReplyBody};
use mockernetes::cluster::Cluster;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A door to a cluster behind a socket; a connection for every call.
pub(crate) struct Wire {
    address: SocketAddr,
    token: Option<String>,
}

impl Wire {
    /// A client of a cluster that listens without TLS.
    pub(crate) fn client(cluster: &Cluster, token: Option<&str>) -> Client {
        let wire = Self {
            address: cluster.address().unwrap(),
            token: token.map(str::to_owned),
        };
        Client::new(Arc::new(wire), None)
    }
}

impl Door for Wire {
    fn call(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move {
            let mut head = format!(
                "{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n",
                call.method,
                call.target,
                call.body.len()
            );
            if let Some(token) = &self.token {
                write!(head, "authorization: Bearer {token}\r\n").unwrap();
            }
            for (name, value) in &call.headers {
                write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
            }
            head.push_str("\r\n");
            let mut request = head.into_bytes();
            request.extend_from_slice(&call.body);
            send(self.address, &request).await
        }
        .boxed()
    }
}

/// Sends bytes as they are and reads the answer.
pub(crate) async fn raw(cluster: &Cluster, request: &[u8]) -> Reply {
    send(cluster.address().unwrap(), request).await
}

async fn send(address: SocketAddr, request: &[u8]) -> Reply {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A server that has refused already may not read to the end.
    let _ = socket.write_all(request).await;
    let mut buffer = BytesMut::new();
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        let count = socket.read_buf(&mut buffer).await.unwrap_or(0);
        assert!(count > 0, "the server hung up: {buffer:?}");
    };
    let head = String::from_utf8(buffer.split_to(end + 4).to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let code = lines.next().unwrap().split(' ').nth(1).unwrap();
    let mut headers = HeaderMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let is_chunked = headers.contains_key("transfer-encoding");
    let pieces = if is_chunked {
        chunks(socket, buffer)
    } else {
        let length = headers
            .get("content-length")
            .map_or("0", |v| v.to_str().unwrap());
        let length: usize = length.parse().unwrap();
        while buffer.len() < length {
            assert!(
                socket.read_buf(&mut buffer).await.unwrap() > 0,
                "a short body"
            );
        }
        futures_util::stream::iter([buffer.split_to(length).freeze()]).boxed()
    };
    let is_watch = is_chunked && !headers.contains_key("content-encoding");
    Reply {
        code: code.parse().unwrap(),
        headers,
        body: if is_watch {
            ReplyBody::Events(pieces)
        } else {
            let pieces: Vec<Bytes> = pieces.collect().await;
            ReplyBody::Whole(pieces.concat().into())
        },
    }
}

/// The chunks of a chunked body; a body that breaks off fails the test.
fn chunks(socket: TcpStream, buffer: BytesMut) -> BoxStream<'static, Bytes> {
    unfold((socket, buffer), |(mut socket, mut buffer)| async move {
        loop {
            if let Some(end) = buffer.windows(2).position(|bytes| bytes == b"\r\n") {
                let size = std::str::from_utf8(&buffer[..end]).unwrap();
                let size = usize::from_str_radix(size, 16).unwrap();
                if buffer.len() >= end + 2 + size + 2 {
                    let _ = buffer.split_to(end + 2);
                    let chunk = buffer.split_to(size).freeze();
                    let _ = buffer.split_to(2);
                    return (size > 0).then_some((chunk, (socket, buffer)));
                }
            }
            let count = socket.read_buf(&mut buffer).await.unwrap();
            assert!(count > 0, "the body breaks off");
        }
    })
    .boxed()
}

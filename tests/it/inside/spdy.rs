//! A client's side of SPDY, as Go's is: it knows no windows.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, BytesMut};
use mockernetes::Cluster;
use mockernetes::server::spdy::frame::{Control, Head};
use mockernetes::server::spdy::headers::Deflater;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::upgrade::{Answered, ask};

/// What came on a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) data: Vec<u8>,
    pub(crate) is_answered: bool,
    pub(crate) has_ended: bool,
    pub(crate) is_reset: bool,
}

/// A connection.
pub(crate) struct Spdy<I = TcpStream> {
    pub(crate) io: I,
    received: BytesMut,
    deflater: Deflater,
    last: u32,
    pub(crate) streams: BTreeMap<u32, Came>,
    pub(crate) pings: Vec<u32>,
    pub(crate) has_gone: bool,
}

/// Asks for SPDY with these versions of the streams' protocol.
pub(crate) async fn upgrade(cluster: &Cluster, target: &str, versions: &str) -> Answered {
    let mut headers = vec![("connection", "Upgrade"), ("upgrade", "SPDY/3.1")];
    if !versions.is_empty() {
        headers.push(("x-stream-protocol-version", versions));
    }
    ask(cluster, "POST", target, &headers).await
}

/// Opens a connection and says which version was agreed on.
pub(crate) async fn open(cluster: &Cluster, target: &str, versions: &str) -> (Spdy, String) {
    let answered = upgrade(cluster, target, versions).await;
    if answered.code != 101 {
        let code = answered.code;
        panic!("{code} {}", answered.text().await);
    }
    assert_eq!(answered.headers["upgrade"], "SPDY/3.1");
    let version = answered.headers["x-stream-protocol-version"].clone();
    let mut spdy = Spdy::new(answered.socket);
    spdy.received = answered.rest;
    (spdy, version)
}

impl<I: AsyncRead + AsyncWrite + Unpin> Spdy<I> {
    pub(crate) fn new(io: I) -> Self {
        Self {
            io,
            received: BytesMut::new(),
            deflater: Deflater::default(),
            last: 0,
            streams: BTreeMap::new(),
            pings: Vec::new(),
            has_gone: false,
        }
    }

    /// Sends bytes as they are.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
        self.io.flush().await.unwrap();
    }

    /// Sends a control frame.
    pub(crate) async fn control(&mut self, kind: u16, flags: u8, body: &[u8]) {
        let mut out = BytesMut::new();
        out.put_u16(0x8003);
        out.put_u16(kind);
        out.put_u32(u32::from(flags) << 24 | body.len() as u32);
        out.put_slice(body);
        self.raw(&out).await;
    }

    /// Opens a stream.
    pub(crate) async fn open(&mut self, headers: &[(&str, &str)]) -> u32 {
        let id = if self.last == 0 { 1 } else { self.last + 2 };
        self.last = id;
        let block = self.deflater.block(headers);
        let mut body = BytesMut::new();
        body.put_u32(id);
        body.put_u32(0);
        body.put_u16(0);
        body.put_slice(&block);
        self.streams.insert(id, Came::default());
        self.control(1, 0, &body).await;
        id
    }

    /// Sends data on a stream.
    pub(crate) async fn send(&mut self, id: u32, data: &[u8], is_last: bool) {
        let mut out = BytesMut::new();
        out.put_u32(id);
        out.put_u32(u32::from(is_last) << 24 | data.len() as u32);
        out.put_slice(data);
        self.raw(&out).await;
    }

    /// Reads a frame; false at the end of the connection.
    pub(crate) async fn read(&mut self) -> bool {
        if !self.fill(8).await {
            return false;
        }
        let mut head = [0; 8];
        self.received.copy_to_slice(&mut head);
        let (Head::Data { length, .. } | Head::Control { length, .. }) = Head::parse(head).unwrap();
        assert!(self.fill(length).await, "a frame that is cut off");
        let body = self.received.split_to(length);
        match Head::parse(head).unwrap() {
            Head::Data { id, is_last, .. } => {
                let stream = self.streams.get_mut(&id).unwrap();
                stream.data.extend_from_slice(&body);
                stream.has_ended |= is_last;
            }
            Head::Control { kind, flags, .. } => {
                match Control::parse(kind, flags, &body).unwrap() {
                    Control::Headers { id, .. } => {
                        self.streams.get_mut(&id).unwrap().is_answered = true;
                    }
                    Control::Reset { id } => self.streams.entry(id).or_default().is_reset = true,
                    Control::Ping(id) => self.pings.push(id),
                    Control::GoAway => self.has_gone = true,
                    _ => {}
                }
            }
        }
        true
    }

    /// Reads until something holds of what came.
    pub(crate) async fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            assert!(self.read().await, "the server hung up: {:?}", self.streams);
        }
    }

    /// Reads to the end of the connection.
    pub(crate) async fn read_all(&mut self) {
        while self.read().await {}
    }

    async fn fill(&mut self, length: usize) -> bool {
        while self.received.len() < length {
            // Who is cut off has heard all there was.
            if self.io.read_buf(&mut self.received).await.unwrap_or(0) == 0 {
                return false;
            }
        }
        true
    }
}

//! One watcher: reads events and keeps a digest of them.

use std::net::SocketAddr;

use futures_util::StreamExt;
use mockernetes::client::{Client, ReplyBody};

use super::{LAST, NAMESPACES, wire};

/// What a watcher saw, so short that two can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) count: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// One for each namespace, over type, name and revision of every event.
    pub(crate) digests: [u64; 4],
    pub(crate) bookmarks: u64,
    pub(crate) ends: usize,
}

impl Seen {
    /// Takes in a line; false once all namespaces watched have ended.
    fn line(&mut self, line: &[u8], ends: usize) -> bool {
        let version: u64 = text_after(line, b"\"resourceVersion\":\"").parse().unwrap();
        if line.starts_with(br#"{"type":"BOOKMARK""#) {
            assert!(version >= self.last, "a bookmark goes back");
            self.bookmarks += 1;
            return true;
        }
        assert!(version > self.last, "{version} after {}", self.last);
        let is_error = line.starts_with(br#"{"type":"ERROR""#);
        assert!(!is_error, "{}", String::from_utf8_lossy(line));
        self.last = version;
        if self.first == 0 {
            self.first = version;
        }
        self.count += 1;
        let namespace = text_after(line, b"\"namespace\":\"");
        let name = text_after(line, b"\"name\":\"");
        let place = NAMESPACES.iter().position(|known| *known == namespace);
        let digest = &mut self.digests[place.unwrap()];
        let kind = &line[..20];
        for byte in kind
            .iter()
            .chain(name.as_bytes())
            .chain(&version.to_le_bytes())
        {
            *digest = (*digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.ends += usize::from(name == LAST);
        self.ends < ends
    }
}

/// The text between a mark and the next quote.
fn text_after<'a>(line: &'a [u8], mark: &[u8]) -> &'a str {
    let at = line.windows(mark.len()).position(|window| window == mark);
    let rest = at.map_or(&b"\""[..], |at| &line[at + mark.len()..]);
    let end = rest.iter().position(|byte| *byte == b'"').unwrap();
    std::str::from_utf8(&rest[..end]).unwrap()
}

pub(crate) async fn in_process(client: &Client, path: &str, ends: usize) -> Seen {
    let reply = client.request("GET", path, &[], "").await;
    let ReplyBody::Events(mut events) = reply.body else {
        panic!("a watch is answered with events");
    };
    let mut seen = Seen::default();
    while let Some(piece) = events.next().await {
        let lines = piece.split(|byte| *byte == b'\n');
        for line in lines.filter(|line| !line.is_empty()) {
            if !seen.line(line, ends) {
                return seen;
            }
        }
    }
    panic!("the watch ended after {}", seen.last);
}

pub(crate) async fn over_http(address: SocketAddr, path: &str, ends: usize) -> Seen {
    let mut connection = wire::Connection::open(address).await;
    connection.send("GET", path, "").await;
    let mut seen = Seen::default();
    loop {
        let line = connection.line().await;
        // What is no event is a header or the length of a chunk.
        if line.starts_with(b"{") && !seen.line(line, ends) {
            return seen;
        }
    }
}

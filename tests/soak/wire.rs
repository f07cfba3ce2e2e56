//! As much of HTTP/1.1 as it takes to send a request and read lines.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::with_capacity(1 << 16, stream),
            line: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, body: &str) {
        let kind = content_type(method);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: soak\r\naccept: application/json\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// The next line, without its end.
    pub(crate) async fn line(&mut self) -> &[u8] {
        self.line.clear();
        let read = self.stream.read_until(b'\n', &mut self.line).await.unwrap();
        assert!(read > 0, "the connection was closed");
        self.line.truncate(self.line.trim_ascii_end().len());
        &self.line
    }

    /// The code of the answer, whose body is read and dropped.
    pub(crate) async fn answer(&mut self) -> u16 {
        let status = String::from_utf8_lossy(self.line().await).into_owned();
        let code = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = 0;
        loop {
            let line = self.line().await.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix(b"content-length: ") {
                length = std::str::from_utf8(text).unwrap().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        code
    }
}

/// The media type of a request's body.
pub(crate) fn content_type(method: &str) -> &'static str {
    match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    }
}

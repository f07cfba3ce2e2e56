//! Connections to webhooks, and Go's words for why there is none.
//!
//! *Upstream:* `net/dial.go`, `net/http/transport.go`.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use super::{Place, Services, Target, tls};
use crate::sim::Spawn;

/// hyper's tasks, in the cluster's place for them.
#[derive(Clone)]
pub(super) struct Executor(pub(super) Spawn);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        (self.0)(task.boxed());
    }
}

/// Why there is no connection, in Go's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

/// Connects to one target.
#[derive(Clone)]
pub(super) struct Connector {
    place: Place,
    server_name: String,
    services: Services,
    tls: Arc<rustls::ClientConfig>,
}

impl Connector {
    pub(super) fn new(target: &Target, services: Services) -> Result<Self, String> {
        let is_h2_spoken = match &target.place {
            // One connection would carry all, and no load balancer would have a say.
            Place::Service { .. } => false,
            Place::Url(url) => is_local(url),
        };
        Ok(Self {
            place: target.place.clone(),
            server_name: target.server_name.clone(),
            services,
            tls: Arc::new(tls::config(target, is_h2_spoken)?),
        })
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<Stream>, Refused> {
        let is_tls = uri.scheme_str() != Some("http");
        let host = uri.host().unwrap_or("").trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let (dialled, port) = match &self.place {
            Place::Url(_) => (host.clone(), port),
            Place::Service {
                namespace,
                name,
                port,
                ..
            } => {
                let address = self
                    .services
                    .resolve(namespace, name, *port)
                    .map_err(Refused)?;
                let (host, port) = address.rsplit_once(':').unwrap_or((&address, "443"));
                (
                    host.trim_matches(['[', ']']).to_owned(),
                    port.parse().unwrap_or(443),
                )
            }
        };
        let socket = dial(&dialled, port).await?;
        if !is_tls {
            return Ok(TokioIo::new(Stream::Plain(socket)));
        }
        let name = if self.server_name.is_empty() {
            host
        } else {
            self.server_name
        };
        let name = ServerName::try_from(name).map_err(|error| Refused(format!("tls: {error}")))?;
        let stream = TlsConnector::from(self.tls).connect(name, socket).await;
        let stream = stream.map_err(|error| Refused(io_words(&error, None)))?;
        Ok(TokioIo::new(Stream::Tls(Box::new(stream))))
    }
}

/// Whether a URL points to this machine; only there HTTP/2 is spoken.
fn is_local(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or("").trim_matches(['[', ']']);
    let ip = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

async fn dial(host: &str, port: u16) -> Result<TcpStream, Refused> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
    let mut last = Refused(format!("dial tcp: lookup {host}: no such host"));
    for address in found {
        match TcpStream::connect(address).await {
            Ok(socket) => {
                // Requests are written whole; waiting for more would only delay them.
                let _ = socket.set_nodelay(true);
                return Ok(socket);
            }
            Err(error) => last = Refused(io_words(&error, Some(address))),
        }
    }
    Err(last)
}

/// Go's words for what the system said.
fn io_words(error: &io::Error, dialled: Option<SocketAddr>) -> String {
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls::words(error);
    }
    let what = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset => "connection reset by peer",
        io::ErrorKind::HostUnreachable => "no route to host",
        io::ErrorKind::NetworkUnreachable => "network is unreachable",
        io::ErrorKind::TimedOut => "connection timed out",
        io::ErrorKind::UnexpectedEof => return "EOF".to_owned(),
        _ => return error.to_string(),
    };
    match dialled {
        Some(address) => format!("dial tcp {address}: connect: {what}"),
        None => what.to_owned(),
    }
}

/// Go's words for a request that failed.
pub(super) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(Refused(why)) = error.downcast_ref() {
            return why.clone();
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return io_words(error, None);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_incomplete_message() {
                return "EOF".to_owned();
            }
            if error.is_parse() {
                return "net/http: HTTP/1.x transport connection broken: malformed HTTP response"
                    .to_owned();
            }
        }
        cause = error.source();
    }
    error.to_string()
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connected = self.clone().connect(uri);
        async move { connected.await.map_err(Into::into) }.boxed()
    }
}

/// A connection.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        match self {
            Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                connected.negotiated_h2()
            }
            _ => connected,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

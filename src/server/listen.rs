//! Sockets: accepted, encrypted, served by hyper, and closed in good order.
//!
//! *Invariant:* starts no task itself; whoever wires the cluster says where tasks live.

use std::sync::Arc;

use futures_util::FutureExt;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::{Door, Stop};
use crate::auth::certificate::Shown;
pub use crate::sim::Spawn;

/// How much of a request's head is read before it is refused.
const HEAD_BYTES_MAX: usize = (1 << 20) + (128 << 10);

/// How many headers a request may have.
const HEADERS_MAX: usize = 512;

/// hyper's tasks, in the cluster's place for them.
#[derive(Clone)]
struct Executor(Spawn);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        (self.0)(task.boxed());
    }
}

/// Accepts connections until the cluster stops.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    door: Arc<Door>,
    spawn: Spawn,
    mut stop: Stop,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => return,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                // Out of descriptors, or the client was faster to go than we to accept.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let connection = connect(
            socket,
            tls.clone(),
            Arc::clone(&door),
            Arc::clone(&spawn),
            stop.clone(),
        );
        spawn(connection.boxed());
    }
}

/// Waits until the cluster stops, or is gone.
async fn stopped(stop: &mut Stop) {
    let _ = stop.wait_for(|is_stopped| *is_stopped).await;
}

/// Serves one connection to its end.
async fn connect(
    socket: TcpStream,
    tls: Option<TlsAcceptor>,
    door: Arc<Door>,
    spawn: Spawn,
    mut stop: Stop,
) {
    // Answers are written whole; waiting for more would only delay them.
    let _ = socket.set_nodelay(true);
    let Some(tls) = tls else {
        // Plaintext HTTP/2 is told from HTTP/1 by its preface, which clients send first.
        let mut preface = [0; 3];
        // A client that says nothing holds up no shutdown.
        let is_h2 = tokio::select! {
            peeked = socket.peek(&mut preface) => {
                matches!(peeked, Ok(3) if &preface == b"PRI")
            }
            () = stopped(&mut stop) => return,
        };
        return http(socket, is_h2, None, door, spawn, stop).await;
    };
    let accepted = tokio::select! {
        accepted = tls.accept(socket) => accepted,
        () = stopped(&mut stop) => return,
    };
    match accepted {
        Ok(stream) => {
            let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let shown = shown(stream.get_ref().1.peer_certificates());
            http(stream, is_h2, shown, door, spawn, stop).await;
        }
        Err(error) => tracing::debug!(%error, "TLS handshake failed"),
    }
}

/// The certificates of a client that showed any.
fn shown(chain: Option<&[CertificateDer<'_>]>) -> Option<Arc<Shown>> {
    let chain = chain.filter(|chain| !chain.is_empty())?.iter();
    let chain = chain.map(|one| one.clone().into_owned()).collect();
    Some(Arc::new(Shown { chain }))
}

/// Speaks HTTP until the client goes or the cluster stops.
async fn http<I>(
    io: I,
    is_h2: bool,
    shown: Option<Arc<Shown>>,
    door: Arc<Door>,
    spawn: Spawn,
    mut stop: Stop,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (door, shown) = (Arc::clone(&door), shown.clone());
        async move {
            let (mut parts, body) = request.into_parts();
            if let Some(shown) = shown {
                parts.extensions.insert(shown);
            }
            Ok::<_, std::convert::Infallible>(door.serve(parts, body, None).await)
        }
    });
    let io = TokioIo::new(io);
    let ended = if is_h2 {
        let connection = http2::Builder::new(Executor(spawn))
            .max_concurrent_streams(1000)
            .max_header_list_size(HEAD_BYTES_MAX as u32)
            .serve_connection(io, service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    } else {
        let connection = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(io, service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

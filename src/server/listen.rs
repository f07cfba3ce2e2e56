//! Sockets: accepted, encrypted, served by hyper, and closed in good order.
//!
//! *Invariant:* starts no task itself; whoever wires the cluster says where tasks live.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use http::Request;
use http::header::CONNECTION;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::encode::unasked::Worded;
use super::encode::{Answer, Payload};
use super::{Caller, Door, Stop, websocket};
use crate::auth::certificate::Shown;
pub use crate::sim::Spawn;

/// How much of a request's head is read before it is refused.
const HEAD_BYTES_MAX: usize = (1 << 20) + (128 << 10);

/// How much is encrypted for one write to a socket.
const WRITE_BYTES_MAX: usize = 256 * 1024;

/// How many headers a request may have.
const HEADERS_MAX: usize = 512;

/// How long is waited before accepting anew where that failed: for want of descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    let places = Arc::new(Semaphore::new(door.limits.connections_max));
    let usual = sends_at_once(&listener);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stopped(&mut stop) => return,
        };
        let (socket, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or the client was faster to go than we to accept.
                tracing::warn!(%error, "cannot accept a connection");
                pause(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Some(usual) = &usual {
            send_as_usual_elsewhere(&socket, usual);
        }
        let connection = connect(
            socket,
            tls.clone(),
            Arc::clone(&door),
            Arc::clone(&spawn),
            stop.clone(),
        );
        let connection = connection.map(move |()| drop(place));
        spawn(connection.boxed());
    }
}

/// The next connection, as soon as there is a place for one.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(std::io::Error::other)?;
    let (socket, _) = listener.accept().await?;
    Ok((socket, place))
}

/// Lets a time pass. Clients and sockets live by the wall, whatever the cluster's clock says.
#[allow(clippy::disallowed_methods)]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
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
    let peer = socket.peer_addr().ok();
    let Some(tls) = tls else {
        // Plaintext HTTP/2 is told from HTTP/1 by its preface, which clients send first.
        let mut preface = [0; 3];
        // A client that says nothing holds up no shutdown.
        let is_h2 = tokio::select! {
            peeked = socket.peek(&mut preface) => {
                matches!(peeked, Ok(3) if &preface == b"PRI")
            }
            () = pause(door.limits.idle_patience) => return,
            () = stopped(&mut stop) => return,
        };
        return http(socket, is_h2, (peer, None), door, spawn, stop).await;
    };
    let accepted = tokio::select! {
        accepted = tls.accept(socket) => accepted,
        () = pause(door.limits.handshake_patience) => {
            tracing::debug!("a TLS handshake took too long");
            return;
        }
        () = stopped(&mut stop) => return,
    };
    match accepted {
        Ok(mut stream) => {
            stream.get_mut().1.set_buffer_limit(Some(WRITE_BYTES_MAX));
            let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let shown = shown(stream.get_ref().1.peer_certificates());
            http(stream, is_h2, (peer, shown), door, spawn, stop).await;
        }
        Err(error) => tracing::debug!(%error, "TLS handshake failed"),
    }
}

/// Has the system send as fast as clients read, and tells how it would have sent. Where it paces
/// what it sends (Linux under BBR), every few packets cost a timer and its interrupt: a fourth of
/// what a long list costs. A connection that once was paced keeps its timers, so this is asked of
/// the listener, whose connections begin as it is.
#[cfg(target_os = "linux")]
fn sends_at_once(listener: &TcpListener) -> Option<Vec<u8>> {
    let listener = SockRef::from(listener);
    // A system that does not let us choose sends as it does.
    let usual = listener.tcp_congestion().ok()?;
    listener.set_tcp_congestion(b"reno").ok()?;
    Some(usual)
}

/// Sends as usual to a client that is not on this machine: the way to it may be congested.
#[cfg(target_os = "linux")]
fn send_as_usual_elsewhere(socket: &TcpStream, usual: &[u8]) {
    let peer = socket.peer_addr();
    if peer.is_ok_and(|peer| !peer.ip().to_canonical().is_loopback()) {
        let _ = SockRef::from(socket).set_tcp_congestion(usual);
    }
}

#[cfg(not(target_os = "linux"))]
fn sends_at_once(_: &TcpListener) -> Option<Vec<u8>> {
    None
}

#[cfg(not(target_os = "linux"))]
fn send_as_usual_elsewhere(_: &TcpStream, _: &[u8]) {}

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
    (peer, shown): (Option<SocketAddr>, Option<Arc<Shown>>),
    door: Arc<Door>,
    spawn: Spawn,
    mut stop: Stop,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let metrics = Arc::clone(&door.metrics);
    let patience = door.limits.idle_patience;
    let turns = Arc::new(Turns::default());
    let is_cut_off = Arc::new(AtomicBool::new(false));
    let service = {
        let (turns, is_cut_off) = (Arc::clone(&turns), Arc::clone(&is_cut_off));
        let spawn = Arc::clone(&spawn);
        service_fn(move |mut request: Request<Incoming>| {
            let (door, shown) = (Arc::clone(&door), shown.clone());
            let turn = Turn::begin(&turns);
            let (is_cut_off, spawn) = (Arc::clone(&is_cut_off), Arc::clone(&spawn));
            async move {
                let wish = websocket::wish(&mut request);
                let (mut parts, body) = request.into_parts();
                if let Some(peer) = peer {
                    parts.extensions.insert(peer);
                }
                if let Some(shown) = shown {
                    parts.extensions.insert(shown);
                }
                let answer: Answer = door.serve(parts, body, Caller::default()).await;
                let answer = websocket::grant(answer, wish, &spawn);
                if answer.headers().contains_key(CONNECTION) {
                    is_cut_off.store(true, Ordering::Relaxed);
                }
                let answer = answer.map(|payload| Held { payload, turn });
                Ok::<_, std::convert::Infallible>(answer)
            }
        })
    };
    let ended = if is_h2 {
        let connection = http2::Builder::new(Executor(spawn))
            .max_concurrent_streams(1000)
            .max_header_list_size(HEAD_BYTES_MAX as u32)
            .serve_connection(TokioIo::new(io), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            () = turns.idle_for(patience) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    } else {
        let io = Worded::new(io, metrics, is_cut_off);
        let connection = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .timer(TokioTimer::new())
            // It begins to run with the end of the last answer, so it bounds idleness as well.
            .header_read_timeout(patience)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
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

/// The requests of a connection: how many are being answered, how many there were.
#[derive(Debug, Default)]
struct Turns {
    open: AtomicU64,
    begun: AtomicU64,
}

impl Turns {
    /// Waits until there was no request for as long as this (at most for twice as long).
    async fn idle_for(&self, patience: Duration) {
        let mut seen = u64::MAX;
        loop {
            pause(patience).await;
            let begun = self.begun.load(Ordering::Relaxed);
            if begun == seen && self.open.load(Ordering::Relaxed) == 0 {
                return;
            }
            seen = begun;
        }
    }
}

/// A request being answered, until its answer is sent.
struct Turn(Arc<Turns>);

impl Turn {
    fn begin(turns: &Arc<Turns>) -> Self {
        turns.open.fetch_add(1, Ordering::Relaxed);
        turns.begun.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(turns))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer, which holds its turn until it is sent.
struct Held {
    payload: Payload,
    #[allow(dead_code, reason = "it counts by being there")]
    turn: Turn,
}

impl Body for Held {
    type Data = <Payload as Body>::Data;
    type Error = <Payload as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.payload).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.payload.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.payload.size_hint()
    }
}

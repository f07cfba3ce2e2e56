//! Ports of a pod: `pods/portforward`, over SPDY, over SPDY inside of a WebSocket, and over the
//! channels of a WebSocket as it was done once.
//!
//! *Upstream:* `k8s.io/kubelet/pkg/cri/streaming/portforward`,
//! `apiserver/pkg/util/proxy/streamtunnel.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

use super::command::{AHEAD_BYTES, PATIENCE, PIECE_BYTES};
use super::opening::{self, Wanted};
use super::tunnel::Tunnel;
use super::{Visit, channels, life, told};
use crate::error::ApiError;
use crate::object::quote::quoted;
use crate::registry::Registry;
use crate::runtime::{Connection, Place, Runtime};
use crate::server::encode::{self, Answer};
use crate::server::spdy::frame::Reset;
use crate::server::spdy::{self, Stream, Writer};
use crate::server::within;

/// The protocol of streams over SPDY.
const PROTOCOL: &str = "portforward.k8s.io";

/// The same inside of a WebSocket.
const TUNNELLED: &str = "SPDY/3.1+portforward.k8s.io";

/// What WebSockets spoke before.
const CHANNELS: [&str; 3] = ["", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"];

/// So many ports have channels.
const PORTS_MAX: usize = 64;

/// A pod whose ports are wanted.
#[derive(Clone)]
struct Ports {
    runtime: Arc<dyn Runtime>,
    registry: Arc<Registry>,
    place: Place,
}

/// Leads to ports.
pub(super) fn answer(visit: &Visit<'_>) -> Result<Answer, ApiError> {
    let wanted = opening::wanted(visit)?;
    let place = visit.place();
    if place.pod.text(&["status", "phase"]) != "Running" {
        let pod = &place.pod;
        let (name, namespace, uid) = (pod.name(), pod.namespace(), pod.uid());
        let why = format!("failed to find sandboxID for pod {name}_{namespace}({uid})");
        return Ok(told(StatusCode::INTERNAL_SERVER_ERROR, why));
    }
    let ports = Ports {
        runtime: Arc::clone(&visit.pods.runtime),
        registry: Arc::clone(&visit.door.registry),
        place,
    };
    if wanted == Wanted::Other {
        return Ok(opening::spdy(visit, &[PROTOCOL], move |io, _| {
            over_spdy(io, ports).boxed()
        }));
    }
    let known = opening::subprotocols(visit);
    let is_tunnel = |one: &&str| one.starts_with("SPDY/3.1+") && one.ends_with(".k8s.io");
    let tunnels: Vec<&str> = known.iter().copied().filter(is_tunnel).collect();
    if tunnels.contains(&TUNNELLED) {
        return Ok(opening::websocket(visit, &[TUNNELLED], move |io, _| {
            async move {
                let tunnel = Tunnel::new(channels::accept(io).await);
                Box::pin(over_spdy(tunnel, ports)).await;
            }
            .boxed()
        }));
    }
    if !tunnels.is_empty() {
        let asked: Vec<&str> = tunnels
            .iter()
            .map(|one| &one["SPDY/3.1+".len()..])
            .collect();
        let asked = asked.join(" ");
        let why = format!(
            "unable to upgrade: unable to negotiate protocol: client supports [{asked}], server \
             accepts [{PROTOCOL}]\n"
        );
        return Ok(encode::text(StatusCode::FORBIDDEN, why));
    }
    let numbers = match numbers(visit) {
        Ok(numbers) => numbers,
        Err(why) => return Ok(told(StatusCode::BAD_REQUEST, why)),
    };
    Ok(opening::websocket(visit, &CHANNELS, move |io, protocol| {
        over_channels(io, protocol, ports, numbers).boxed()
    }))
}

/// The ports that are named in the query.
fn numbers(visit: &Visit<'_>) -> Result<Vec<u16>, String> {
    let asked: Vec<&str> = visit.values("ports").collect();
    if asked.is_empty() {
        return Err(r#"query parameter "port" is required"#.to_owned());
    }
    let mut out = Vec::new();
    for text in asked.into_iter().flat_map(|text| text.split(',')) {
        let port = port(text)?;
        if out.len() == PORTS_MAX {
            return Err(format!("more than {PORTS_MAX} ports"));
        }
        out.push(port);
    }
    Ok(out)
}

fn port(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(0) => Err(format!("port {} must be > 0", quoted(text))),
        Ok(port) => Ok(port),
        Err(_) => {
            let text = quoted(text);
            let fault = format!("strconv.ParseUint: parsing {text}: invalid syntax");
            Err(format!("unable to parse {text} as a port: {fault}"))
        }
    }
}

impl Ports {
    async fn connect(&self, port: u16) -> Result<Connection, String> {
        let connected = self
            .runtime
            .connect(Arc::clone(&self.place.pod), port)
            .await;
        connected.ok_or_else(|| {
            let uid = self.place.pod.uid();
            let refused = "connect: connection refused";
            format!(
                "error forwarding port {port} to pod {uid}, uid : failed to execute portforward in \
                 network namespace \"/var/run/netns/{uid}\": failed to connect to localhost:{port} \
                 inside namespace \"{uid}\", IPv4: dial tcp4 127.0.0.1:{port}: {refused} IPv6 dial \
                 tcp6 [::1]:{port}: {refused}"
            )
        })
    }

    /// Waits until the pod is over.
    async fn over(&self) {
        life::over(self.registry.reader.as_ref(), &self.place).await;
    }
}

/// Where what a port says goes.
enum Back<'a> {
    Stream(&'a Writer),
    Channel(u8, &'a mpsc::Sender<(u8, Bytes)>),
}

impl Back<'_> {
    /// Sends it; false where nobody is there any more.
    async fn send(&self, piece: Bytes) -> bool {
        match self {
            Self::Stream(writer) => writer.send(piece).await.is_ok(),
            Self::Channel(channel, out) => out.send((*channel, piece)).await.is_ok(),
        }
    }
}

/// Carries what comes at either end to the other. What connects to a port may be done with sending
/// and still listen; whoever listens there ends all.
async fn carry(mut reader: impl AsyncRead + Unpin, back: Back<'_>, connection: Connection) {
    let (mut from_port, mut to_port) = tokio::io::split(connection);
    let up = async {
        let copied = copy(&mut reader, &mut to_port).await;
        let _ = to_port.shutdown().await;
        if copied.is_err() {
            // The port takes no more, but may still have something to say.
            let _ = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await;
        }
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut piece = BytesMut::new();
        loop {
            piece.reserve(PIECE_BYTES);
            if !matches!(from_port.read_buf(&mut piece).await, Ok(1..)) {
                return;
            }
            if !back.send(piece.split().freeze()).await {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = from.read(&mut piece).await.unwrap_or(0);
        if length == 0 {
            return Ok(());
        }
        to.write_all(&piece[..length]).await?;
        to.flush().await?;
    }
}

/// The two streams of one connection to a port, as far as they are there.
#[derive(Default)]
struct Pair {
    /// The number of the stream that came first.
    first: u32,
    error: Option<Stream>,
    data: Option<Stream>,
}

/// A pair that was waited for long enough: another may have its name by now.
struct Expired {
    id: String,
    first: u32,
}

impl Expired {
    /// Its stream of errors, where it is still alone.
    fn remove_from(self, pairs: &mut BTreeMap<String, Pair>) -> Option<Stream> {
        pairs
            .get(&self.id)
            .filter(|pair| pair.first == self.first)?;
        pairs.remove(&self.id)?.error
    }
}

/// What goes on meanwhile.
type Working<'a> = FuturesUnordered<BoxFuture<'a, Option<Expired>>>;

/// Says that the counterpart did not come.
async fn complain(error: Stream) -> Option<Expired> {
    let why = "timed out waiting for streams";
    let _ = error.writer.send(why.into()).await;
    let _ = error.writer.finish().await;
    None
}

async fn over_spdy<I>(io: I, ports: Ports)
where
    I: AsyncRead + AsyncWrite + Send + 'static,
{
    let (session, mut opened, driver) = spdy::open(io);
    let mut driver = std::pin::pin!(driver);
    let speaking = async {
        let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
        let mut working: Working<'_> = FuturesUnordered::new();
        let mut over = std::pin::pin!(ports.over());
        loop {
            tokio::select! {
                stream = opened.recv() => {
                    let Some(stream) = stream else { return };
                    take(stream, &mut pairs, &mut working, &ports).await;
                }
                Some(expired) = working.next(), if !working.is_empty() => {
                    if let Some(error) = expired.and_then(|one| one.remove_from(&mut pairs)) {
                        working.push(complain(error).boxed());
                    }
                }
                () = &mut over => return,
            }
        }
    };
    tokio::select! {
        _ = &mut driver => return,
        () = speaking => {}
    }
    tokio::join!(session.end(), async {
        let _ = driver.await;
    });
}

/// Takes a stream; with its counterpart it is a connection.
async fn take<'a>(
    stream: Stream,
    pairs: &mut BTreeMap<String, Pair>,
    working: &mut Working<'a>,
    ports: &'a Ports,
) {
    let Ok(number) = port(stream.header("port")) else {
        stream.writer.reset(Reset::Cancel).await;
        return;
    };
    let is_error = match stream.header("streamtype") {
        "error" => true,
        "data" => false,
        _ => {
            stream.writer.reset(Reset::Cancel).await;
            return;
        }
    };
    let id = match stream.header("requestid") {
        // Clients that give no id open the stream of data next to that of errors.
        "" if is_error => stream.id.to_string(),
        "" => stream.id.wrapping_sub(2).to_string(),
        id => id.to_owned(),
    };
    let pair = pairs.entry(id.clone()).or_insert_with(|| Pair {
        first: stream.id,
        ..Pair::default()
    });
    let first = pair.first;
    let place = if is_error {
        &mut pair.error
    } else {
        &mut pair.data
    };
    if place.is_some() {
        let what = if is_error { "error" } else { "data" };
        let why =
            format!("error processing stream for request {id}: {what} stream already assigned");
        if let Some(error) = &pair.error {
            // Who has no place for it does not hear it, and holds up nobody.
            let _ = error.writer.send(why.into()).now_or_never();
        }
        return;
    }
    *place = Some(stream);
    if pair.error.is_some()
        && pair.data.is_some()
        && let Some(Pair {
            error: Some(error),
            data: Some(data),
            ..
        }) = pairs.remove(&id)
    {
        working.push(forward(ports, number, error, data).map(|()| None).boxed());
    } else {
        let expiring = async move {
            let _ = within(PATIENCE, std::future::pending::<()>()).await;
            Some(Expired { id, first })
        };
        working.push(expiring.boxed());
    }
}

async fn forward(ports: &Ports, port: u16, error: Stream, data: Stream) {
    match ports.connect(port).await {
        Ok(connection) => {
            let writer = data.writer;
            carry(data.reader, Back::Stream(&writer), connection).await;
            let _ = writer.finish().await;
        }
        Err(why) => {
            let _ = error.writer.send(why.into()).await;
            data.writer.reset(Reset::Cancel).await;
        }
    }
    let _ = error.writer.finish().await;
}

/// Serves ports over channels: two for each, data and errors, which both begin with its number.
async fn over_channels(io: opening::Io, protocol: String, ports: Ports, numbers: Vec<u16>) {
    let socket = channels::accept(io).await;
    let (mut sender, mut receiver) = channels::split(socket, &protocol);
    let (out, mut outgoing) = mpsc::channel::<(u8, Bytes)>(4);
    let mut pipes: Vec<Option<DuplexStream>> = Vec::new();
    let mut all = FuturesUnordered::new();
    for (index, number) in numbers.into_iter().enumerate() {
        let (near, far) = tokio::io::duplex(AHEAD_BYTES);
        pipes.push(Some(near));
        all.push(over_channel(
            &ports,
            (index as u8 * 2, number),
            far,
            out.clone(),
        ));
    }
    drop(out);
    let sending = async {
        while let Some((channel, data)) = outgoing.recv().await {
            if sender.send(channel, &data).await.is_err() {
                return;
            }
        }
    };
    let working = async {
        tokio::join!(sending, async { while all.next().await.is_some() {} });
    };
    let listening = async {
        while let Some((channel, data)) = receiver.next().await {
            let pipe = pipes.get_mut(usize::from(channel / 2));
            let pipe = pipe.filter(|_| channel % 2 == 0);
            if let Some(pipe) = pipe
                && let Some(open) = pipe
                && open.write_all(&data).await.is_err()
            {
                *pipe = None;
            }
        }
    };
    tokio::select! {
        () = working => {}
        () = listening => return,
        () = ports.over() => {}
    }
    sender.end(&mut receiver).await;
}

async fn over_channel(
    ports: &Ports,
    (channel, port): (u8, u16),
    data: DuplexStream,
    out: mpsc::Sender<(u8, Bytes)>,
) {
    for channel in [channel, channel + 1] {
        let number = Bytes::copy_from_slice(&port.to_le_bytes());
        let _ = out.send((channel, number)).await;
    }
    match ports.connect(port).await {
        Ok(connection) => {
            carry(data, Back::Channel(channel, &out), connection).await;
        }
        Err(why) => {
            let _ = out.send((channel + 1, why.into())).await;
        }
    }
}

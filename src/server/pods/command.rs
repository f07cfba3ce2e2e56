//! Commands in a container, and joining what it runs: `pods/exec` and `pods/attach`.
//!
//! *Upstream:* `k8s.io/kubelet/pkg/cri/streaming/remotecommand/{httpstream,exec,attach}.go`.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, DuplexStream};
use tokio::sync::{mpsc, watch};

use super::opening::{self, Io, Wanted};
use super::{Visit, channels, life, told};
use crate::error::ApiError;
use crate::object::quote::quoted;
use crate::registry::{Registry, Way};
use crate::runtime::{Exit, Invocation, Output, Place, Runtime, Size, Stage, Streams};
use crate::server::encode::Answer;
use crate::server::spdy::{self, Reader, Stream, Writer};
use crate::server::within;

/// How much a command is ahead of who reads it.
pub(super) const AHEAD_BYTES: usize = 64 * 1024;

/// How much is sent at a time.
pub(super) const PIECE_BYTES: usize = 32 * 1024;

/// How long a client may take to open its streams.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The newest that WebSockets speak: streams can be closed one by one.
pub(super) const V5: &str = "v5.channel.k8s.io";

/// What WebSockets speak otherwise.
const WEBSOCKET: [&str; 5] = [
    "",
    "channel.k8s.io",
    "base64.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
];

/// What is spoken over SPDY.
const SPDY: [&str; 4] = [
    "v4.channel.k8s.io",
    "v3.channel.k8s.io",
    "v2.channel.k8s.io",
    "channel.k8s.io",
];

/// Which streams are wanted.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "streams, each wanted or not")]
pub(super) struct Options {
    pub(super) stdin: bool,
    pub(super) stdout: bool,
    pub(super) stderr: bool,
    pub(super) tty: bool,
}

/// A command that is to run as soon as there are streams.
pub(super) struct Command {
    runtime: Arc<dyn Runtime>,
    registry: Arc<Registry>,
    place: Place,
    /// The program and its arguments; `None` to join what runs.
    argv: Option<Vec<String>>,
    pub(super) options: Options,
}

/// Leads to a command.
pub(super) fn answer(visit: &Visit<'_>) -> Result<Answer, ApiError> {
    let wanted = opening::wanted(visit)?;
    let tty = visit.flag("tty");
    let options = Options {
        stdin: visit.flag("stdin"),
        stdout: visit.flag("stdout"),
        // A terminal has one output.
        stderr: visit.flag("stderr") && !tty,
        tty,
    };
    if !options.stdin && !options.stdout && !options.stderr {
        let why = "you must specify at least 1 of stdin, stdout, stderr";
        return Ok(told(StatusCode::BAD_REQUEST, why));
    }
    let place = visit.place();
    if place.stage() != Stage::Running {
        let why = format!("container not found ({})", quoted(&place.container));
        return Ok(told(StatusCode::INTERNAL_SERVER_ERROR, why));
    }
    let argv = (visit.destination.way == Way::Exec)
        .then(|| visit.values("command").map(str::to_owned).collect());
    let command = Command {
        runtime: Arc::clone(&visit.pods.runtime),
        registry: Arc::clone(&visit.door.registry),
        place,
        argv,
        options,
    };
    if wanted == Wanted::Other {
        return Ok(opening::spdy(visit, &SPDY, move |io, protocol| {
            over_spdy(io, protocol, command).boxed()
        }));
    }
    let newest = [V5];
    let is_newest = opening::subprotocols(visit).contains(&V5);
    let served = if is_newest { &newest[..] } else { &WEBSOCKET };
    Ok(opening::websocket(visit, served, move |io, protocol| {
        channels::serve(io, protocol, command).boxed()
    }))
}

impl Command {
    /// Runs it to its end, or to that of its container.
    pub(super) async fn run(&self, streams: Streams) -> Exit {
        let place = self.place.clone();
        let running = match &self.argv {
            Some(argv) => self.runtime.exec(
                Invocation {
                    place,
                    argv: argv.clone(),
                    tty: self.options.tty,
                },
                streams,
            ),
            None => self.runtime.attach(place, self.options.tty, streams),
        };
        tokio::select! {
            exit = running => match exit {
                // How what runs ends is told by its container's status.
                Exit::Code(_) if self.argv.is_none() => Exit::Code(0),
                exit => exit,
            },
            () = life::over(self.registry.reader.as_ref(), &self.place) => {
                // What runs beside a container is killed with it; who had joined it is done.
                Exit::Code(if self.argv.is_some() { 137 } else { 0 })
            }
        }
    }

    /// How it ended, as clients are told: a Status.
    pub(super) fn status(&self, exit: &Exit) -> Value {
        match exit {
            Exit::Code(0) => json!({"metadata": {}, "status": "Success"}),
            Exit::Code(code) => {
                let argv = self.argv.as_deref().unwrap_or_default().join(" ");
                json!({
                    "metadata": {},
                    "status": "Failure",
                    "message": format!(
                        "command terminated with non-zero exit code: error executing command \
                         [{argv}], exit code {code}"
                    ),
                    "reason": "NonZeroExitCode",
                    "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
                })
            }
            Exit::Failed(error) => {
                let mut status = error.to_status();
                if let Some(status) = status.as_object_mut() {
                    status.remove("kind");
                    status.remove("apiVersion");
                }
                status
            }
        }
    }

    /// The same in older protocols: nothing, or why not.
    pub(super) fn complaint(&self, exit: &Exit) -> String {
        match exit {
            Exit::Code(0) => String::new(),
            exit => {
                let status = self.status(exit);
                status["message"].as_str().unwrap_or("").to_owned()
            }
        }
    }

    /// The last word about it.
    pub(super) fn last_word(&self, exit: &Exit, has_status: bool) -> String {
        if has_status {
            self.status(exit).to_string()
        } else {
            self.complaint(exit)
        }
    }
}

/// An output that a command writes to, and where that comes out; a sink where nobody wants it.
pub(super) fn output(is_wanted: bool) -> (Output, Option<DuplexStream>) {
    if !is_wanted {
        return (Box::new(tokio::io::sink()), None);
    }
    let (near, far) = tokio::io::duplex(AHEAD_BYTES);
    (Box::new(near), Some(far))
}

/// The sizes of a terminal, as they come: JSON, one after the other.
pub(super) struct Sizes {
    received: BytesMut,
    sizes: watch::Sender<Size>,
}

impl Sizes {
    pub(super) fn new() -> (Self, watch::Receiver<Size>) {
        let (sizes, receiver) = watch::channel(Size::default());
        let received = BytesMut::new();
        (Self { received, sizes }, receiver)
    }

    /// Takes what came; false where it is no size.
    pub(super) fn take(&mut self, data: &[u8]) -> bool {
        const BYTES_MAX: usize = 4 * 1024;
        self.received.extend_from_slice(data);
        let mut values = serde_json::Deserializer::from_slice(&self.received).into_iter::<Value>();
        let mut read = 0;
        while let Some(Ok(value)) = values.next() {
            read = values.byte_offset();
            let side = |name: &str| {
                let mut fields = value.as_object().into_iter().flatten();
                let found = fields.find(|(key, _)| key.eq_ignore_ascii_case(name));
                let number = found.and_then(|(_, number)| number.as_u64());
                number
                    .and_then(|number| u16::try_from(number).ok())
                    .unwrap_or(0)
            };
            let (width, height) = (side("width"), side("height"));
            self.sizes.send_replace(Size { width, height });
        }
        let _ = self.received.split_to(read);
        self.received.len() <= BYTES_MAX
    }
}

/// The streams of a session over SPDY.
#[derive(Default)]
struct Opened {
    error: Option<Stream>,
    stdin: Option<Stream>,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
    resize: Option<Stream>,
}

impl Opened {
    /// Waits for all that were announced.
    async fn gather(opened: &mut mpsc::Receiver<Stream>, count: usize) -> Option<Self> {
        let mut all = Self::default();
        let mut left = count;
        while left > 0 {
            let stream = opened.recv().await?;
            let place = match stream.header("streamtype") {
                "error" => &mut all.error,
                "stdin" => &mut all.stdin,
                "stdout" => &mut all.stdout,
                "stderr" => &mut all.stderr,
                "resize" => &mut all.resize,
                _ => continue,
            };
            *place = Some(stream);
            left -= 1;
        }
        Some(all)
    }
}

/// Serves a session over SPDY.
async fn over_spdy(io: Io, protocol: String, command: Command) {
    let (session, mut opened, driver) = spdy::open(io);
    let mut driver = std::pin::pin!(driver);
    let speaking = async {
        let options = command.options;
        let resizes =
            options.tty && matches!(&protocol[..], "v4.channel.k8s.io" | "v3.channel.k8s.io");
        let wanted = [options.stdin, options.stdout, options.stderr, resizes];
        let count = 1 + wanted.iter().filter(|is_wanted| **is_wanted).count();
        let gathered = within(PATIENCE, Opened::gather(&mut opened, count)).await;
        if let Some(Some(streams)) = gathered {
            speak(streams, protocol == SPDY[0], &command).await;
        }
        session.end().await;
    };
    tokio::select! {
        _ = &mut driver => return,
        () = speaking => {}
    }
    // What was said last is on its way.
    let _ = driver.await;
}

async fn speak(streams: Opened, has_status: bool, command: &Command) {
    let options = command.options;
    let (stdin, stdin_writer) = parts(streams.stdin);
    let (resize, resize_writer) = parts(streams.resize);
    let (stdout, from_stdout) = output(options.stdout);
    let (stderr, from_stderr) = output(options.stderr);
    let (mut sizes, terminal) = Sizes::new();
    let running = command.run(Streams {
        stdin: stdin
            .filter(|_| options.stdin)
            .map(|stdin| Box::new(stdin) as _),
        stdout,
        stderr,
        terminal: options.tty.then_some(terminal),
    });
    let resizing = async {
        if let Some(mut resize) = resize {
            let mut piece = vec![0; 1024];
            while let Ok(length @ 1..) = resize.read(&mut piece).await {
                if !sizes.take(&piece[..length]) {
                    break;
                }
            }
        }
        // The terminal stays as it is.
        std::future::pending::<()>().await;
    };
    let out = pass_on(from_stdout, streams.stdout);
    let err = pass_on(from_stderr, streams.stderr);
    let finished = async {
        let (exit, (), ()) = tokio::join!(running, out, err);
        exit
    };
    let exit = tokio::select! {
        exit = finished => exit,
        () = resizing => return,
    };
    if let Some(error) = &streams.error {
        let word = command.last_word(&exit, has_status);
        // Who is gone needs no last word.
        let _ = error.writer.send(word.into()).await;
        let _ = error.writer.finish().await;
    }
    drop((stdin_writer, resize_writer));
}

fn parts(stream: Option<Stream>) -> (Option<Reader>, Option<Writer>) {
    stream.map_or((None, None), |stream| {
        (Some(stream.reader), Some(stream.writer))
    })
}

/// Passes on what a command writes, to its end.
async fn pass_on(from: Option<impl AsyncRead + Unpin>, to: Option<Stream>) {
    let (Some(mut from), Some(to)) = (from, to) else {
        return;
    };
    let mut piece = BytesMut::new();
    loop {
        piece.reserve(PIECE_BYTES);
        let read = (&mut from)
            .take(PIECE_BYTES as u64)
            .read_buf(&mut piece)
            .await;
        if !matches!(read, Ok(1..)) {
            break;
        }
        let piece: Bytes = piece.split().freeze();
        if to.writer.send(piece).await.is_err() {
            // Nobody reads it any more, and the command is told by its pipe.
            return;
        }
    }
    let _ = to.writer.finish().await;
}

//! Channels in the messages of a WebSocket: the first byte of each says which.
//!
//! *Upstream:* `k8s.io/streaming/pkg/httpstream/wsstream`,
//! `k8s.io/kubelet/pkg/cri/streaming/remotecommand/websocket.go`.

use std::io::ErrorKind;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::command::{AHEAD_BYTES, Command, PIECE_BYTES, Sizes, V5, output};
use super::opening::Io;
use crate::runtime::Streams;
use crate::server::within;

/// How long a message of a client may be; what Go's library takes.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// The channels of a command.
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;

/// In place of a channel: the one that follows is closed.
const CLOSED: u8 = 255;

/// How long is waited for a client to take note of the end.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(5);

/// A WebSocket on a connection.
pub(super) async fn accept(io: Io) -> WebSocketStream<Io> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
        .write_buffer_size(0);
    WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await
}

/// The writing half, in messages of channels.
pub(super) struct Sender {
    sink: SplitSink<WebSocketStream<Io>, Message>,
    is_text: bool,
}

/// The reading half.
pub(super) struct Receiver {
    stream: SplitStream<WebSocketStream<Io>>,
    is_text: bool,
}

/// Both halves; in protocols for browsers that know text alone, data are in Base64.
pub(super) fn split(socket: WebSocketStream<Io>, protocol: &str) -> (Sender, Receiver) {
    let is_text = protocol.ends_with("base64.channel.k8s.io");
    let (sink, stream) = socket.split();
    (Sender { sink, is_text }, Receiver { stream, is_text })
}

impl Sender {
    /// Sends data on a channel.
    pub(super) async fn send(&mut self, channel: u8, data: &[u8]) -> std::io::Result<()> {
        let message = if self.is_text {
            let digit = char::from(b'0' + channel);
            Message::text(format!("{digit}{}", STANDARD.encode(data)))
        } else {
            let mut message = Vec::with_capacity(1 + data.len());
            message.push(channel);
            message.extend_from_slice(data);
            Message::binary(message)
        };
        let sent = self.sink.send(message).await;
        sent.map_err(|_| ErrorKind::BrokenPipe.into())
    }

    /// Says good-bye, and waits until the client has heard it.
    pub(super) async fn end(&mut self, receiver: &mut Receiver) {
        let farewell = async {
            let frame = CloseFrame {
                code: CloseCode::Normal,
                reason: "".into(),
            };
            let _ = self.sink.send(Message::Close(Some(frame))).await;
            while receiver.next().await.is_some() {}
            let _ = self.sink.close().await;
        };
        // It is the client who is waited for, as long as can be asked.
        let _ = within(FAREWELL, farewell).await;
    }
}

impl Receiver {
    /// The next message: its first byte and the rest. `None` when the client has gone or speaks
    /// nonsense.
    pub(super) async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            let data = match self.stream.next().await? {
                Ok(Message::Binary(data)) => data,
                Ok(Message::Text(text)) => text.into(),
                Ok(Message::Close(_)) | Err(_) => return None,
                // Pings are answered by the library.
                Ok(_) => continue,
            };
            let Some((channel, data)) = data.split_first() else {
                continue;
            };
            if !self.is_text {
                return Some((*channel, data.to_vec()));
            }
            // What cannot be decoded was for nobody.
            if let Ok(data) = STANDARD.decode(data) {
                return Some((channel.wrapping_sub(b'0'), data));
            }
        }
    }
}

/// Serves a command.
pub(super) async fn serve(io: Io, protocol: String, command: Command) {
    let socket = accept(io).await;
    let (mut sender, mut receiver) = split(socket, &protocol);
    let options = command.options;
    let (stdout, from_stdout) = output(options.stdout);
    let (stderr, from_stderr) = output(options.stderr);
    let (near, far) = tokio::io::duplex(AHEAD_BYTES);
    let (sizes, terminal) = Sizes::new();
    let running = command.run(Streams {
        stdin: options.stdin.then(|| Box::new(far) as _),
        stdout,
        stderr,
        terminal: options.tty.then_some(terminal),
    });
    let sending = async {
        // The first message, empty, says that the connection is there.
        let first = if options.stdout {
            STDOUT
        } else if options.stderr {
            STDERR
        } else {
            ERROR
        };
        sender.send(first, &[]).await?;
        pass_on(&mut sender, from_stdout, from_stderr).await
    };
    let working = async { tokio::try_join!(async { Ok(running.await) }, sending) };
    let stdin = options.stdin.then_some(near);
    let is_v5 = protocol == V5;
    let exit = tokio::select! {
        worked = working => worked.ok().map(|(exit, ())| exit),
        () = listen(&mut receiver, stdin, sizes, is_v5) => None,
    };
    if let Some(exit) = exit {
        let has_status = is_v5 || protocol.starts_with("v4.");
        let word = command.last_word(&exit, has_status);
        if !word.is_empty() && sender.send(ERROR, word.as_bytes()).await.is_err() {
            return;
        }
    }
    sender.end(&mut receiver).await;
}

/// Hears what a client says, until it goes.
async fn listen(
    receiver: &mut Receiver,
    mut stdin: Option<DuplexStream>,
    mut sizes: Sizes,
    is_v5: bool,
) {
    while let Some((channel, data)) = receiver.next().await {
        match channel {
            CLOSED if is_v5 => match data[..] {
                [STDIN] => stdin = None,
                [STDOUT..=RESIZE] => {}
                // Whoever closes what is not there speaks another protocol.
                _ => return,
            },
            STDIN => {
                if let Some(pipe) = &mut stdin
                    && pipe.write_all(&data).await.is_err()
                {
                    // The command reads no more.
                    stdin = None;
                }
            }
            RESIZE if !sizes.take(&data) => return,
            _ => {}
        }
    }
}

/// Passes on what a command writes, to the end of both.
async fn pass_on(
    sender: &mut Sender,
    mut stdout: Option<DuplexStream>,
    mut stderr: Option<DuplexStream>,
) -> std::io::Result<()> {
    let (mut out, mut err) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
    loop {
        let (channel, piece) = tokio::select! {
            read = read(&mut stdout, &mut out), if stdout.is_some() => (STDOUT, &out[..read]),
            read = read(&mut stderr, &mut err), if stderr.is_some() => (STDERR, &err[..read]),
            else => return Ok(()),
        };
        if !piece.is_empty() {
            sender.send(channel, piece).await?;
        } else if channel == STDOUT {
            stdout = None;
        } else {
            stderr = None;
        }
    }
}

async fn read(from: &mut Option<DuplexStream>, into: &mut [u8]) -> usize {
    match from {
        Some(from) => from.read(into).await.unwrap_or(0),
        None => 0,
    }
}

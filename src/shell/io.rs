//! What a process reads from and writes to.
//!
//! *Invariant:* a writer waits for its own reader and for nobody else.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;

use super::fs::OpenFile;
use super::terminal::Terminal;

/// How much stands between the two ends of a pipe.
const PIPE_BYTES: usize = 64 << 10;

/// How much is read at once.
pub(crate) const CHUNK: usize = 32 << 10;

/// Longest line that is taken as one.
pub(crate) const LINE_MAX: usize = 16 << 20;

/// Something to read bytes from.
pub type Input = Box<dyn AsyncRead + Send + Unpin>;

/// Something to write bytes to.
pub type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// An open descriptor; clones share the place in it.
#[derive(Clone)]
pub(crate) enum Fd {
    Null,
    Source(Arc<Source>),
    Sink(Arc<Sink>),
    File(Arc<OpenFile>),
}

pub(crate) struct Source {
    state: Mutex<Incoming>,
    pub(crate) terminal: Option<Arc<Terminal>>,
}

struct Incoming {
    reader: Input,
    kept: Vec<u8>,
}

pub(crate) struct Sink {
    writer: Mutex<Output>,
}

/// The descriptors of a process.
pub(crate) type Fds = BTreeMap<i32, Fd>;

impl Fd {
    pub(crate) fn source(reader: Input, terminal: Option<Arc<Terminal>>) -> Self {
        Self::Source(Arc::new(Source {
            state: Mutex::new(Incoming {
                reader,
                kept: Vec::new(),
            }),
            terminal,
        }))
    }

    pub(crate) fn sink(writer: Output) -> Self {
        Self::Sink(Arc::new(Sink {
            writer: Mutex::new(writer),
        }))
    }

    /// A pipe: what one reads from and what one writes to.
    pub(crate) fn pipe() -> (Self, Self) {
        let (reader, writer) = tokio::io::duplex(PIPE_BYTES);
        (
            Self::source(Box::new(reader), None),
            Self::sink(Box::new(writer)),
        )
    }

    /// A source that has these bytes.
    pub(crate) fn text(bytes: Vec<u8>) -> Self {
        Self::source(Box::new(io::Cursor::new(bytes)), None)
    }

    pub(crate) fn terminal(&self) -> Option<&Arc<Terminal>> {
        match self {
            Self::Source(source) => source.terminal.as_ref(),
            _ => None,
        }
    }

    /// What there is, up to so many bytes; none at the end.
    pub(crate) async fn read_some(&self, max: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Null => Ok(Vec::new()),
            Self::Sink(_) => Err(super::fs::Errno::BadDescriptor.into()),
            Self::File(file) => Ok(file.read(max)?),
            Self::Source(source) => {
                let mut state = source.state.lock().await;
                if !state.kept.is_empty() {
                    let taken = max.min(state.kept.len());
                    let rest = state.kept.split_off(taken);
                    return Ok(std::mem::replace(&mut state.kept, rest));
                }
                let mut chunk = vec![0; max.min(CHUNK)];
                let count = state.reader.read(&mut chunk).await?;
                chunk.truncate(count);
                Ok(chunk)
            }
        }
    }

    /// Up to and with the next end of line (or another byte), leaving what follows to whoever reads
    /// next.
    pub(crate) async fn read_until(&self, end: u8) -> io::Result<Vec<u8>> {
        match self {
            Self::File(file) if end == b'\n' => Ok(file.read_line(LINE_MAX)?),
            Self::Source(source) => {
                let mut state = source.state.lock().await;
                let mut seen = 0;
                loop {
                    if let Some(place) = state.kept[seen..].iter().position(|byte| *byte == end) {
                        let rest = state.kept.split_off(seen + place + 1);
                        return Ok(std::mem::replace(&mut state.kept, rest));
                    }
                    seen = state.kept.len();
                    let mut chunk = vec![0; CHUNK];
                    let count = if seen < LINE_MAX {
                        state.reader.read(&mut chunk).await?
                    } else {
                        0
                    };
                    if count == 0 {
                        return Ok(std::mem::take(&mut state.kept));
                    }
                    state.kept.extend_from_slice(&chunk[..count]);
                }
            }
            other => {
                let mut line = Vec::new();
                loop {
                    let byte = other.read_some(1).await?;
                    line.extend_from_slice(&byte);
                    if byte.is_empty() || byte[0] == end || line.len() >= LINE_MAX {
                        return Ok(line);
                    }
                }
            }
        }
    }

    /// Writes all of it.
    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Null => Ok(()),
            Self::Source(source) if source.terminal.is_none() => {
                Err(super::fs::Errno::BadDescriptor.into())
            }
            Self::Source(source) => match &source.terminal {
                Some(terminal) => Box::pin(terminal.print(bytes)).await,
                None => Ok(()),
            },
            Self::File(file) => Ok(file.write(bytes)?),
            Self::Sink(sink) => {
                let mut writer = sink.writer.lock().await;
                writer.write_all(bytes).await?;
                writer.flush().await
            }
        }
    }
}

/// Whether writing failed because nobody reads any more.
pub(crate) fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::WriteZero
            | io::ErrorKind::NotConnected
    )
}

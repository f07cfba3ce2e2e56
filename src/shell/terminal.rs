//! A terminal's line discipline: echo, editing of a line, Ctrl-C and Ctrl-D.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::sync::{Notify, watch};

use super::io::{Fd, Input};

/// How much may wait for somebody to read it.
const WAITING_MAX: usize = 64 << 10;

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Lines.
    pub height: u16,
}

pub(crate) struct Terminal {
    state: Mutex<State>,
    size: watch::Receiver<Size>,
    interrupts: watch::Sender<u64>,
    drained: Notify,
    screen: Fd,
}

#[derive(Default)]
struct State {
    ready: VecDeque<u8>,
    line: Vec<u8>,
    raw: bool,
    silent: bool,
    ends: usize,
    closed: bool,
    readers: Vec<Waker>,
}

/// The end of a terminal that programs read from.
pub(crate) struct Keyboard(pub(crate) Arc<Terminal>);

impl Terminal {
    /// A terminal that shows what is written to `screen`, a sink without a terminal.
    pub(crate) fn new(screen: Fd, size: watch::Receiver<Size>) -> Self {
        Self {
            state: Mutex::default(),
            size,
            interrupts: watch::Sender::new(0),
            drained: Notify::new(),
            screen,
        }
    }

    pub(crate) fn size(&self) -> Size {
        *self.size.borrow()
    }

    pub(crate) fn interrupts(&self) -> watch::Receiver<u64> {
        self.interrupts.subscribe()
    }

    /// Whether bytes come as they are typed. What was typed ahead is edited as the new mode says.
    pub(crate) async fn set_raw(&self, raw: bool) {
        let mut echo = Vec::new();
        {
            let mut state = self.state.lock();
            let was = std::mem::replace(&mut state.raw, raw);
            if raw {
                let line = std::mem::take(&mut state.line);
                state.ready.extend(line);
            } else if was {
                for byte in std::mem::take(&mut state.ready) {
                    if state.key(byte, &mut echo) {
                        self.interrupts.send_modify(|count| *count += 1);
                    }
                }
            }
        }
        if !echo.is_empty() {
            let _ = self.print(&echo).await;
        }
    }

    pub(crate) fn set_echo(&self, echo: bool) {
        self.state.lock().silent = !echo;
    }

    pub(crate) async fn print(&self, bytes: &[u8]) -> io::Result<()> {
        self.screen.write(&cooked(bytes)).await
    }

    /// Takes what is typed until nothing more comes.
    pub(crate) async fn listen(self: Arc<Self>, mut typed: Input) {
        let mut chunk = vec![0; 4096];
        loop {
            while self.state.lock().ready.len() > WAITING_MAX {
                self.drained.notified().await;
            }
            let count = typed.read(&mut chunk).await.unwrap_or(0);
            if count == 0 {
                let mut state = self.state.lock();
                state.closed = true;
                let line = std::mem::take(&mut state.line);
                state.ready.extend(line);
                state.wake();
                return;
            }
            let mut echo = Vec::new();
            for byte in &chunk[..count] {
                let interrupted = self.state.lock().key(*byte, &mut echo);
                if interrupted {
                    self.interrupts.send_modify(|count| *count += 1);
                }
            }
            if !echo.is_empty() && self.print(&echo).await.is_err() {
                return;
            }
        }
    }
}

impl State {
    fn wake(&mut self) {
        for reader in self.readers.drain(..) {
            reader.wake();
        }
    }

    /// One key; whether it interrupts.
    fn key(&mut self, byte: u8, echo: &mut Vec<u8>) -> bool {
        if self.raw {
            self.ready.push_back(byte);
            self.wake();
            return false;
        }
        let mut shown: Vec<u8> = Vec::new();
        let mut interrupted = false;
        match byte {
            3 => {
                self.line.clear();
                self.ready.clear();
                shown.extend(b"^C\n");
                interrupted = true;
            }
            4 => {
                if self.line.is_empty() {
                    self.ends += 1;
                } else {
                    let line = std::mem::take(&mut self.line);
                    self.ready.extend(line);
                }
                self.wake();
            }
            8 | 127 => {
                if pop_char(&mut self.line) {
                    shown.extend(b"\x08 \x08");
                }
            }
            21 => {
                while pop_char(&mut self.line) {
                    shown.extend(b"\x08 \x08");
                }
            }
            b'\r' | b'\n' => {
                self.line.push(b'\n');
                let line = std::mem::take(&mut self.line);
                self.ready.extend(line);
                shown.push(b'\n');
                self.wake();
            }
            byte => {
                if self.line.len() < 4096 {
                    self.line.push(byte);
                    if byte < 32 && byte != b'\t' {
                        shown.extend([b'^', byte + 64]);
                    } else {
                        shown.push(byte);
                    }
                }
            }
        }
        if !self.silent {
            echo.extend(shown);
        }
        interrupted
    }
}

/// Takes the last character of a line away; whether there was one.
pub(crate) fn pop_char(line: &mut Vec<u8>) -> bool {
    while let Some(byte) = line.pop() {
        if byte & 0xc0 != 0x80 {
            return true;
        }
    }
    false
}

/// What a terminal makes of output: every newline also returns the carriage.
pub(crate) fn cooked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    for byte in bytes {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

impl AsyncRead for Keyboard {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.state.lock();
        if state.ready.is_empty() {
            if state.ends > 0 {
                state.ends -= 1;
                return Poll::Ready(Ok(()));
            }
            if state.closed {
                return Poll::Ready(Ok(()));
            }
            state.readers.push(context.waker().clone());
            return Poll::Pending;
        }
        while buffer.remaining() > 0 {
            let Some(byte) = state.ready.pop_front() else {
                break;
            };
            buffer.put_slice(&[byte]);
            if byte == b'\n' && !state.raw {
                break;
            }
        }
        self.0.drained.notify_one();
        Poll::Ready(Ok(()))
    }
}

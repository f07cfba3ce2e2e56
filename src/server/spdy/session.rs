//! A connection: frames read and handed to their streams, frames of all streams written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf,
};
use tokio::sync::{Notify, mpsc};

use super::Fault;
use super::frame::{self, Control, HEAD_BYTES, Head, Reset};
use super::headers::{Deflater, Inflater};
use super::stream::{Reader, Stream, Writer};

/// How much of a stream is held that nobody has read.
const HELD_BYTES: usize = 64 * 1024;

/// How many streams there may be at once.
const STREAMS_MAX: usize = 1000;

/// How many frames wait to be written.
const OUT_MAX: usize = 16;

/// How much is written at a time.
const WRITE_BYTES: usize = 256 * 1024;

/// How much may be sent on a stream before it is given back, unless the other side says otherwise.
const WINDOW_BYTES: i64 = 64 * 1024;

/// What is to be written.
pub(super) enum Out {
    /// The answer to a stream.
    Reply(u32),
    /// Data of a stream, and whether they are its last.
    Data(u32, Bytes, bool),
    Reset(u32, Reset),
    Ping(u32),
    Window(u32, u32),
    /// The end of all, and whether it is the other side's fault.
    End(bool),
}

/// How much more may be sent on a stream.
#[derive(Debug)]
pub(super) struct Window {
    state: Mutex<WindowState>,
    changed: Notify,
}

#[derive(Debug)]
struct WindowState {
    left: i64,
    is_bound: bool,
    is_finished: bool,
    is_closed: bool,
}

impl Window {
    fn new(left: i64, is_bound: bool) -> Self {
        let state = WindowState {
            left,
            is_bound,
            is_finished: false,
            is_closed: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// Takes place for at most so many bytes: at least for one, as soon as there is any.
    pub(super) async fn take(&self, length: usize) -> std::io::Result<usize> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state.lock();
                if state.is_closed || state.is_finished {
                    return Err(std::io::ErrorKind::BrokenPipe.into());
                }
                let place = usize::try_from(state.left).unwrap_or(0);
                let place = if state.is_bound { place } else { length };
                let length = length.min(place);
                if length > 0 {
                    state.left -= length as i64;
                    return Ok(length);
                }
            }
            changed.await;
        }
    }

    fn change(&self, how: impl FnOnce(&mut WindowState)) {
        how(&mut self.state.lock());
        self.changed.notify_waiters();
    }

    /// Nothing more is sent.
    pub(super) fn finish(&self) {
        self.change(|state| state.is_finished = true);
    }

    pub(super) fn is_finished(&self) -> bool {
        self.state.lock().is_finished
    }

    /// The stream is over; false where it was already.
    pub(super) fn close(&self) -> bool {
        let mut was_closed = true;
        self.change(|state| was_closed = std::mem::replace(&mut state.is_closed, true));
        !was_closed
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }
}

/// The windows of a connection's streams, shared by who reads and who writes.
#[derive(Debug, Default)]
struct Windows {
    streams: Mutex<BTreeMap<u32, Arc<Window>>>,
    /// Whether the other side has shown that it keeps windows.
    are_bound: AtomicBool,
}

/// A connection that is being served, to its users.
#[derive(Clone)]
pub(in crate::server) struct Session {
    out: mpsc::Sender<Out>,
}

impl Session {
    /// Ends the connection in good order: what was sent before is written, then all is over.
    pub(in crate::server) async fn end(&self) {
        // Whoever is gone needs not be told.
        let _ = self.out.send(Out::End(false)).await;
    }
}

/// Begins to serve a connection: the session, the streams that the other side opens, and what has
/// to be polled for any of it to happen, which ends with the connection.
pub(in crate::server) fn open<I>(
    io: I,
) -> (
    Session,
    mpsc::Receiver<Stream>,
    impl Future<Output = Result<(), Fault>> + Send,
)
where
    I: AsyncRead + AsyncWrite + Send + 'static,
{
    let (input, output) = tokio::io::split(io);
    let (out, outgoing) = mpsc::channel(OUT_MAX);
    let (streams, opened) = mpsc::channel(1);
    let session = Session { out: out.clone() };
    let incoming = Incoming {
        input,
        received: BytesMut::new(),
        inflater: Inflater::default(),
        streams,
        pipes: BTreeMap::new(),
        last: 0,
        initial_window: WINDOW_BYTES,
        windows: Arc::default(),
        out,
    };
    (session, opened, run(incoming, output, outgoing))
}

async fn run<I>(
    mut incoming: Incoming<I>,
    output: WriteHalf<I>,
    outgoing: mpsc::Receiver<Out>,
) -> Result<(), Fault>
where
    I: AsyncRead + AsyncWrite,
{
    let windows = Arc::clone(&incoming.windows);
    let out = incoming.out.clone();
    let mut writing = Box::pin(write(output, outgoing));
    let ended = tokio::select! {
        ended = incoming.read() => ended,
        written = &mut writing => {
            // What was written is read before the connection closes, or it may be lost.
            written?;
            incoming.discard().await;
            return Ok(());
        }
    };
    for window in windows.streams.lock().values() {
        window.close();
    }
    drop(incoming);
    if let Err(Fault::Protocol(_)) = &ended {
        let farewell = async {
            let _ = out.send(Out::End(true)).await;
            drop(out);
            writing.await
        };
        // Who sends nonsense may not read either.
        let _ = crate::server::within(FAREWELL, farewell).await;
    }
    ended
}

/// How long is waited for the other side to take note of the end.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(5);

/// Writes frames until the end is among them, or nobody is left to send any.
async fn write<I>(mut output: WriteHalf<I>, mut outgoing: mpsc::Receiver<Out>) -> Result<(), Fault>
where
    I: AsyncWrite,
{
    let mut deflater = Deflater::default();
    let mut buffer = BytesMut::new();
    let mut last = 0;
    let mut has_ended = false;
    while let Some(first) = outgoing.recv().await {
        let mut next = Some(first);
        while let Some(one) = next {
            match one {
                Out::Reply(id) => {
                    last = id;
                    frame::put_reply(&mut buffer, id, &deflater.block(&[]));
                }
                Out::Data(id, data, is_last) => {
                    frame::put_data(&mut buffer, id, &data, is_last);
                }
                Out::Reset(id, why) => frame::put_reset(&mut buffer, id, why),
                Out::Ping(id) => frame::put_ping(&mut buffer, id),
                Out::Window(id, delta) => frame::put_window(&mut buffer, id, delta),
                Out::End(is_fault) => {
                    frame::put_go_away(&mut buffer, last, is_fault);
                    has_ended = true;
                }
            }
            next = None;
            if !has_ended && buffer.len() < WRITE_BYTES {
                next = outgoing.try_recv().ok();
            }
        }
        output.write_all_buf(&mut buffer).await?;
        output.flush().await?;
        if has_ended {
            break;
        }
    }
    output.shutdown().await?;
    Ok(())
}

/// The reading half.
struct Incoming<I> {
    input: ReadHalf<I>,
    received: BytesMut,
    inflater: Inflater,
    streams: mpsc::Sender<Stream>,
    /// Where data of streams go that are not at their end.
    pipes: BTreeMap<u32, DuplexStream>,
    last: u32,
    initial_window: i64,
    windows: Arc<Windows>,
    out: mpsc::Sender<Out>,
}

impl<I: AsyncRead> Incoming<I> {
    /// Reads frames until there are no more.
    async fn read(&mut self) -> Result<(), Fault> {
        loop {
            if !self.fill(HEAD_BYTES).await? {
                return if self.received.is_empty() {
                    Ok(())
                } else {
                    Err(Fault::Protocol("a frame that is cut off"))
                };
            }
            let mut head = [0; HEAD_BYTES];
            self.received.copy_to_slice(&mut head);
            match Head::parse(head)? {
                Head::Data {
                    id,
                    is_last,
                    length,
                } => self.data(id, is_last, length).await?,
                Head::Control {
                    kind,
                    flags,
                    length,
                } => {
                    if !self.fill(length).await? {
                        return Err(Fault::Protocol("a frame that is cut off"));
                    }
                    let body = self.received.split_to(length);
                    let control = Control::parse(kind, flags, &body)?;
                    if control == Control::GoAway {
                        return Ok(());
                    }
                    self.control(control).await?;
                }
            }
        }
    }

    /// Reads until so much is there; false where the connection ends before.
    async fn fill(&mut self, length: usize) -> Result<bool, Fault> {
        while self.received.len() < length {
            self.received.reserve(length.max(32 * 1024));
            if self.input.read_buf(&mut self.received).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads what still comes, and throws it away.
    async fn discard(&mut self) {
        let reading = async {
            loop {
                self.received.clear();
                if self.fill(1).await.is_ok_and(|is_more| is_more) {
                    continue;
                }
                return;
            }
        };
        // The end of the connection is what is waited for; it comes or not.
        let _ = crate::server::within(FAREWELL, reading).await;
    }

    /// Hands data to their stream as they come, waiting for whoever reads it.
    async fn data(&mut self, id: u32, is_last: bool, length: usize) -> Result<(), Fault> {
        let mut left = length;
        let is_known = self.pipes.contains_key(&id);
        if !is_known && id > self.last {
            self.send(Out::Reset(id, Reset::Invalid)).await;
        }
        while left > 0 {
            if !self.fill(1).await? {
                return Err(Fault::Protocol("a frame that is cut off"));
            }
            let piece = self.received.split_to(left.min(self.received.len()));
            left -= piece.len();
            if let Some(pipe) = self.pipes.get_mut(&id) {
                // Nobody may be there to read it any more; then it is dropped.
                let _ = pipe.write_all(&piece).await;
            }
        }
        if is_last {
            self.end_of(id);
        }
        Ok(())
    }

    /// Nothing more comes on a stream.
    fn end_of(&mut self, id: u32) {
        self.pipes.remove(&id);
        let mut streams = self.windows.streams.lock();
        if streams.get(&id).is_some_and(|window| window.is_finished()) {
            streams.remove(&id);
        }
    }

    async fn control(&mut self, control: Control) -> Result<(), Fault> {
        match control {
            Control::Open { id, is_last, block } => self.open(id, is_last, &block).await?,
            Control::Headers { id, is_last, block } => {
                // Nobody asks for them, but what follows is compressed against them.
                self.inflater.headers(&block)?;
                if is_last {
                    self.end_of(id);
                }
            }
            Control::Reset { id } => {
                self.pipes.remove(&id);
                if let Some(window) = self.windows.streams.lock().remove(&id) {
                    window.close();
                }
            }
            Control::Settings { initial_window } => {
                self.bind();
                if let Some(length) = initial_window {
                    let length = i64::from(length & 0x7fff_ffff);
                    let more = length - self.initial_window;
                    self.initial_window = length;
                    for window in self.windows.streams.lock().values() {
                        window.change(|state| state.left += more);
                    }
                }
            }
            // Our own pings, which have even numbers, are none.
            Control::Ping(id) if id % 2 == 1 => self.send(Out::Ping(id)).await,
            Control::Window { id, delta } => {
                self.bind();
                if let Some(window) = self.windows.streams.lock().get(&id) {
                    window.change(|state| state.left += i64::from(delta));
                }
            }
            Control::Ping(_) | Control::GoAway | Control::Unknown => {}
        }
        Ok(())
    }

    /// The other side keeps windows, and so do we.
    fn bind(&mut self) {
        if !self.windows.are_bound.swap(true, Ordering::Relaxed) {
            for window in self.windows.streams.lock().values() {
                window.change(|state| state.is_bound = true);
            }
        }
    }

    async fn open(&mut self, id: u32, is_last: bool, block: &[u8]) -> Result<(), Fault> {
        let headers = self.inflater.headers(block)?;
        if id.is_multiple_of(2) || id <= self.last {
            self.send(Out::Reset(id, Reset::Protocol)).await;
            return Ok(());
        }
        self.last = id;
        if self.count() >= STREAMS_MAX {
            self.send(Out::Reset(id, Reset::Refused)).await;
            return Ok(());
        }
        let (near, far) = tokio::io::duplex(HELD_BYTES);
        if !is_last {
            self.pipes.insert(id, near);
        }
        let is_bound = self.windows.are_bound.load(Ordering::Relaxed);
        let window = Arc::new(Window::new(self.initial_window, is_bound));
        self.windows.streams.lock().insert(id, Arc::clone(&window));
        self.send(Out::Reply(id)).await;
        let out = self.out.clone();
        let stream = Stream {
            id,
            headers,
            reader: Reader::new(id, far, out.clone()),
            writer: Writer::new(id, out, window),
        };
        // Where nobody takes it, it is dropped, and ends as one that broke.
        let _ = self.streams.send(stream).await;
        Ok(())
    }

    /// How many streams there are, now that those are forgotten that are over.
    fn count(&mut self) -> usize {
        let mut streams = self.windows.streams.lock();
        self.pipes
            .retain(|id, _| streams.get(id).is_some_and(|window| !window.is_closed()));
        streams.retain(|id, window| {
            !window.is_closed() && (!window.is_finished() || self.pipes.contains_key(id))
        });
        streams.len()
    }

    /// Has something written; this borrows nothing that cannot go to another thread.
    fn send(&self, out: Out) -> impl Future<Output = ()> + Send + use<I> {
        let sender = self.out.clone();
        async move {
            // The writing half ends only with the connection.
            let _ = sender.send(out).await;
        }
    }
}

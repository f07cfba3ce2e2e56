//! The log of one life of a container.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{Limits, Stream};

/// A longer line is kept in parts of this length, as container runtimes do.
const PART_BYTES: usize = 16 * 1024;

/// What a line takes beside its text.
const LINE_COST: usize = 64;

/// A place in a log: before a line, counted from the first that was ever written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(u64);

/// A line, or a part of a long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was written.
    pub time: Timestamp,
    /// Where to.
    pub stream: Stream,
    /// What it says, without its newline.
    pub text: Bytes,
    /// Whether a newline followed.
    pub is_whole: bool,
}

impl Line {
    fn cost(&self) -> usize {
        self.text.len() + LINE_COST
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Entry {
    lines: VecDeque<Line>,
    /// The number of the first line that is left.
    first: u64,
    /// The unfinished lines of standard output and error.
    rests: [Vec<u8>; 2],
    bytes: usize,
    has_ended: bool,
    changes: watch::Sender<u64>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            first: 0,
            rests: Default::default(),
            bytes: 0,
            has_ended: false,
            changes: watch::Sender::new(0),
        }
    }
}

impl Entry {
    pub(super) fn append(&mut self, stream: Stream, data: &[u8], time: Timestamp, limits: &Limits) {
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let mut rest = std::mem::take(&mut self.rests[stream as usize]);
            self.bytes -= rest.len();
            rest.extend_from_slice(text);
            let mut cut = 0;
            while rest.len() - cut > PART_BYTES {
                // A copy of its own: what is kept is what is counted.
                let text = Bytes::copy_from_slice(&rest[cut..cut + PART_BYTES]);
                cut += PART_BYTES;
                self.push(Line {
                    time,
                    stream,
                    text,
                    is_whole: false,
                });
            }
            if cut > 0 {
                rest.drain(..cut);
                rest.shrink_to_fit();
            }
            if is_whole {
                let text = Bytes::from(rest.into_boxed_slice());
                self.push(Line {
                    time,
                    stream,
                    text,
                    is_whole,
                });
            } else {
                self.bytes += rest.len();
                self.rests[stream as usize] = rest;
            }
        }
        self.keep_within(limits);
    }

    pub(super) fn end(&mut self, time: Timestamp, limits: &Limits) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(&mut self.rests[stream as usize]);
            self.bytes -= rest.len();
            if !rest.is_empty() {
                let text = Bytes::from(rest.into_boxed_slice());
                self.push(Line {
                    time,
                    stream,
                    text,
                    is_whole: false,
                });
            }
        }
        self.keep_within(limits);
        self.has_ended = true;
    }

    fn push(&mut self, line: Line) {
        self.bytes += line.cost();
        self.lines.push_back(line);
    }

    fn pop(&mut self) -> bool {
        let Some(line) = self.lines.pop_front() else {
            return false;
        };
        self.bytes -= line.cost();
        self.first += 1;
        true
    }

    fn keep_within(&mut self, limits: &Limits) {
        while self.lines.len() > limits.lines_max {
            self.pop();
        }
        self.shrink_to(limits.bytes_max);
    }

    pub(super) fn shrink_to(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max && self.pop() {}
        if self.bytes > bytes_max {
            // Nothing is left but unfinished lines.
            self.rests = Default::default();
            self.bytes = 0;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn is_begun(&self) -> bool {
        *self.changes.borrow() > 0
    }

    pub(super) fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(super) fn lines(&self, from: Cursor, bytes_max: usize) -> (Vec<Line>, Cursor) {
        let skipped = from.0.saturating_sub(self.first);
        let start = usize::try_from(skipped).unwrap_or(usize::MAX);
        let start = start.min(self.lines.len());
        let mut out: Vec<Line> = Vec::new();
        let mut bytes: usize = 0;
        for line in self.lines.range(start..) {
            bytes = bytes.saturating_add(line.cost());
            if bytes > bytes_max && !out.is_empty() {
                break;
            }
            out.push(line.clone());
        }
        let next = self.first + (start + out.len()) as u64;
        (out, Cursor(next))
    }

    /// The place before the last so many lines, parts of one line counting as one.
    pub(super) fn tail(&self, lines: u64) -> Cursor {
        let mut left = lines;
        let mut at = self.lines.len();
        for (index, line) in self.lines.iter().enumerate().rev() {
            // An unfinished line at the end is one as well.
            if line.is_whole || at == self.lines.len() {
                if left == 0 {
                    break;
                }
                left -= 1;
            }
            at = index;
        }
        Cursor(self.first + at as u64)
    }
}

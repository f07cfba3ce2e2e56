//! Which lines of a log are asked for, and how they are written.
//!
//! *Upstream:* `pkg/kubelet/kuberuntime/logs/logs.go` (`ReadLogs`, `logWriter`).

use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;

use super::{Cursor, Instance, Line, Logs, Stream};

/// How much is written at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Nothing that is older.
    pub since: Option<Timestamp>,
    /// The last so many lines.
    pub tail: Option<u64>,
    /// So many bytes.
    pub limit_bytes: Option<u64>,
    /// One stream alone.
    pub stream: Option<Stream>,
    /// Each line begins with when it was written.
    pub has_timestamps: bool,
}

/// A log being read.
#[derive(Debug)]
pub struct Reading {
    of: Instance,
    query: Query,
    cursor: Cursor,
    left: Option<u64>,
    /// Whether the next part belongs to a line that is begun.
    is_within: bool,
}

impl Reading {
    /// Begins to read.
    pub fn new(logs: &Logs, of: Instance, query: Query) -> Self {
        let tail = query.tail.map(|lines| logs.tail_of(&of, lines));
        Self {
            of,
            query,
            cursor: tail.unwrap_or_default(),
            left: query.limit_bytes,
            is_within: false,
        }
    }

    /// The next piece; empty where there is no more for now.
    pub fn next(&mut self, logs: &Logs) -> Bytes {
        let mut out = BytesMut::new();
        while out.is_empty() && !self.is_full() {
            let (lines, next) = logs.lines(&self.of, self.cursor, PIECE_BYTES);
            self.cursor = next;
            if lines.is_empty() {
                break;
            }
            for line in &lines {
                self.write(line, &mut out);
            }
        }
        if let Some(left) = &mut self.left {
            let length = usize::try_from(*left).unwrap_or(usize::MAX);
            out.truncate(length);
            *left -= out.len() as u64;
        }
        out.freeze()
    }

    /// Whether as much was read as was asked for.
    pub fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    fn write(&mut self, line: &Line, out: &mut BytesMut) {
        let is_old = self.query.since.is_some_and(|since| line.time < since);
        let is_other = self
            .query
            .stream
            .is_some_and(|stream| line.stream != stream);
        if is_old || is_other {
            return;
        }
        if self.query.has_timestamps && !self.is_within {
            out.put_slice(format!("{:.9} ", line.time).as_bytes());
        }
        out.put_slice(&line.text);
        if line.is_whole {
            out.put_u8(b'\n');
        }
        self.is_within = !line.is_whole;
    }
}

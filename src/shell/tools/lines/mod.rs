//! Tools that read lines, and how they read them.

pub(super) mod sort;
pub(super) mod text;
pub(super) mod words;

use crate::shell::exec::{Outcome, Proc, Stop};
use crate::shell::fs::{Errno, Mode};
use crate::shell::io::{CHUNK, Fd, LINE_MAX};

/// How much a tool may keep in memory, such as what it sorts.
pub(super) const KEPT_MAX: usize = 256 << 20;

/// Something that is read in chunks or lines.
pub(super) struct Lines {
    fd: Fd,
    kept: Vec<u8>,
    at: usize,
    ended: bool,
    /// What ends a line.
    pub(super) end: u8,
}

impl Lines {
    pub(super) fn new(fd: Fd) -> Self {
        Self {
            fd,
            kept: Vec::new(),
            at: 0,
            ended: false,
            end: b'\n',
        }
    }

    /// The next bytes; none at the end. What was written before is flushed first.
    pub(super) async fn chunk(&mut self, proc: &mut Proc) -> Outcome<Vec<u8>> {
        if self.at < self.kept.len() {
            let rest = self.kept.split_off(self.at);
            self.kept.clear();
            self.at = 0;
            return Ok(rest);
        }
        if self.ended {
            return Ok(Vec::new());
        }
        if matches!(self.fd, Fd::Source(_)) {
            proc.flush().await?;
        } else {
            tokio::task::yield_now().await;
        }
        match self.fd.read_some(CHUNK).await {
            Ok(chunk) => {
                self.ended = chunk.is_empty();
                Ok(chunk)
            }
            Err(error) => {
                proc.warn(&format!("read error: {error}")).await;
                Err(Stop::Failed(1))
            }
        }
    }

    /// The next line without its end, and whether it had one.
    pub(super) async fn line(&mut self, proc: &mut Proc) -> Outcome<Option<(Vec<u8>, bool)>> {
        let mut seen = self.at;
        loop {
            let found = self.kept[seen..].iter().position(|byte| *byte == self.end);
            if let Some(place) = found {
                let line = self.kept[self.at..seen + place].to_vec();
                self.at = seen + place + 1;
                return Ok(Some((line, true)));
            }
            if self.ended || self.kept.len() - self.at > LINE_MAX {
                let line = self.kept.split_off(self.at);
                self.kept.clear();
                self.at = 0;
                return Ok((!line.is_empty()).then_some((line, false)));
            }
            self.kept.drain(..self.at);
            self.at = 0;
            seen = self.kept.len();
            let mut kept = std::mem::take(&mut self.kept);
            let chunk = self.chunk(proc).await?;
            kept.extend_from_slice(&chunk);
            self.kept = kept;
        }
    }

    /// All there is, as far as it may be kept.
    pub(super) async fn all(&mut self, proc: &mut Proc) -> Outcome<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            let chunk = self.chunk(proc).await?;
            if chunk.is_empty() {
                return Ok(out);
            }
            out.extend_from_slice(&chunk);
            if out.len() > KEPT_MAX {
                return proc.fail(1, "memory exhausted").await;
            }
        }
    }
}

impl Proc {
    /// Opens a file to read it; `-` is standard input.
    pub(super) fn reader(&self, path: &str) -> Result<Lines, Errno> {
        if path == "-" || path == "/dev/stdin" {
            let fd = self.fds.get(&0).cloned().unwrap_or(Fd::Null);
            return Ok(Lines::new(fd));
        }
        let at = self.path(path);
        let machine = &self.machine;
        let stat = machine.fs.stat(&at, true, &machine.who)?;
        if stat.kind == crate::shell::fs::Kind::Directory {
            return Err(Errno::IsDirectory);
        }
        let mode = Mode {
            read: true,
            ..Mode::default()
        };
        let file = machine.fs.open(&at, mode, &machine.who)?;
        Ok(Lines::new(Fd::File(file)))
    }

    /// Opens a file to read it, or says why not.
    pub(super) async fn reader_or_warn(&mut self, path: &str) -> Option<Lines> {
        match self.reader(path) {
            Ok(lines) => Some(lines),
            Err(errno) => {
                self.warn(&format!("{path}: {errno}")).await;
                None
            }
        }
    }

    /// The files to read: those named, or standard input.
    pub(super) fn files_or_stdin(files: &[String]) -> Vec<String> {
        if files.is_empty() {
            vec!["-".to_owned()]
        } else {
            files.to_vec()
        }
    }

    /// The whole text of the files, or of standard input.
    pub(super) async fn gather(&mut self, files: &[String]) -> Outcome<(Vec<u8>, i32)> {
        let mut out = Vec::new();
        let mut status = 0;
        for file in Self::files_or_stdin(files) {
            match self.reader_or_warn(&file).await {
                Some(mut lines) => out.extend(lines.all(self).await?),
                None => status = 1,
            }
        }
        Ok((out, status))
    }
}

/// The lines of a text, without their ends.
pub(super) fn split_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

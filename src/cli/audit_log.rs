//! The file that audit events are kept in: cut off when it is long, and the old ones removed.
//!
//! *Upstream:* `gopkg.in/natefinch/lumberjack.v2`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use super::Fault;
use super::files::append;
use crate::audit::Sink;
use crate::sim::Clock;

/// How files that were cut off are told apart: by when that was; thousandths follow.
const STAMP: &str = "%Y-%m-%dT%H-%M-%S";

/// When to cut off, and what to remove.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long a file gets.
    pub(super) bytes: u64,
    /// How many old ones are kept; 0 for all.
    pub(super) backups: usize,
    /// For how many days; 0 for ever.
    pub(super) days: i64,
}

/// A file of events, a line each.
pub(super) struct Log {
    path: PathBuf,
    limits: Limits,
    open: Mutex<Open>,
}

struct Open {
    file: File,
    length: u64,
}

impl Log {
    /// Adds to a file, or makes it.
    pub(super) fn open(path: &Path, limits: Limits) -> Result<Self, Fault> {
        Ok(Self {
            open: Mutex::new(open(path)?),
            path: path.to_owned(),
            limits,
        })
    }

    fn add(&self, event: &[u8]) -> std::io::Result<()> {
        let mut open = self.open.lock();
        let added = event.len() as u64 + 1;
        if open.length > 0 && open.length + added > self.limits.bytes {
            self.cut_off(&mut open)?;
        }
        let mut line = Vec::with_capacity(event.len() + 1);
        line.extend_from_slice(event);
        line.push(b'\n');
        open.file.write_all(&line)?;
        open.length += added;
        Ok(())
    }

    #[allow(clippy::disallowed_methods, reason = "the command line writes files")]
    fn cut_off(&self, old: &mut Open) -> std::io::Result<()> {
        let now = Clock::wall().now();
        std::fs::rename(&self.path, self.backup(now))?;
        *old = open(&self.path).map_err(|fault| std::io::Error::other(fault.message))?;
        for path in self.surplus(now)? {
            std::fs::remove_file(path)?;
        }
        Ok(())
    }

    /// `NAME-TIME.EXTENSION`.
    fn backup(&self, now: Timestamp) -> PathBuf {
        let stamp = now.to_zoned(TimeZone::UTC).strftime(STAMP);
        let stamp = format!("{stamp}.{:03}", now.subsec_millisecond());
        let (start, end) = self.name();
        self.path.with_file_name(format!("{start}-{stamp}{end}"))
    }

    /// The name before and from its last dot on.
    fn name(&self) -> (String, String) {
        let text = |part: Option<&std::ffi::OsStr>| {
            part.map_or(String::new(), |part| part.to_string_lossy().into_owned())
        };
        let extension = text(self.path.extension());
        let end = if extension.is_empty() {
            extension
        } else {
            format!(".{extension}")
        };
        (text(self.path.file_stem()), end)
    }

    /// The old files that are too many or too old.
    #[allow(clippy::disallowed_methods, reason = "the command line reads folders")]
    fn surplus(&self, now: Timestamp) -> std::io::Result<Vec<PathBuf>> {
        let folder = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        let (start, end) = self.name();
        let mut old: Vec<(Timestamp, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(folder.unwrap_or(Path::new(".")))? {
            let path = entry?.path();
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            let stamp = name.strip_prefix(&format!("{start}-"));
            let stamp = stamp.and_then(|rest| rest.strip_suffix(&end));
            let made = stamp.and_then(|stamp| {
                let (second, thousandths) = stamp.split_once('.')?;
                let time = jiff::civil::DateTime::strptime(STAMP, second).ok()?;
                let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
                let thousandths = SignedDuration::from_millis(thousandths.parse().ok()?);
                time.checked_add(thousandths).ok()
            });
            old.extend(made.map(|made| (made, path)));
        }
        old.sort();
        old.reverse();
        let oldest = match self.limits.days {
            0 => Timestamp::MIN,
            days => now
                .saturating_sub(SignedDuration::from_hours(24 * days))
                .unwrap_or(now),
        };
        let kept = match self.limits.backups {
            0 => usize::MAX,
            count => count,
        };
        let numbered = old.into_iter().enumerate();
        let surplus = numbered.filter(|(index, (made, _))| *index >= kept || *made < oldest);
        Ok(surplus.map(|(_, (_, path))| path).collect())
    }
}

fn open(path: &Path) -> Result<Open, Fault> {
    let file = append("--audit-log-path", path)?;
    let length = file.metadata().map_or(0, |facts| facts.len());
    Ok(Open { file, length })
}

impl Sink for Log {
    fn write<'a>(&'a self, events: &'a [Bytes]) -> BoxFuture<'a, ()> {
        for event in events {
            if let Err(error) = self.add(event) {
                tracing::warn!(%error, "audit events could not be written");
                break;
            }
        }
        ready(()).boxed()
    }
}

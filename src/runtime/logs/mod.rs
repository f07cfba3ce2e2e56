//! What containers have written: the last lines of each, of its present life and the one before.
//!
//! A log is bounded, and all logs together are; the oldest lines go first. Whoever follows one has
//! a [`Cursor`] in it, holds nothing back, and goes on with the oldest line that is left.
//!
//! *Invariant:* knows neither pods nor how logs are asked for; the time is the cluster's.
//! *Upstream:* `pkg/kubelet/kuberuntime/logs`, `pkg/kubelet/logs`.

mod entry;
mod query;
mod tee;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;

use self::entry::Entry;
pub use self::entry::{Cursor, Line};
pub use self::query::{Query, Reading};
pub use self::tee::Tee;
pub use self::writer::Writer;
use crate::sim::Clock;

/// Which of its two streams a container wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One life of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// The pod's uid.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// How often it had been started again.
    pub attempt: u64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Lines of one life of a container.
    pub lines_max: usize,
    /// Bytes of one life of a container.
    pub bytes_max: usize,
    /// Bytes of all logs together.
    pub total_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lines_max: 100_000,
            // What a kubelet keeps in a file before it begins another.
            bytes_max: 10 << 20,
            total_bytes_max: 256 << 20,
        }
    }
}

/// So many pods are known to be gone, the last ones: what belongs to one ends soon after it.
const GONE_MAX: usize = 1024;

/// The logs of a cluster.
#[derive(Debug)]
pub struct Logs {
    clock: Clock,
    limits: Limits,
    kept: Mutex<Kept>,
    has_begun: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: BTreeMap<Instance, Entry>,
    bytes: usize,
    /// The pods that were forgotten last: what still writes for them is not kept.
    gone: VecDeque<String>,
}

impl Logs {
    /// No logs yet.
    pub fn new(clock: Clock, limits: Limits) -> Self {
        Self {
            clock,
            limits,
            kept: Mutex::default(),
            has_begun: watch::Sender::new(false),
        }
    }

    /// Returns once there is or was a log: before that nobody needs to look after any.
    pub async fn begun(&self) {
        let mut begun = self.has_begun.subscribe();
        // It fails where the sender is gone, which is here.
        let _ = begun.wait_for(|has_begun| *has_begun).await;
    }

    /// Begins the log of a life, empty: from now on nobody takes it for one that wrote nothing
    /// because nobody said what it writes. The life before the last is forgotten.
    pub fn begin(&self, of: &Instance) {
        self.change(of, |_, _| ());
    }

    /// Adds what was written. What does not end with a newline waits for the rest of its line.
    pub fn append(&self, of: &Instance, stream: Stream, data: &[u8]) {
        self.append_at(of, stream, data, self.clock.now());
    }

    /// The same as of another time.
    pub fn append_at(&self, of: &Instance, stream: Stream, data: &[u8], time: Timestamp) {
        self.change(of, |entry, limits| entry.append(stream, data, time, limits));
    }

    /// What a life is taken to have written of which nobody has said anything yet.
    pub fn introduce(&self, of: &Instance, data: &[u8], time: Timestamp) {
        if !self.has(of) {
            self.append_at(of, Stream::Stdout, data, time);
        }
    }

    /// A life is over: what waits for the rest of its line is one now, and who follows the log is
    /// told that nothing more will come.
    pub fn end(&self, of: &Instance) {
        let now = self.clock.now();
        self.change(of, |entry, limits| entry.end(now, limits));
    }

    /// Whether somebody said that nothing more will come.
    pub fn has_ended(&self, of: &Instance) -> bool {
        let kept = self.kept.lock();
        kept.entries.get(of).is_some_and(Entry::has_ended)
    }

    /// Whether anybody has said anything of what was written, be it nothing.
    pub fn has(&self, of: &Instance) -> bool {
        let kept = self.kept.lock();
        kept.entries.get(of).is_some_and(Entry::is_begun)
    }

    /// Forgets a pod that is gone for good.
    pub fn forget(&self, pod: &str) {
        let mut kept = self.kept.lock();
        kept.remove_pod(pod);
        if kept.gone.len() == GONE_MAX {
            kept.gone.pop_front();
        }
        kept.gone.push_back(pod.to_owned());
    }

    /// Forgets all pods but those of which this holds.
    pub fn keep(&self, is_kept: impl Fn(&str) -> bool) {
        let mut kept = self.kept.lock();
        let pods = kept.entries.keys().map(|instance| instance.pod.clone());
        let gone: Vec<String> = pods.filter(|pod| !is_kept(pod)).collect();
        for pod in gone {
            kept.remove_pod(&pod);
        }
    }

    /// The lines from a place on, at most so many bytes (but one line at least), and the place
    /// behind them.
    pub fn lines(&self, of: &Instance, from: Cursor, bytes_max: usize) -> (Vec<Line>, Cursor) {
        let kept = self.kept.lock();
        let entry = kept.entries.get(of);
        entry.map_or_else(|| (Vec::new(), from), |entry| entry.lines(from, bytes_max))
    }

    /// The place before the last so many lines.
    pub fn tail_of(&self, of: &Instance, lines: u64) -> Cursor {
        let kept = self.kept.lock();
        let entry = kept.entries.get(of);
        entry.map_or_else(Cursor::default, |entry| entry.tail(lines))
    }

    /// The place behind the last line.
    pub fn end_of(&self, of: &Instance) -> Cursor {
        self.tail_of(of, 0)
    }

    /// Tells of changes of a log, which is begun where there is none; of a pod that is gone, that
    /// there will be none.
    pub fn changed(&self, of: &Instance) -> watch::Receiver<u64> {
        self.tell_begun();
        let mut kept = self.kept.lock();
        let entry = kept.entry(of);
        entry.map_or_else(|| watch::channel(0).1, |entry| entry.subscribe())
    }

    /// A writing end of a log, for whoever writes as to a file.
    pub fn writer(self: &Arc<Self>, of: Instance, stream: Stream) -> Writer {
        Writer::new(Arc::clone(self), of, stream)
    }

    fn tell_begun(&self) {
        let begin = |has_begun: &mut bool| !std::mem::replace(has_begun, true);
        self.has_begun.send_if_modified(begin);
    }

    fn change(&self, of: &Instance, how: impl FnOnce(&mut Entry, &Limits)) {
        self.tell_begun();
        let mut kept = self.kept.lock();
        let Some(entry) = kept.entry(of) else {
            return;
        };
        let before = entry.bytes();
        how(entry, &self.limits);
        let after = entry.bytes();
        entry.tell();
        kept.bytes = kept.bytes - before + after;
        kept.shrink(self.limits.total_bytes_max);
    }
}

impl Kept {
    fn of_pod(&self, pod: &str) -> impl Iterator<Item = &Instance> {
        let first = Instance {
            pod: pod.to_owned(),
            container: String::new(),
            attempt: 0,
        };
        let all = self.entries.range(first..).map(|(instance, _)| instance);
        all.take_while(move |instance| instance.pod == pod)
    }

    fn remove(&mut self, of: &Instance) {
        if let Some(entry) = self.entries.remove(of) {
            self.bytes -= entry.bytes();
        }
    }

    fn remove_pod(&mut self, pod: &str) {
        let all: Vec<Instance> = self.of_pod(pod).cloned().collect();
        for one in all {
            self.remove(&one);
        }
    }

    /// A log, begun where there is none, unless its pod is gone; of other lives only the one
    /// before is kept.
    fn entry(&mut self, of: &Instance) -> Option<&mut Entry> {
        if !self.entries.contains_key(of) {
            if self.gone.contains(&of.pod) {
                return None;
            }
            let is_past = |one: &&Instance| {
                one.container == of.container && one.attempt.saturating_add(1) < of.attempt
            };
            let past: Vec<Instance> = self.of_pod(&of.pod).filter(is_past).cloned().collect();
            for one in past {
                self.remove(&one);
            }
        }
        Some(self.entries.entry(of.clone()).or_default())
    }

    /// Has the largest log give up an eighth of what it has, until all have their place.
    fn shrink(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let largest = self.entries.values_mut().max_by_key(|entry| entry.bytes());
            let Some(largest) = largest.filter(|entry| entry.bytes() > 0) else {
                return;
            };
            let before = largest.bytes();
            largest.shrink_to(before - before / 8 - 1);
            self.bytes = self.bytes - before + largest.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(limits: Limits) -> Logs {
        Logs::new(Clock::virtual_at(Timestamp::UNIX_EPOCH), limits)
    }

    fn instance(attempt: u64) -> Instance {
        Instance {
            pod: "uid".to_owned(),
            container: "web".to_owned(),
            attempt,
        }
    }

    fn texts(logs: &Logs, of: &Instance) -> Vec<String> {
        let (lines, _) = logs.lines(of, Cursor::default(), usize::MAX);
        let texts = lines.iter().map(|line| String::from_utf8_lossy(&line.text));
        texts.map(std::borrow::Cow::into_owned).collect()
    }

    #[test]
    fn all_logs_together_stay_within_their_limit() {
        let logs = logs(Limits {
            total_bytes_max: 64 << 10,
            ..Limits::default()
        });
        for pod in 0..64 {
            let of = Instance {
                pod: pod.to_string(),
                ..instance(0)
            };
            for _ in 0..64 {
                logs.append(&of, Stream::Stdout, &[b'a'; 128]);
                logs.append(&of, Stream::Stdout, b"\n");
            }
        }
        assert!(logs.kept.lock().bytes <= 64 << 10);
        for pod in 0..64 {
            logs.forget(&pod.to_string());
        }
        assert_eq!(logs.kept.lock().bytes, 0);
    }

    #[test]
    fn a_log_keeps_its_newest_lines() {
        let logs = logs(Limits {
            lines_max: 3,
            ..Limits::default()
        });
        let of = instance(0);
        logs.append(&of, Stream::Stdout, b"a\nb\nc\nd\ne");
        assert_eq!(texts(&logs, &of), ["b", "c", "d"]);
        logs.end(&of);
        assert_eq!(texts(&logs, &of), ["c", "d", "e"]);
        assert!(logs.has_ended(&of));
    }

    #[test]
    fn a_pod_that_is_gone_has_no_log_again() {
        let logs = logs(Limits::default());
        let of = instance(0);
        logs.append(&of, Stream::Stdout, b"x\n");
        logs.forget(&of.pod);
        logs.append(&of, Stream::Stdout, b"y\n");
        assert!(logs.changed(&of).has_changed().is_err());
        assert!(logs.kept.lock().entries.is_empty());
    }

    #[test]
    fn the_parts_of_a_long_line_are_kept_as_long_as_they_are_counted() {
        let logs = logs(Limits {
            lines_max: 2,
            ..Limits::default()
        });
        let of = instance(0);
        logs.append(&of, Stream::Stdout, &b"a".repeat(50_000));
        logs.append(&of, Stream::Stdout, b"b\n");
        let lengths: Vec<usize> = texts(&logs, &of).iter().map(String::len).collect();
        assert_eq!(lengths, [16_384, 849]);
        assert_eq!(logs.kept.lock().bytes, 16_384 + 849 + 2 * 64);
    }

    #[test]
    fn the_life_before_the_last_is_forgotten() {
        let logs = logs(Limits::default());
        for attempt in 0..3 {
            logs.append(&instance(attempt), Stream::Stdout, b"x\n");
        }
        assert!(!logs.has(&instance(0)));
        assert!(logs.has(&instance(1)) && logs.has(&instance(2)));
    }
}

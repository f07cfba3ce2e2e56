//! A container's inside: files in memory, a POSIX-like shell and the usual tools.
//!
//! Nothing here touches the host: programs are functions, files are bytes in memory, time is the
//! cluster's clock. A run is one future; whoever drops it ends all that it started.
//!
//! *Invariant:* knows nothing of pods, of the API or of the wire.

#[allow(
    clippy::format_push_string,
    clippy::format_collect,
    clippy::single_match_else,
    clippy::assigning_clones,
    reason = "texts are short here, and words of a language are matched by what they are"
)]
mod eval;
mod exec;
pub mod fs;
mod io;
mod process;
mod syntax;
mod terminal;
#[allow(
    clippy::too_many_lines,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::single_match_else,
    clippy::unnecessary_to_owned,
    clippy::naive_bytecount,
    clippy::assigning_clones,
    reason = "each tool is a table of options and what they do, read from top to bottom"
)]
mod tools;

pub use exec::Unstartable;
pub use io::{Input, Output};
pub use process::Processes;
pub use terminal::Size;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::sim::Clock;
use exec::Proc;
use fs::{Errno, FileSystem, Limits, Who};
use io::Fd;
use process::Pool;
use terminal::{Keyboard, Terminal};

/// What somebody chose that a command answers.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// What it writes.
    pub stdout: Vec<u8>,
    /// What it complains of.
    pub stderr: Vec<u8>,
    /// How it ends.
    pub exit_code: i32,
    /// How long it takes.
    pub delay: Duration,
}

/// Answers commands instead of running them, wherever they are started in a container.
pub trait Answers: Send + Sync {
    /// The answer of a command, if it has one.
    fn answer(&self, argv: &[String]) -> Option<Answer>;
}

/// What a program is connected to.
pub struct Streams {
    /// What it reads; nothing where there is none.
    pub stdin: Option<Input>,
    /// What it writes to.
    pub stdout: Output,
    /// What it complains to; not used where there is a terminal.
    pub stderr: Output,
    /// The terminal's size, where the streams are a terminal's.
    pub terminal: Option<watch::Receiver<Size>>,
}

/// A user of a container.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) home: String,
}

/// A container: its files, and what its processes start with. Clones share files and processes.
#[derive(Clone)]
pub struct Machine {
    /// Its files.
    pub fs: FileSystem,
    /// The environment of its processes.
    pub env: BTreeMap<String, String>,
    /// Who its processes are.
    pub who: Who,
    /// Where they start.
    pub cwd: String,
    /// What it is called.
    pub hostname: String,
    /// Whose time it is.
    pub clock: Clock,
    /// What runs.
    pub processes: Processes,
    /// Commands that are answered instead of run.
    pub answers: Option<Arc<dyn Answers>>,
}

/// The programs that every container has.
pub fn programs() -> Vec<&'static str> {
    tools::TABLE.iter().map(|(name, _)| *name).collect()
}

/// Whether a text matches a whole pattern of `*`, `?` and `[…]`.
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    eval::pattern::matches(pattern, text)
}

impl Machine {
    /// A container with the usual files and programs.
    pub fn new(clock: Clock, limits: Limits) -> Result<Self, Errno> {
        let fs = FileSystem::image(clock.clone(), limits, &programs())?;
        Ok(Self::with_files(fs, clock))
    }

    /// A container with these files.
    pub fn with_files(fs: FileSystem, clock: Clock) -> Self {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let env = [("PATH", path), ("HOME", "/root")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            fs,
            env: env.into(),
            who: Who::default(),
            cwd: "/".to_owned(),
            hostname: "localhost".to_owned(),
            clock,
            processes: Processes::default(),
            answers: None,
        }
    }

    /// Whether a command can be started at all.
    pub fn startable(&self, argv: &[String]) -> Result<(), Unstartable> {
        let name = argv.first().map_or("", String::as_str);
        if self
            .answers
            .as_ref()
            .is_some_and(|answers| answers.answer(argv).is_some())
        {
            return Ok(());
        }
        let path = self.env.get("PATH").map_or("", String::as_str);
        exec::find(self, name, &self.cwd, path).map(|_| ())
    }

    /// Runs a command to its end and says its exit code.
    pub async fn run(&self, argv: &[String], streams: Streams) -> Result<i32, Unstartable> {
        let mut proc = Proc::first(Arc::new(self.clone()), argv.to_vec());
        let pool = Pool::default();
        proc.pool = pool.clone();
        let Some(size) = streams.terminal else {
            let stdin = match streams.stdin {
                Some(stdin) => Fd::source(stdin, None),
                None => Fd::Null,
            };
            let (stdout, stderr) = (Fd::sink(streams.stdout), Fd::sink(streams.stderr));
            proc.fds = BTreeMap::from([(0, stdin), (1, stdout), (2, stderr)]);
            return pool.drive(exec::execute(proc)).await;
        };
        let terminal = Arc::new(Terminal::new(Fd::sink(streams.stdout), size));
        let keyboard = Box::new(Keyboard(terminal.clone()));
        let fd = Fd::source(keyboard, Some(terminal.clone()));
        proc.fds = (0..3).map(|number| (number, fd.clone())).collect();
        proc.env
            .entry("TERM".to_owned())
            .or_insert("xterm".to_owned());
        let stdin = streams.stdin.unwrap_or(Box::new(tokio::io::empty()));
        let mut interrupts = terminal.interrupts();
        let shell = exec::is_shell(&proc);
        let interrupted = async move {
            // A shell on a terminal minds its own interrupts.
            if shell || interrupts.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let listen = async move {
            terminal.listen(stdin).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            code = pool.drive(exec::execute(proc)) => code,
            () = interrupted => Ok(130),
            () = listen => Ok(0),
        }
    }

    fn users(&self) -> Vec<User> {
        let text = self
            .fs
            .read("/etc/passwd", &Who::default())
            .unwrap_or_default();
        String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(':');
                Some(User {
                    name: fields.next()?.to_owned(),
                    uid: fields.nth(1)?.parse().ok()?,
                    home: fields.nth(2)?.to_owned(),
                })
            })
            .collect()
    }

    pub(crate) fn user_named(&self, name: &str) -> Option<User> {
        self.users().into_iter().find(|user| user.name == name)
    }

    pub(crate) fn user(&self, uid: u32) -> Option<User> {
        self.users().into_iter().find(|user| user.uid == uid)
    }

    /// The groups there are: names and numbers.
    pub(crate) fn groups(&self) -> Vec<(String, u32)> {
        let text = self
            .fs
            .read("/etc/group", &Who::default())
            .unwrap_or_default();
        String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(':');
                Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
            })
            .collect()
    }
}

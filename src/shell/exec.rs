//! Starting programs: from a name to what runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::fs::resolve::absolute;
use super::fs::{Errno, Kind, TOOL_MAGIC};
use super::io::{Fds, is_closed};
use super::process::{Pool, Running};
use super::tools::{self, Tool};
use super::{Answer, Machine};

/// How many programs may start each other.
const DEPTH_MAX: usize = 40;

/// Why a command cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unstartable {
    /// No folder of `PATH` has it.
    #[error("executable file not found in $PATH")]
    NotFound,
    /// There is no such file.
    #[error("no such file or directory")]
    NoFile,
    /// It may not be run.
    #[error("permission denied")]
    Access,
    /// It is a folder.
    #[error("is a directory")]
    Directory,
    /// It is no program.
    #[error("exec format error")]
    Format,
    /// There are too many already.
    #[error("resource temporarily unavailable")]
    TooMany,
}

impl Unstartable {
    /// What a shell says.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::NotFound | Self::NoFile => "not found",
            Self::Access | Self::Directory => "Permission denied",
            Self::Format => "Exec format error",
            Self::TooMany => "Cannot fork",
        }
    }

    /// What a shell's status is then.
    pub fn status(self) -> i32 {
        match self {
            Self::NotFound | Self::NoFile => 127,
            Self::Access | Self::Directory | Self::Format => 126,
            Self::TooMany => 2,
        }
    }
}

/// What ends a tool early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nobody reads its output any more.
    Closed,
    /// It said what is wrong.
    Failed(i32),
}

pub(crate) type Outcome<T = i32> = Result<T, Stop>;

/// A process: what a program has when it starts.
#[derive(Clone)]
pub(crate) struct Proc {
    pub(crate) machine: Arc<Machine>,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) cwd: String,
    pub(crate) fds: Fds,
    pub(crate) umask: u32,
    pub(crate) depth: usize,
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) started: Timestamp,
    pub(crate) pool: Pool,
    pub(crate) out: Vec<u8>,
    /// What stands before its name in what it complains of: the shell it is a builtin of.
    pub(crate) within: String,
}

pub(crate) enum Program {
    Tool(Tool),
    Text(String, Vec<u8>),
}

impl Proc {
    pub(crate) fn first(machine: Arc<Machine>, args: Vec<String>) -> Self {
        Self {
            args,
            env: machine.env.clone(),
            cwd: machine.cwd.clone(),
            fds: Fds::new(),
            umask: 0o022,
            depth: 0,
            pid: 0,
            parent: 0,
            started: machine.clock.now(),
            pool: Pool::default(),
            out: Vec::new(),
            within: String::new(),
            machine,
        }
    }

    /// A process that this one starts.
    pub(crate) fn child(&self, args: Vec<String>) -> Self {
        Self {
            args,
            out: Vec::new(),
            within: String::new(),
            parent: self.pid,
            depth: self.depth + 3,
            ..self.clone()
        }
    }

    pub(crate) fn enter(&self, command: &str) -> Option<Running> {
        let machine = &self.machine;
        machine.processes.enter(
            command.trim().to_owned(),
            self.pid,
            machine.who.uid,
            machine.clock.now(),
        )
    }

    pub(crate) fn path(&self, path: &str) -> String {
        absolute(&self.cwd, path)
    }

    /// Writes, in large pieces.
    pub(crate) async fn print(&mut self, bytes: impl AsRef<[u8]>) -> Outcome<()> {
        self.out.extend_from_slice(bytes.as_ref());
        if self.out.len() >= super::io::CHUNK {
            self.flush().await?;
        }
        Ok(())
    }

    pub(crate) async fn flush(&mut self) -> Outcome<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.out);
        let Some(fd) = self.fds.get(&1) else {
            return Err(Stop::Failed(1));
        };
        match fd.write(&bytes).await {
            Ok(()) => Ok(()),
            Err(error) if is_closed(&error) => Err(Stop::Closed),
            Err(error) => {
                self.warn(&format!("write error: {error}")).await;
                Err(Stop::Failed(1))
            }
        }
    }

    /// Says what is wrong, after what was written before.
    pub(crate) async fn warn(&mut self, words: &str) {
        let bytes = std::mem::take(&mut self.out);
        if let Some(fd) = self.fds.get(&1) {
            let _ = fd.write(&bytes).await;
        }
        let name = self.args.first().map_or("sh", String::as_str);
        let name = name.rsplit('/').next().unwrap_or(name);
        let text = format!("{}{name}: {words}\n", self.within);
        if let Some(fd) = self.fds.get(&2) {
            let _ = fd.write(text.as_bytes()).await;
        }
    }

    /// Says what is wrong and ends.
    pub(crate) async fn fail<T>(&mut self, status: i32, words: &str) -> Outcome<T> {
        self.warn(words).await;
        Err(Stop::Failed(status))
    }
}

/// The path of a program.
pub(crate) fn locate(
    machine: &Machine,
    name: &str,
    cwd: &str,
    path: &str,
) -> Result<String, Unstartable> {
    if name.contains('/') {
        let at = absolute(cwd, name);
        return match machine.fs.stat(&at, true, &machine.who) {
            Err(Errno::Access) => Err(Unstartable::Access),
            Err(_) => Err(Unstartable::NoFile),
            Ok(stat) if stat.kind == Kind::Directory => Err(Unstartable::Directory),
            Ok(_) if machine.fs.allows(&at, 1, &machine.who) => Ok(at),
            Ok(_) => Err(Unstartable::Access),
        };
    }
    let mut seen = Unstartable::NotFound;
    for folder in path.split(':').filter(|_| !name.is_empty()) {
        let folder = if folder.is_empty() { cwd } else { folder };
        let at = absolute(cwd, &format!("{folder}/{name}"));
        match machine.fs.stat(&at, true, &machine.who) {
            Ok(stat) if stat.kind == Kind::Directory => {}
            Ok(_) if machine.fs.allows(&at, 1, &machine.who) => return Ok(at),
            Ok(_) => seen = Unstartable::Access,
            Err(_) => {}
        }
    }
    Err(seen)
}

pub(crate) fn find(
    machine: &Machine,
    name: &str,
    cwd: &str,
    path: &str,
) -> Result<Program, Unstartable> {
    let at = locate(machine, name, cwd, path)?;
    let content = machine
        .fs
        .read(&at, &super::fs::Who::default())
        .map_err(|_| Unstartable::Format)?;
    if let Some(tool) = content.strip_prefix(TOOL_MAGIC) {
        let tool = String::from_utf8_lossy(tool);
        return tools::find(tool.trim_end())
            .map(Program::Tool)
            .ok_or(Unstartable::Format);
    }
    if content.iter().take(512).any(|byte| *byte == 0) {
        return Err(Unstartable::Format);
    }
    Ok(Program::Text(at, content))
}

/// Whether a process is a shell that minds a terminal itself.
pub(crate) fn is_shell(proc: &Proc) -> bool {
    let name = proc.args.first().map_or("", String::as_str);
    matches!(
        name.rsplit('/').next(),
        Some("sh" | "bash" | "ash" | "dash")
    ) && proc.args[1..]
        .iter()
        .all(|arg| arg.starts_with('-') && !arg.contains('c'))
}

/// Runs a program to its end.
pub(crate) fn execute(proc: Proc) -> BoxFuture<'static, Result<i32, Unstartable>> {
    async move {
        let answers = proc.machine.answers.clone();
        if let Some(answer) = answers.and_then(|answers| answers.answer(&proc.args)) {
            return started(proc, Start::Answer(answer)).await;
        }
        let path = proc.env.get("PATH").map_or("", String::as_str);
        let name = proc.args.first().map_or("", String::as_str);
        let program = find(&proc.machine, name, &proc.cwd, path)?;
        started(proc, Start::Program(program)).await
    }
    .boxed()
}

enum Start {
    Answer(Answer),
    Program(Program),
    Tool(Tool),
}

/// Runs one of the tools, wherever its file is.
pub(crate) async fn run_tool(proc: Proc, tool: Tool) -> i32 {
    started(proc, Start::Tool(tool)).await.unwrap_or(126)
}

async fn started(mut proc: Proc, start: Start) -> Result<i32, Unstartable> {
    if proc.depth > DEPTH_MAX {
        return Err(Unstartable::TooMany);
    }
    let command = proc.args.join(" ");
    let Some(running) = proc.enter(&command) else {
        return Err(Unstartable::TooMany);
    };
    proc.pid = running.pid;
    proc.started = proc.machine.clock.now();
    match start {
        Start::Answer(answer) => Ok(running.until_killed(give(proc, answer)).await),
        Start::Tool(tool) | Start::Program(Program::Tool(tool)) => {
            Ok(running.until_killed(complete(proc, tool)).await)
        }
        Start::Program(Program::Text(path, content)) => {
            let Some(interpreter) = interpreter(&content) else {
                proc.args.splice(0..1, ["sh".to_owned(), path]);
                let Some(tool) = tools::find("sh") else {
                    return Err(Unstartable::Format);
                };
                return Ok(running.until_killed(complete(proc, tool)).await);
            };
            proc.args
                .splice(0..1, interpreter.into_iter().chain([path]));
            drop(running);
            let mut next = proc.clone();
            next.depth += 1;
            execute(next).await
        }
    }
}

fn interpreter(content: &[u8]) -> Option<Vec<String>> {
    let line = content
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let line = String::from_utf8_lossy(line);
    let (program, argument) = match line.trim().split_once(char::is_whitespace) {
        Some((program, argument)) => (program, Some(argument.trim())),
        None => (line.trim(), None),
    };
    let mut words = vec![program.to_owned()];
    words.extend(argument.map(str::to_owned));
    Some(words)
}

async fn complete(mut proc: Proc, tool: Tool) -> i32 {
    let result = tool(&mut proc).await;
    let flushed = proc.flush().await;
    match (result, flushed) {
        (Err(Stop::Closed), _) | (Ok(_), Err(Stop::Closed)) => 141,
        (Err(Stop::Failed(status)), _) | (Ok(0), Err(Stop::Failed(status))) => status,
        (Ok(status), _) => status,
    }
}

async fn give(mut proc: Proc, answer: Answer) -> i32 {
    if !answer.delay.is_zero() {
        let clock = proc.machine.clock.clone();
        let end = clock.now() + answer.delay;
        clock.until(end).await;
    }
    if proc.print(&answer.stdout).await.is_err() || proc.flush().await.is_err() {
        return 141;
    }
    if let Some(fd) = proc.fds.get(&2) {
        let _ = fd.write(&answer.stderr).await;
    }
    answer.exit_code
}

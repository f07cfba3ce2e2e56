//! A shell that runs scripts.

mod arithmetic;
mod braces;
pub(crate) mod builtins;
mod commands;
mod editor;
mod expand;
mod glob;
mod parameters;
pub(crate) mod pattern;
mod redirects;
mod session;
mod simple;

pub(crate) use session::run;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::exec::Proc;
use super::syntax::Command;

/// How deep functions, subshells and substitutions may call each other.
const DEPTH_MAX: usize = 40;

/// Longest value of a variable and longest output of a substitution.
const VALUE_MAX: usize = 64 << 20;

/// What ends a list before its end.
#[derive(Debug)]
pub(crate) enum Flow {
    Break(usize),
    Continue(usize),
    Return(i32),
    Exit(i32),
    /// An error that ends a script, but not somebody's session.
    Fail(i32),
}

pub(crate) type Step<T = i32> = Result<T, Flow>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Variable {
    pub(crate) value: Option<String>,
    pub(crate) exported: bool,
    pub(crate) read_only: bool,
}

#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "what `set` switches")]
pub(crate) struct Options {
    pub(crate) errexit: bool,
    pub(crate) nounset: bool,
    pub(crate) xtrace: bool,
    pub(crate) noglob: bool,
    pub(crate) noexec: bool,
    pub(crate) noclobber: bool,
    pub(crate) verbose: bool,
    pub(crate) allexport: bool,
    pub(crate) pipefail: bool,
    pub(crate) interactive: bool,
}

/// Something that runs in the background.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) pid: u32,
    pub(crate) text: String,
    pub(crate) status: watch::Receiver<Option<i32>>,
}

/// The state of a shell; a clone is a subshell.
#[derive(Clone)]
pub(crate) struct Shell {
    pub(crate) proc: Proc,
    pub(crate) name: String,
    pub(crate) positional: Vec<String>,
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) functions: BTreeMap<String, Arc<Command>>,
    pub(crate) aliases: BTreeMap<String, String>,
    pub(crate) options: Options,
    pub(crate) bash: bool,
    pub(crate) status: i32,
    pub(crate) line: usize,
    pub(crate) last_job: Option<u32>,
    pub(crate) jobs: Arc<Mutex<Vec<Job>>>,
    pub(crate) traps: BTreeMap<String, String>,
    /// Values that locals stand for, one list for each function that runs.
    pub(crate) locals: Vec<Vec<(String, Option<Variable>)>>,
    /// How many conditions one stands in, where a failure is an answer.
    pub(crate) asking: usize,
    pub(crate) loops: usize,
    pub(crate) depth: usize,
    pub(crate) substituted: Option<i32>,
    pub(crate) ticks: u32,
    /// Where `getopts` is within a word.
    pub(crate) option_place: usize,
}

impl Shell {
    pub(crate) fn new(proc: Proc, bash: bool) -> Self {
        let variables = proc
            .env
            .iter()
            .map(|(name, value)| {
                let variable = Variable {
                    value: Some(value.clone()),
                    exported: true,
                    read_only: false,
                };
                (name.clone(), variable)
            })
            .collect();
        let mut shell = Self {
            name: proc.args.first().cloned().unwrap_or_default(),
            positional: Vec::new(),
            variables,
            functions: BTreeMap::new(),
            aliases: BTreeMap::new(),
            options: Options::default(),
            bash,
            status: 0,
            line: 1,
            last_job: None,
            jobs: Arc::default(),
            traps: BTreeMap::new(),
            locals: Vec::new(),
            asking: 0,
            loops: 0,
            depth: proc.depth,
            substituted: None,
            ticks: 0,
            option_place: 0,
            proc,
        };
        let cwd = shell.proc.cwd.clone();
        shell.assign("PWD", cwd);
        shell.assign("IFS", " \t\n".to_owned());
        shell.assign("OPTIND", "1".to_owned());
        if let Some(pwd) = shell.variables.get_mut("PWD") {
            pwd.exported = true;
        }
        shell
    }

    /// A shell of its own for `( … )`, a pipeline's part, a substitution or a job.
    pub(crate) fn subshell(&self) -> Self {
        let mut sub = self.clone();
        sub.depth += 1;
        sub.traps.clear();
        sub.jobs = Arc::default();
        sub.options.interactive = false;
        sub.loops = 0;
        sub
    }

    /// Sets a variable that may be set.
    pub(crate) fn assign(&mut self, name: &str, value: String) -> bool {
        let exported = self.options.allexport;
        let variable = self.variables.entry(name.to_owned()).or_default();
        if variable.read_only {
            return false;
        }
        variable.value = Some(value);
        variable.exported |= exported;
        true
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.value.as_deref()
    }

    /// The environment of a program that is started here.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        self.variables
            .iter()
            .filter(|(_, variable)| variable.exported)
            .filter_map(|(name, variable)| Some((name.clone(), variable.value.clone()?)))
            .collect()
    }

    /// Says what went wrong, in the form that all errors of the shell have.
    pub(crate) async fn complain(&self, words: &str) {
        let text = format!("{}: {}: {words}\n", self.name, self.line);
        self.error(text.as_bytes()).await;
    }

    pub(crate) async fn error(&self, bytes: &[u8]) {
        if let Some(fd) = self.proc.fds.get(&2) {
            let _ = fd.write(bytes).await;
        }
    }

    /// Says what went wrong and ends the script.
    pub(crate) async fn fail<T>(&self, words: &str) -> Step<T> {
        self.complain(words).await;
        Err(Flow::Fail(2))
    }

    /// Lets others run now and then.
    pub(crate) async fn tick(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(64) {
            tokio::task::yield_now().await;
        }
    }
}

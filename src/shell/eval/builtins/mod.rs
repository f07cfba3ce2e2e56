//! Commands of the shell itself.

mod control;
mod jobs;
mod options;
mod read;
mod variables;

use super::{Shell, Step};
use crate::shell::{exec, tools};

/// Whose errors end a script, and whose assignments stay.
const SPECIAL: &[&str] = &[
    ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set",
    "shift", "times", "trap", "unset",
];

const OTHER: &[&str] = &[
    "alias", "bg", "builtin", "cd", "command", "declare", "disown", "fg", "getopts", "hash",
    "history", "jobs", "let", "local", "logout", "pwd", "read", "shopt", "source", "type",
    "typeset", "ulimit", "umask", "unalias", "wait",
];

/// Tools that are in the shell too, so that they work wherever PATH leads.
const TOOLS: &[&str] = &["[", "echo", "false", "kill", "printf", "test", "true"];

pub(crate) fn is_special(name: &str) -> bool {
    SPECIAL.contains(&name)
}

pub(crate) fn is_builtin(name: &str) -> bool {
    is_special(name) || OTHER.contains(&name) || TOOLS.contains(&name)
}

impl Shell {
    pub(super) async fn builtin(&mut self, args: &[String]) -> Step {
        let name = args[0].as_str();
        if let Some(tool) = TOOLS.contains(&name).then(|| tools::find(name)).flatten() {
            let mut proc = self.proc.child(args.to_vec());
            proc.env = self.environment();
            proc.within = format!("{}: {}: ", self.name, self.line);
            let code = exec::run_tool(proc, tool).await;
            if code == 141 && name != "kill" {
                return Err(super::Flow::Exit(code));
            }
            return Ok(code);
        }
        match name {
            ":" | "times" | "hash" | "ulimit" | "shopt" | "bg" | "disown" | "history" => Ok(0),
            "break" | "continue" => self.leave_loop(args).await,
            "return" | "exit" | "logout" => self.leave(args).await,
            "eval" => {
                let text = args[1..].join(" ");
                let line = self.line;
                self.text(&text, line).await
            }
            "." | "source" => self.source(args).await,
            "shift" => self.shift(args).await,
            "command" | "builtin" => self.command_builtin(args).await,
            "type" => self.type_builtin(&args[1..]).await,
            "trap" => self.trap(&args[1..]).await,
            "let" => self.let_builtin(&args[1..]).await,
            "cd" => self.cd(args).await,
            "pwd" => {
                let text = format!("{}\n", self.proc.cwd);
                self.say(&text).await
            }
            "umask" => self.umask(args).await,
            "set" => self.set(args).await,
            "getopts" => self.getopts(args).await,
            "export" | "readonly" | "local" | "declare" | "typeset" => self.declare(args).await,
            "unset" => self.unset(&args[1..]).await,
            "alias" | "unalias" => self.alias(args).await,
            "read" => self.read(args).await,
            "jobs" => self.list_jobs().await,
            "wait" | "fg" => self.wait(&args[1..]).await,
            _ => Ok(0),
        }
    }

    /// Writes to standard output.
    pub(super) async fn say(&mut self, text: &str) -> Step {
        let Some(fd) = self.proc.fds.get(&1) else {
            return Ok(1);
        };
        match fd.write(text.as_bytes()).await {
            Ok(()) => Ok(0),
            Err(error) if crate::shell::io::is_closed(&error) => Err(super::Flow::Exit(141)),
            Err(error) => {
                self.complain(&format!("write error: {error}")).await;
                Ok(1)
            }
        }
    }
}

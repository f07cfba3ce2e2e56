//! `sh` as a program: a command, a script, standard input, or somebody at a terminal.

use super::editor::Editor;
use super::{Flow, Shell, Step};
use crate::shell::exec::{Outcome, Proc};
use crate::shell::io::{Fd, LINE_MAX};
use crate::shell::syntax::{Reader, Trouble};

struct Asked {
    command: Option<String>,
    stdin: bool,
    rest: Vec<String>,
}

pub(crate) async fn run(proc: &mut Proc) -> Outcome {
    let arg0 = proc.args.first().cloned().unwrap_or_default();
    let bash = arg0.rsplit('/').next().is_some_and(|name| name == "bash");
    let mut shell = Shell::new(proc.clone(), bash);
    shell.name = arg0.trim_start_matches('-').to_owned();
    let args = proc.args[1..].to_vec();
    let asked = match read_options(&mut shell, &args) {
        Ok(asked) => asked,
        Err(words) => {
            let text = format!("{}: 0: {words}\n", shell.name);
            shell.error(text.as_bytes()).await;
            return Ok(2);
        }
    };
    let terminal = proc.fds.get(&0).is_some_and(|fd| fd.terminal().is_some());
    let mut rest = asked.rest.into_iter();
    let result = if let Some(command) = asked.command {
        if let Some(name) = rest.next() {
            shell.name = name;
        }
        shell.positional = rest.collect();
        shell.text(&command, 1).await
    } else if let Some(script) = (!asked.stdin).then(|| rest.next()).flatten() {
        shell.positional = rest.collect();
        shell.file(&script).await
    } else {
        shell.positional = rest.collect();
        shell.options.interactive |= terminal;
        if shell.options.interactive {
            shell.converse().await
        } else {
            shell.stream().await
        }
    };
    Ok(shell.finish(result).await)
}

fn read_options(shell: &mut Shell, args: &[String]) -> Result<Asked, String> {
    let mut asked = Asked {
        command: None,
        stdin: false,
        rest: Vec::new(),
    };
    let mut wants_command = false;
    let mut place = 0;
    while let Some(arg) = args.get(place) {
        let on = arg.starts_with('-');
        if !(on || arg.starts_with('+')) || arg.len() < 2 {
            break;
        }
        place += 1;
        if arg == "--" {
            break;
        }
        if arg.starts_with("--") {
            if arg == "--posix" || arg == "--login" || arg.starts_with("--no") {
                continue;
            }
            return Err(format!("Illegal option {arg}"));
        }
        for letter in arg.chars().skip(1) {
            match letter {
                'c' => wants_command = true,
                's' => asked.stdin = true,
                'l' => {}
                'o' => {
                    let name = args.get(place).cloned().unwrap_or_default();
                    place += 1;
                    if !shell.switch_named(&name, on) {
                        return Err(format!("Illegal option -o {name}"));
                    }
                }
                letter if shell.switch(letter, on) => {}
                letter => return Err(format!("Illegal option -{letter}")),
            }
        }
    }
    if wants_command {
        let Some(command) = args.get(place) else {
            return Err("-c requires an argument".to_owned());
        };
        asked.command = Some(command.clone());
        place += 1;
    }
    asked.rest = args.get(place..).unwrap_or_default().to_vec();
    Ok(asked)
}

impl Shell {
    async fn file(&mut self, script: &str) -> Step {
        let machine = self.proc.machine.clone();
        let at = self.proc.path(script);
        let text = match machine.fs.read(&at, &machine.who) {
            Ok(text) => text,
            Err(errno) => {
                let words = match errno {
                    crate::shell::fs::Errno::NoEntry => "No such file".to_owned(),
                    errno => errno.to_string(),
                };
                let text = format!("{}: 0: cannot open {script}: {words}\n", self.name);
                self.error(text.as_bytes()).await;
                return Err(Flow::Exit(if words == "No such file" { 127 } else { 126 }));
            }
        };
        script.clone_into(&mut self.name);
        let text = String::from_utf8_lossy(&text).into_owned();
        self.text(&text, 1).await
    }

    /// Runs what comes by standard input, line by line, so that commands may read from it too.
    async fn stream(&mut self) -> Step {
        let fd = self.proc.fds.get(&0).cloned().unwrap_or(Fd::Null);
        let mut text = String::new();
        let mut first = 1;
        let mut seen = 1;
        let mut status = 0;
        loop {
            let line = fd.read_until(b'\n').await.unwrap_or_default();
            if line.is_empty() {
                if text.trim().is_empty() {
                    return Ok(status);
                }
                return self.text(&text, first).await;
            }
            seen += 1;
            text.push_str(&String::from_utf8_lossy(&line));
            if text.len() > LINE_MAX {
                return self.fail("line too long").await;
            }
            match read(&text, first) {
                Err(Trouble::Incomplete(_)) => continue,
                _ => status = self.text(&text, first).await?,
            }
            text.clear();
            first = seen;
        }
    }

    /// Talks with somebody at a terminal.
    async fn converse(&mut self) -> Step {
        self.options.interactive = true;
        self.own_prompts();
        let fd = self.proc.fds.get(&0).cloned().unwrap_or(Fd::Null);
        let mut editor = Editor::default();
        let mut text = String::new();
        loop {
            let prompt = if text.is_empty() {
                self.prompt()
            } else {
                "> ".to_owned()
            };
            let Some(line) = editor.line(&fd, &prompt, self).await else {
                if fd.terminal().is_some() {
                    self.error(b"\n").await;
                }
                return Ok(self.status);
            };
            let Some(line) = line else {
                text.clear();
                self.status = 130;
                continue;
            };
            text.push_str(&line);
            text.push('\n');
            if text.len() > LINE_MAX {
                text.clear();
            }
            if matches!(read(&text, 1), Err(Trouble::Incomplete(_))) {
                continue;
            }
            let command = std::mem::take(&mut text);
            match self.interruptible(&fd, &command).await {
                Ok(status) => self.status = status,
                Err(Flow::Fail(status)) => self.status = status,
                Err(Flow::Exit(status)) => return Err(Flow::Exit(status)),
                Err(_) => {}
            }
        }
    }

    /// Runs a command that Ctrl-C ends.
    async fn interruptible(&mut self, fd: &Fd, command: &str) -> Step {
        let Some(terminal) = fd.terminal().cloned() else {
            return self.text(command, 1).await;
        };
        let mut interrupts = terminal.interrupts();
        let kept = self.clone();
        let result = {
            let run = self.text(command, 1);
            tokio::select! {
                biased;
                _ = interrupts.changed() => None,
                result = run => Some(result),
            }
        };
        terminal.set_echo(true);
        match result {
            Some(result) => result,
            None => {
                // What it had open and where it stood is as it was before.
                self.proc.fds = kept.proc.fds;
                self.locals = kept.locals;
                self.positional = kept.positional;
                (self.depth, self.loops, self.asking) = (kept.depth, kept.loops, kept.asking);
                Ok(130)
            }
        }
    }

    fn own_prompts(&mut self) {
        if self.value("PS1").is_none() {
            let prompt = if self.bash {
                "\\u@\\h:\\w\\$ "
            } else {
                "\\w \\$ "
            };
            self.assign("PS1", prompt.to_owned());
        }
    }

    fn prompt(&self) -> String {
        let template = self.value("PS1").unwrap_or("$ ").to_owned();
        let machine = &self.proc.machine;
        let mut out = String::new();
        let mut chars = template.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('u') => {
                    let user = machine.user(machine.who.uid);
                    out.push_str(&user.map_or("I have no name!".to_owned(), |user| user.name));
                }
                Some('h' | 'H') => out.push_str(&machine.hostname),
                Some('w') => {
                    let home = self.value("HOME").unwrap_or_default();
                    match self.proc.cwd.strip_prefix(home) {
                        Some(rest)
                            if home.len() > 1 && (rest.is_empty() || rest.starts_with('/')) =>
                        {
                            out.push('~');
                            out.push_str(rest);
                        }
                        _ => out.push_str(&self.proc.cwd),
                    }
                }
                Some('W') => {
                    out.push_str(self.proc.cwd.rsplit('/').next().unwrap_or("/"));
                }
                Some('$') => out.push(if machine.who.uid == 0 { '#' } else { '$' }),
                Some('n') => out.push('\n'),
                Some('e') => out.push('\u{1b}'),
                Some('[' | ']') | None => {}
                Some(c) => out.push(c),
            }
        }
        out
    }
}

/// Reads a whole text without running it.
fn read(text: &str, line: usize) -> Result<(), Trouble> {
    let mut reader = Reader::new(text, line);
    while reader.line()?.is_some() {}
    if text.ends_with("\\\n") {
        return Err(Trouble::Incomplete("joined line"));
    }
    Ok(())
}

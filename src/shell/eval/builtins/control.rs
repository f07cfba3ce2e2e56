//! Builtins that decide what runs next.

use super::super::{Flow, Shell, Step};
use super::{is_builtin, is_special};
use crate::shell::exec;
use crate::shell::fs::Kind;
use crate::shell::fs::resolve::{absolute, lexical};

/// Words of the language.
const KEYWORDS: &[&str] = &[
    "!", "[[", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "then", "until", "while", "{", "}",
];

impl Shell {
    pub(super) async fn leave_loop(&mut self, args: &[String]) -> Step {
        let levels = match args.get(1).map(|text| text.parse::<usize>()) {
            None => 1,
            Some(Ok(levels)) if levels > 0 => levels,
            _ => {
                return self
                    .fail(&format!("{}: Illegal number: {}", args[0], args[1]))
                    .await;
            }
        };
        if self.loops == 0 {
            return Ok(0);
        }
        let levels = levels.min(self.loops);
        Err(if args[0] == "break" {
            Flow::Break(levels)
        } else {
            Flow::Continue(levels)
        })
    }

    pub(super) async fn leave(&mut self, args: &[String]) -> Step {
        let status = match args.get(1) {
            None => self.status,
            Some(text) => match text.parse::<i32>() {
                Ok(status) => status & 255,
                Err(_) => {
                    return self
                        .fail(&format!("{}: Illegal number: {text}", args[0]))
                        .await;
                }
            },
        };
        Err(if args[0] == "return" {
            Flow::Return(status)
        } else {
            Flow::Exit(status)
        })
    }

    pub(super) async fn source(&mut self, args: &[String]) -> Step {
        let Some(name) = args.get(1) else {
            return self
                .fail(&format!("{}: filename argument required", args[0]))
                .await;
        };
        let machine = self.proc.machine.clone();
        let mut at = absolute(&self.proc.cwd, name);
        if !name.contains('/') {
            let path = self.value("PATH").unwrap_or_default();
            let found = path
                .split(':')
                .map(|folder| absolute(folder, name))
                .find(|at| {
                    machine
                        .fs
                        .stat(at, true, &machine.who)
                        .is_ok_and(|stat| stat.kind == Kind::File)
                });
            if let Some(found) = found {
                at = found;
            }
        }
        let text = match machine.fs.read(&at, &machine.who) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(crate::shell::fs::Errno::NoEntry) if !name.contains('/') => {
                return self.fail(&format!("{}: {name}: not found", args[0])).await;
            }
            Err(crate::shell::fs::Errno::NoEntry) => {
                return self
                    .fail(&format!("{}: cannot open {name}: No such file", args[0]))
                    .await;
            }
            Err(errno) => {
                return self
                    .fail(&format!("{}: cannot open {name}: {errno}", args[0]))
                    .await;
            }
        };
        self.depth += 1;
        let outer =
            (args.len() > 2).then(|| std::mem::replace(&mut self.positional, args[2..].to_vec()));
        let result = self.text(&text, 1).await;
        if let Some(outer) = outer {
            self.positional = outer;
        }
        self.depth -= 1;
        match result {
            Err(Flow::Return(status)) => Ok(status),
            other => other,
        }
    }

    pub(super) async fn shift(&mut self, args: &[String]) -> Step {
        let count = match args.get(1).map(|text| text.parse::<usize>()) {
            None => 1,
            Some(Ok(count)) => count,
            Some(Err(_)) => {
                return self
                    .fail(&format!("shift: Illegal number: {}", args[1]))
                    .await;
            }
        };
        if count > self.positional.len() {
            if self.bash {
                return Ok(1);
            }
            return self.fail("shift: can't shift that many").await;
        }
        self.positional.drain(..count);
        Ok(0)
    }

    pub(super) async fn command_builtin(&mut self, args: &[String]) -> Step {
        match args.get(1).map(String::as_str) {
            None => Ok(0),
            Some("-v") => {
                let mut status = 0;
                for name in &args[2..] {
                    match self.known(name) {
                        Some((short, _)) => {
                            self.say(&format!("{short}\n")).await?;
                        }
                        None => status = 127,
                    }
                }
                Ok(status)
            }
            Some("-V") => self.type_builtin(&args[2..]).await,
            Some("-p" | "--") => self.plainly(&args[2..]).await,
            Some(_) => self.plainly(&args[1..]).await,
        }
    }

    /// Runs a builtin or program, never a function; its errors end nothing.
    async fn plainly(&mut self, args: &[String]) -> Step {
        let Some(name) = args.first() else {
            return Ok(0);
        };
        if name == "exec" && args.len() > 1 {
            let status = self.program(args[1..].to_vec(), [].into()).await?;
            return Err(Flow::Exit(status));
        }
        if is_builtin(name) {
            return match Box::pin(self.builtin(args)).await {
                Err(Flow::Fail(status)) => Ok(status),
                other => other,
            };
        }
        self.program(args.to_vec(), [].into()).await
    }

    /// What a name stands for: as `command -v` and as `type` say it.
    fn known(&self, name: &str) -> Option<(String, String)> {
        if let Some(alias) = self.aliases.get(name) {
            return Some((
                format!("alias {name}='{alias}'"),
                format!("aliased to {alias}"),
            ));
        }
        if KEYWORDS.contains(&name) {
            return Some((name.to_owned(), "is a shell keyword".to_owned()));
        }
        if self.functions.contains_key(name) {
            return Some((name.to_owned(), "is a shell function".to_owned()));
        }
        if is_special(name) {
            return Some((name.to_owned(), "is a special shell builtin".to_owned()));
        }
        if is_builtin(name) {
            return Some((name.to_owned(), "is a shell builtin".to_owned()));
        }
        let path = self.value("PATH").unwrap_or_default();
        let at = exec::locate(&self.proc.machine, name, &self.proc.cwd, path).ok()?;
        Some((at.clone(), format!("is {at}")))
    }

    pub(super) async fn type_builtin(&mut self, names: &[String]) -> Step {
        let mut status = 0;
        for name in names {
            if name == "-t" || name == "-p" {
                continue;
            }
            let text = if let Some((_, long)) = self.known(name) {
                format!("{name} {long}\n")
            } else {
                status = 127;
                format!("{name}: not found\n")
            };
            self.say(&text).await?;
        }
        Ok(status)
    }

    pub(super) async fn trap(&mut self, args: &[String]) -> Step {
        let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
        if args.is_empty() {
            let mut text = String::new();
            for (signal, action) in &self.traps {
                text.push_str(&format!("trap -- '{action}' {signal}\n"));
            }
            return self.say(&text).await;
        }
        let clears = args.len() == 1 || args[0] == "-" || args[0].parse::<u8>().is_ok();
        let signals = if args.len() == 1 || args[0].parse::<u8>().is_ok() {
            args
        } else {
            &args[1..]
        };
        for signal in signals {
            let name = signal.strip_prefix("SIG").unwrap_or(signal);
            let name = if name == "0" { "EXIT" } else { name };
            if clears {
                self.traps.remove(name);
            } else {
                self.traps.insert(name.to_owned(), args[0].clone());
            }
        }
        Ok(0)
    }

    pub(super) async fn let_builtin(&mut self, args: &[String]) -> Step {
        let mut last = 0;
        for text in args {
            last = self.arithmetic(text).await?;
        }
        Ok(i32::from(last == 0))
    }

    pub(super) async fn cd(&mut self, args: &[String]) -> Step {
        let args: Vec<&String> = args[1..]
            .iter()
            .filter(|arg| !matches!(arg.as_str(), "-L" | "-P" | "--"))
            .collect();
        let mut shown = false;
        let target = match args.first().map(|arg| arg.as_str()) {
            None => match self.value("HOME") {
                Some(home) => home.to_owned(),
                None => return Ok(0),
            },
            Some("-") => {
                shown = true;
                self.value("OLDPWD").unwrap_or("/").to_owned()
            }
            Some(target) => target.to_owned(),
        };
        let machine = self.proc.machine.clone();
        let at = lexical(&absolute(&self.proc.cwd, &target));
        let folder = machine.fs.stat(&at, true, &machine.who);
        let words = match folder {
            Ok(stat) if stat.kind != Kind::Directory => Some("Not a directory".to_owned()),
            Ok(_) if !machine.fs.allows(&at, 1, &machine.who) => {
                Some("Permission denied".to_owned())
            }
            Ok(_) => None,
            Err(errno) => Some(errno.to_string()),
        };
        if let Some(words) = words {
            // dash says the same of whatever is wrong.
            let words = if self.bash {
                format!("cd: {target}: {words}")
            } else {
                format!("cd: can't cd to {target}")
            };
            self.complain(&words).await;
            return Ok(if self.bash { 1 } else { 2 });
        }
        let old = std::mem::replace(&mut self.proc.cwd, at.clone());
        self.assign("OLDPWD", old);
        self.assign("PWD", at.clone());
        if shown {
            self.say(&format!("{at}\n")).await?;
        }
        Ok(0)
    }

    pub(super) async fn umask(&mut self, args: &[String]) -> Step {
        match args.get(1) {
            None => {
                let text = format!("{:04o}\n", self.proc.umask);
                self.say(&text).await
            }
            Some(text) => match u32::from_str_radix(text, 8) {
                Ok(mask) => {
                    self.proc.umask = mask & 0o777;
                    Ok(0)
                }
                Err(_) => self.fail(&format!("umask: Illegal mode: {text}")).await,
            },
        }
    }
}

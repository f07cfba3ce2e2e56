//! Tools that start others, wait, or look at the environment.

use std::time::Duration;

use crate::shell::eval::builtins::is_builtin;
use crate::shell::exec::{self, Outcome, Proc};
use crate::shell::io::Fd;

/// Runs another program in this one's place.
async fn start(proc: &mut Proc, args: Vec<String>) -> Outcome {
    proc.flush().await?;
    let name = args.first().cloned().unwrap_or_default();
    let child = proc.child(args);
    match exec::execute(child).await {
        Ok(status) => Ok(status),
        Err(why) => {
            let words = match why {
                exec::Unstartable::NotFound | exec::Unstartable::NoFile => {
                    "No such file or directory"
                }
                why => why.words(),
            };
            let verb = if proc.args[0].ends_with("timeout") || proc.args[0].ends_with("nohup") {
                "failed to run command "
            } else {
                ""
            };
            proc.warn(&format!("{verb}'{name}': {words}")).await;
            Ok(why.status())
        }
    }
}

pub(super) async fn env(proc: &mut Proc) -> Outcome {
    let mut args = proc.args[1..].to_vec().into_iter().peekable();
    let mut end = "\n";
    while let Some(arg) = args.next_if(|arg| arg.starts_with('-')) {
        match arg.as_str() {
            "-i" | "-" | "--ignore-environment" => proc.env.clear(),
            "-0" | "--null" => end = "\0",
            "-u" | "--unset" => {
                let name = args.next().unwrap_or_default();
                proc.env.remove(&name);
            }
            "-C" | "--chdir" => {
                let folder = args.next().unwrap_or_default();
                proc.cwd = proc.path(&folder);
            }
            "-S" => {
                let text = args.next().unwrap_or_default();
                let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
                args = words
                    .into_iter()
                    .chain(args)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .peekable();
            }
            "--" => break,
            other => match other.strip_prefix("-u") {
                Some(name) => {
                    proc.env.remove(name);
                }
                None => {
                    return proc
                        .fail(125, &format!("invalid option -- '{other}'"))
                        .await;
                }
            },
        }
    }
    while let Some(arg) = args.next_if(|arg| arg.contains('=')) {
        if let Some((name, value)) = arg.split_once('=') {
            proc.env.insert(name.to_owned(), value.to_owned());
        }
    }
    let rest: Vec<String> = args.collect();
    if !rest.is_empty() {
        return start(proc, rest).await;
    }
    for (name, value) in proc.env.clone() {
        proc.print(format!("{name}={value}{end}")).await?;
    }
    Ok(0)
}

pub(super) async fn printenv(proc: &mut Proc) -> Outcome {
    let names = proc.args[1..].to_vec();
    if names.is_empty() {
        return env(proc).await;
    }
    let mut status = 0;
    for name in names {
        match proc.env.get(&name).cloned() {
            Some(value) => proc.print(value + "\n").await?,
            None => status = 1,
        }
    }
    Ok(status)
}

pub(super) async fn which(proc: &mut Proc) -> Outcome {
    let path = proc.env.get("PATH").cloned().unwrap_or_default();
    let all = proc.args.iter().any(|arg| arg == "-a");
    let mut status = 0;
    for name in proc.args[1..].to_vec() {
        if name == "-a" {
            continue;
        }
        let folders: Vec<&str> = if all {
            path.split(':').collect()
        } else {
            vec![path.as_str()]
        };
        let mut found = false;
        for folders in folders {
            if let Ok(at) = exec::locate(&proc.machine, &name, &proc.cwd, folders) {
                found = true;
                proc.print(at + "\n").await?;
            }
        }
        if !found {
            status = 1;
        }
    }
    Ok(status)
}

/// `1.5`, `2m`, `1h` as a time.
fn duration(text: &str) -> Option<Duration> {
    if text == "infinity" {
        return Some(Duration::from_secs(u64::from(u32::MAX)));
    }
    let (digits, unit) = match text.char_indices().last()? {
        (at, 's') => (&text[..at], 1.0),
        (at, 'm') => (&text[..at], 60.0),
        (at, 'h') => (&text[..at], 3600.0),
        (at, 'd') => (&text[..at], 86_400.0),
        _ => (text, 1.0),
    };
    let seconds = digits.parse::<f64>().ok()? * unit;
    let most = f64::from(u32::MAX);
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(most)))
}

pub(super) async fn sleep(proc: &mut Proc) -> Outcome {
    let mut total = Duration::ZERO;
    if proc.args.len() < 2 {
        return proc.fail(1, "missing operand").await;
    }
    for text in proc.args[1..].to_vec() {
        match duration(&text) {
            Some(part) => total = total.saturating_add(part),
            None => {
                return proc
                    .fail(1, &format!("invalid time interval '{text}'"))
                    .await;
            }
        }
    }
    let clock = proc.machine.clock.clone();
    let end = clock
        .now()
        .saturating_add(total)
        .unwrap_or(jiff::Timestamp::MAX);
    clock.until(end).await;
    Ok(0)
}

pub(super) async fn timeout(proc: &mut Proc) -> Outcome {
    let mut args = proc.args[1..].to_vec().into_iter().peekable();
    let mut signal = 15;
    while let Some(arg) = args.next_if(|arg| arg.starts_with('-')) {
        match arg.as_str() {
            "-s" | "--signal" => {
                let name = args.next().unwrap_or_default();
                signal = super::system::signal(&name).unwrap_or(15);
            }
            "-k" | "--kill-after" => {
                args.next();
            }
            _ => {}
        }
    }
    let text = args.next().unwrap_or_default();
    let Some(length) = duration(&text) else {
        return proc
            .fail(125, &format!("invalid time interval '{text}'"))
            .await;
    };
    let rest: Vec<String> = args.collect();
    if rest.is_empty() {
        return proc.fail(125, "missing operand").await;
    }
    if length.is_zero() {
        return start(proc, rest).await;
    }
    let clock = proc.machine.clock.clone();
    let end = clock
        .now()
        .saturating_add(length)
        .unwrap_or(jiff::Timestamp::MAX);
    tokio::select! {
        biased;
        status = start(proc, rest) => status,
        () = clock.until(end) => Ok(if signal == 9 { 137 } else { 124 }),
    }
}

pub(super) async fn nohup(proc: &mut Proc) -> Outcome {
    let rest = proc.args[1..].to_vec();
    if rest.is_empty() {
        return proc.fail(125, "missing operand").await;
    }
    start(proc, rest).await
}

struct Filling {
    command: Vec<String>,
    replaced: Option<String>,
    words: Option<usize>,
    lines: Option<usize>,
    skips_none: bool,
    shown: bool,
}

pub(super) async fn xargs(proc: &mut Proc) -> Outcome {
    let mut args = proc.args[1..].to_vec().into_iter().peekable();
    let mut filling = Filling {
        command: Vec::new(),
        replaced: None,
        words: None,
        lines: None,
        skips_none: false,
        shown: false,
    };
    let mut delimiter = None;
    while let Some(arg) = args.next_if(|arg| arg.starts_with('-') && arg.len() > 1) {
        let (option, inner) = arg.split_at(2);
        let mut value = || {
            if inner.is_empty() {
                args.next().unwrap_or_default()
            } else {
                inner.to_owned()
            }
        };
        match option {
            "-0" => delimiter = Some(0),
            "-d" => delimiter = super::escapes(&value()).0.first().copied(),
            "-n" => filling.words = value().parse().ok(),
            "-L" => filling.lines = value().parse().ok(),
            "-I" => filling.replaced = Some(value()),
            "-i" => filling.replaced = Some("{}".to_owned()),
            "-P" | "-s" => drop(value()),
            "-r" => filling.skips_none = true,
            "-t" => filling.shown = true,
            "--" if inner == "null" => delimiter = Some(0),
            "--" if inner == "no-run-if-empty" => filling.skips_none = true,
            "--" if inner.is_empty() => break,
            _ => return proc.fail(1, &format!("invalid option -- '{arg}'")).await,
        }
    }
    filling.command = args.collect();
    if filling.command.is_empty() {
        filling.command.push("echo".to_owned());
    }
    let text = match proc.reader("-") {
        Ok(mut lines) => lines.all(proc).await?,
        Err(_) => Vec::new(),
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let items: Vec<Vec<String>> = match delimiter {
        Some(delimiter) => {
            let mut items: Vec<&str> = text.split(char::from(delimiter)).collect();
            if items
                .last()
                .is_some_and(|last| last.is_empty() || *last == "\n")
            {
                items.pop();
            }
            items
                .into_iter()
                .map(|item| vec![item.to_owned()])
                .collect()
        }
        None if filling.replaced.is_some() => text
            .lines()
            .map(|line| vec![unquoted(line.trim_start()).join(" ")])
            .filter(|line| !line[0].is_empty())
            .collect(),
        None => text
            .lines()
            .map(unquoted)
            .filter(|line| !line.is_empty())
            .collect(),
    };
    filling.run(proc, items).await
}

impl Filling {
    async fn run(&self, proc: &mut Proc, items: Vec<Vec<String>>) -> Outcome {
        let mut calls: Vec<Vec<String>> = Vec::new();
        if let Some(mark) = &self.replaced {
            for item in items.into_iter().flatten() {
                calls.push(
                    self.command
                        .iter()
                        .map(|arg| arg.replace(mark, &item))
                        .collect(),
                );
            }
        } else if let Some(lines) = self.lines {
            for part in items.chunks(lines.max(1)) {
                calls.push(self.command.iter().cloned().chain(part.concat()).collect());
            }
        } else {
            let words: Vec<String> = items.into_iter().flatten().collect();
            if words.is_empty() && !self.skips_none {
                calls.push(self.command.clone());
            }
            for part in words.chunks(self.words.unwrap_or(5000).max(1)) {
                calls.push(self.command.iter().chain(part).cloned().collect());
            }
        }
        let mut status = 0;
        for call in calls {
            if self.shown {
                let text = call.join(" ") + "\n";
                if let Some(fd) = proc.fds.get(&2) {
                    let _ = fd.write(text.as_bytes()).await;
                }
            }
            let mut child = proc.child(call.clone());
            child.fds.insert(0, Fd::Null);
            match exec::execute(child).await {
                Ok(0) => {}
                Ok(255) => return Ok(124),
                Ok(code) if code > 128 => return Ok(125),
                Ok(_) => status = 123,
                Err(why) => {
                    let builtin = is_builtin(&call[0]);
                    let words = if builtin {
                        "cannot run a builtin"
                    } else {
                        "No such file or directory"
                    };
                    return proc
                        .fail(why.status(), &format!("{}: {words}", call[0]))
                        .await;
                }
            }
        }
        Ok(status)
    }
}

/// The words of a line, in which quotes and backslashes keep blanks.
fn unquoted(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, ' ' | '\t') => out.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    out
}

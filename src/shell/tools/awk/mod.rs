//! `awk`.
//!
//! A program runs record by record; what it writes is handed on between records. Commands in
//! pipes are run when it has ended; commands to read from are not there.

mod evaluate;
mod expressions;
mod functions;
mod lexer;
mod parser;
mod run;
mod syntax;
mod value;

use super::lines::Lines;
use crate::shell::exec::{self, Outcome, Proc};
use crate::shell::io::Fd;
use run::{Halt, Machine};

pub(super) async fn awk(proc: &mut Proc) -> Outcome {
    let mut args = proc.args[1..].to_vec().into_iter().peekable();
    let mut assigns = Vec::new();
    let mut separator = None;
    let mut source: Option<String> = None;
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
            "-F" => separator = Some(value()),
            "-v" => assigns.push(value()),
            "-f" => {
                let file = value();
                let (text, _) = proc.gather(&[file]).await?;
                let text = String::from_utf8_lossy(&text).into_owned();
                source = Some(source.map_or(text.clone(), |old| format!("{old}\n{text}")));
            }
            "--" if inner.is_empty() => break,
            _ => return proc.fail(2, &format!("unknown option {arg}")).await,
        }
    }
    let Some(source) = source.or_else(|| args.next()) else {
        return proc
            .fail(
                2,
                "usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]",
            )
            .await;
    };
    let program = match parser::parse(&source) {
        Ok(program) => program,
        Err(words) => return proc.fail(2, &format!("syntax error: {words}")).await,
    };
    let mut operands = vec!["awk".to_owned()];
    operands.extend(args);
    let mut machine = Machine::new(program, proc, &operands);
    if let Some(separator) = separator {
        let text = if separator == "t" {
            "\t".to_owned()
        } else {
            separator
        };
        machine.set_named("FS", &String::from_utf8_lossy(&super::escapes(&text).0));
    }
    for assign in assigns {
        if let Some((name, value)) = assign.split_once('=') {
            machine.set_named(name, &String::from_utf8_lossy(&super::escapes(value).0));
        }
    }
    let status = match records(proc, &mut machine, &operands[1..]).await? {
        Ok(()) => 0,
        Err(Halt::Exit(code)) => code,
        Err(Halt::Wrong(words)) => {
            proc.print(std::mem::take(&mut machine.out)).await?;
            return proc.fail(2, &words).await;
        }
        Err(_) => 0,
    };
    proc.print(std::mem::take(&mut machine.out)).await?;
    proc.flush().await?;
    for (command, text) in std::mem::take(&mut machine.pipes) {
        let mut child = proc.child(vec!["sh".to_owned(), "-c".to_owned(), command]);
        child.fds.insert(0, Fd::text(text));
        let _ = exec::execute(child).await;
    }
    Ok(status)
}

type Ran = Result<(), Halt>;

async fn records(proc: &mut Proc, machine: &mut Machine, files: &[String]) -> Outcome<Ran> {
    let mut ran = machine.begin();
    proc.print(std::mem::take(&mut machine.out)).await?;
    if ran.is_ok() && machine.reads() {
        ran = input(proc, machine, files).await?;
    }
    if matches!(ran, Err(Halt::Wrong(_))) {
        return Ok(ran);
    }
    let code = match ran {
        Err(Halt::Exit(code)) => Some(code),
        _ => None,
    };
    let ended = machine.end();
    Ok(match (ended, code) {
        (Ok(()), Some(code)) => Err(Halt::Exit(code)),
        (ended, _) => ended,
    })
}

async fn input(proc: &mut Proc, machine: &mut Machine, files: &[String]) -> Outcome<Ran> {
    let mut any = false;
    let mut sources: Vec<&String> = files.iter().collect();
    let stdin = "-".to_owned();
    if sources.iter().all(|file| is_assignment(file)) {
        sources.push(&stdin);
    }
    for file in sources {
        if is_assignment(file)
            && let Some((name, value)) = file.split_once('=')
        {
            machine.set_named(name, &String::from_utf8_lossy(&super::escapes(value).0));
            continue;
        }
        let mut lines = match proc.reader(file) {
            Ok(lines) => lines,
            Err(errno) => {
                proc.warn(&format!("cannot open \"{file}\" ({errno})"))
                    .await;
                machine.failed = true;
                continue;
            }
        };
        any = true;
        machine.set_named("FILENAME", if file == "-" { "" } else { file });
        machine.set_named("FNR", "0");
        if machine.looks_ahead() {
            let text = lines.all(proc).await?;
            machine.ahead(&text);
            while let Some(record) = machine.next_ahead() {
                match machine.record(record) {
                    Ok(()) | Err(Halt::Next) => {}
                    Err(Halt::NextFile) => break,
                    Err(other) => return Ok(Err(other)),
                }
                proc.print(std::mem::take(&mut machine.out)).await?;
            }
            continue;
        }
        match streamed(proc, machine, &mut lines).await? {
            Ok(()) | Err(Halt::NextFile) => {}
            Err(other) => return Ok(Err(other)),
        }
    }
    if machine.failed && !any {
        return Ok(Err(Halt::Exit(2)));
    }
    Ok(Ok(()))
}

async fn streamed(proc: &mut Proc, machine: &mut Machine, lines: &mut Lines) -> Outcome<Ran> {
    while let Some((line, _)) = lines.line(proc).await? {
        let text = String::from_utf8_lossy(&line).into_owned();
        match machine.record(text) {
            Ok(()) | Err(Halt::Next) => {}
            Err(other) => return Ok(Err(other)),
        }
        let out = std::mem::take(&mut machine.out);
        if !out.is_empty() {
            proc.print(out).await?;
        }
    }
    Ok(Ok(()))
}

fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    })
}

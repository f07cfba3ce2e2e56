//! `sed`.

mod editing;
mod script;

use editing::Editing;
use script::Reader;

use crate::shell::exec::{Outcome, Proc};

pub(super) async fn sed(proc: &mut Proc) -> Outcome {
    // `-i.bak` has its value in the same word.
    let args = proc.args.clone();
    let mut backup = None;
    let mut kept = Vec::new();
    for arg in &args {
        match arg.strip_prefix("-i").or(arg.strip_prefix("--in-place")) {
            Some(suffix) if !suffix.starts_with('n') => {
                backup = Some(suffix.trim_start_matches('=').to_owned());
            }
            _ => kept.push(arg.clone()),
        }
    }
    proc.args = kept;
    let options = proc
        .options(
            "nEre:f:isuz",
            &[
                ("quiet", 'n'),
                ("silent", 'n'),
                ("regexp-extended", 'E'),
                ("expression", 'e'),
                ("file", 'f'),
            ],
        )
        .await?;
    let mut script: Vec<String> = options.values('e').map(str::to_owned).collect();
    for file in options.values('f').map(str::to_owned).collect::<Vec<_>>() {
        let (text, _) = proc.gather(&[file]).await?;
        script.push(String::from_utf8_lossy(&text).into_owned());
    }
    let mut files = options.rest.clone();
    if script.is_empty() {
        if files.is_empty() {
            return proc.fail(1, "no script specified").await;
        }
        script.push(files.remove(0));
    }
    let mut reader = Reader {
        text: script.join("\n").chars().collect(),
        at: 0,
        extended: options.has('E') || options.has('r'),
        last: None,
    };
    let commands = match reader.commands() {
        Ok(commands) => commands,
        Err(words) => {
            let place = reader.at;
            return proc
                .fail(1, &format!("-e expression #1, char {place}: {words}"))
                .await;
        }
    };
    let mut editing = Editing {
        inside: vec![None; commands.len()],
        commands,
        silent: options.has('n'),
        number: 0,
        hold: Vec::new(),
        after: Vec::new(),
        quit: None,
        substituted: false,
    };
    let Some(backup) = backup else {
        return editing.run(proc, Proc::files_or_stdin(&files)).await;
    };
    let mut status = 0;
    for file in files {
        status |= in_place(proc, &editing, &file, &backup).await?;
    }
    Ok(status)
}

async fn in_place(proc: &mut Proc, editing: &Editing, file: &str, backup: &str) -> Outcome {
    let machine = proc.machine.clone();
    let (at, own) = (proc.path(file), proc.fds.clone());
    let old = match machine.fs.read(&at, &machine.who) {
        Ok(old) => old,
        Err(errno) => {
            proc.warn(&format!("can't read {file}: {errno}")).await;
            return Ok(2);
        }
    };
    proc.flush().await?;
    let mut part = proc.clone();
    let temporary = format!("{at}.sed{}", proc.pid);
    let bits = proc.stat(file, true).map_or(0o644, |stat| stat.mode);
    let mode = crate::shell::fs::Mode {
        write: true,
        create: true,
        truncate: true,
        bits,
        ..Default::default()
    };
    let written = match machine.fs.open(&temporary, mode, &machine.who) {
        Ok(written) => written,
        Err(errno) => {
            return proc
                .fail(4, &format!("couldn't open temporary file: {errno}"))
                .await;
        }
    };
    part.fds.insert(1, crate::shell::io::Fd::File(written));
    let mut editing = Editing {
        commands: editing.commands.clone(),
        inside: vec![None; editing.commands.len()],
        silent: editing.silent,
        number: 0,
        hold: Vec::new(),
        after: Vec::new(),
        quit: None,
        substituted: false,
    };
    let status = editing.run(&mut part, vec![file.to_owned()]).await?;
    part.flush().await?;
    proc.fds = own;
    if !backup.is_empty() {
        let path = if backup.contains('*') {
            backup.replace('*', file)
        } else {
            format!("{file}{backup}")
        };
        let _ = machine
            .fs
            .write(&proc.path(&path), &old, bits, &machine.who);
    }
    if let Err(errno) = machine.fs.rename(&temporary, &at, &machine.who) {
        // A file that is mounted by itself cannot be replaced, only written.
        let new = machine
            .fs
            .read(&temporary, &machine.who)
            .unwrap_or_default();
        let _ = machine.fs.remove(&temporary, false, &machine.who);
        if machine.fs.write(&at, &new, bits, &machine.who).is_err() {
            return proc
                .fail(4, &format!("cannot rename {temporary}: {errno}"))
                .await;
        }
    }
    Ok(status)
}

//! `cp` and `mv`.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::super::Options;
use super::{below, last_part};
use crate::shell::exec::{Outcome, Proc};
use crate::shell::fs::{Errno, Kind, Mode};
use crate::shell::io::CHUNK;

/// How deep a tree may be copied.
const DEPTH_MAX: usize = 100;

fn plan(options: &Options) -> Option<(Vec<String>, String)> {
    if let Some(folder) = options.value('t') {
        return Some((options.rest.clone(), folder.to_owned()));
    }
    let (target, sources) = options.rest.split_last()?;
    (!sources.is_empty()).then(|| (sources.to_vec(), target.clone()))
}

async fn planned(proc: &mut Proc, options: &Options) -> Outcome<(Vec<String>, String)> {
    match plan(options) {
        Some(plan) => Ok(plan),
        None if options.rest.is_empty() => proc.fail(1, "missing file operand").await,
        None => {
            let words = format!(
                "missing destination file operand after '{}'",
                options.rest[0]
            );
            proc.fail(1, &words).await
        }
    }
}

pub(in crate::shell::tools) async fn cp(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "rRapfnvuLPHTt:dis",
            &[
                ("recursive", 'r'),
                ("archive", 'a'),
                ("preserve", 'p'),
                ("force", 'f'),
                ("no-clobber", 'n'),
                ("verbose", 'v'),
                ("target-directory", 't'),
                ("no-target-directory", 'T'),
                ("update", 'u'),
            ],
        )
        .await?;
    let (sources, target) = planned(proc, &options).await?;
    let into = proc.is_folder(&target) && !options.has('T');
    if !into && sources.len() > 1 {
        return proc
            .fail(1, &format!("target '{target}' is not a directory"))
            .await;
    }
    let mut status = 0;
    for source in &sources {
        let to = if into && last_part(source) != "." && last_part(source) != ".." {
            below(&target, last_part(source))
        } else {
            target.clone()
        };
        status |= copy(proc, &options, source, &to, 0).await?;
    }
    Ok(status)
}

fn copy<'a>(
    proc: &'a mut Proc,
    options: &'a Options,
    from: &'a str,
    to: &'a str,
    depth: usize,
) -> BoxFuture<'a, Outcome> {
    async move {
        let recursive = "rRa".chars().any(|letter| options.has(letter));
        let follow = !(recursive || options.has('d') || options.has('P')) || options.has('L');
        let stat = match proc.stat(from, follow) {
            Ok(stat) => stat,
            Err(errno) => {
                proc.warn(&format!("cannot stat '{from}': {errno}")).await;
                return Ok(1);
            }
        };
        if stat.kind == Kind::Directory && !recursive {
            proc.warn(&format!("-r not specified; omitting directory '{from}'"))
                .await;
            return Ok(1);
        }
        let target = proc.stat(to, true);
        if let Ok(target) = &target {
            if target.ino == stat.ino && target.device == stat.device {
                proc.warn(&format!("'{from}' and '{to}' are the same file"))
                    .await;
                return Ok(1);
            }
            let older = target.modified >= stat.modified;
            let kept = options.has('n') || options.has('u') && older;
            if kept && stat.kind != Kind::Directory {
                return Ok(0);
            }
        }
        let machine = proc.machine.clone();
        let at = proc.path(to);
        let mut status = 0;
        let result = match stat.kind {
            Kind::Directory => {
                let inside = format!("{}/", proc.path(from).trim_end_matches('/'));
                if depth >= DEPTH_MAX || at.starts_with(&inside) {
                    let words = format!("cannot copy a directory, '{from}', into itself, '{to}'");
                    proc.warn(&words).await;
                    return Ok(1);
                }
                let made = match &target {
                    Ok(target) if target.kind == Kind::Directory => Ok(()),
                    Ok(_) => Err(Errno::Exists),
                    Err(_) => machine.fs.make_directory(&at, stat.mode, &machine.who),
                };
                if made.is_ok() {
                    for name in proc.list(from).unwrap_or_default() {
                        let (from, to) = (below(from, &name), below(to, &name));
                        status |= copy(proc, options, &from, &to, depth + 1).await?;
                    }
                }
                made
            }
            Kind::Link => machine
                .fs
                .read_link(&proc.path(from), &machine.who)
                .and_then(|link| {
                    let _ = machine.fs.remove(&at, false, &machine.who);
                    machine.fs.symlink(&link, &at, &machine.who)
                }),
            _ => bytes(proc, from, to, stat.mode).await,
        };
        if let Err(errno) = result {
            let words = match stat.kind {
                Kind::Directory => format!("cannot create directory '{to}': {errno}"),
                Kind::Link => format!("cannot create symbolic link '{to}': {errno}"),
                _ => format!("cannot create regular file '{to}': {errno}"),
            };
            proc.warn(&words).await;
            return Ok(1);
        }
        if (options.has('p') || options.has('a')) && stat.kind != Kind::Link {
            let owner = (Some(stat.uid), Some(stat.gid));
            let _ = machine.fs.set_owner(&at, owner, true, &machine.who);
            let _ = machine.fs.set_mode(&at, stat.mode, &machine.who);
            let _ = machine.fs.set_modified(&at, stat.modified, &machine.who);
        }
        if options.has('v') {
            proc.print(format!("'{from}' -> '{to}'\n")).await?;
        }
        Ok(status)
    }
    .boxed()
}

async fn bytes(proc: &mut Proc, from: &str, to: &str, bits: u32) -> Result<(), Errno> {
    let machine = proc.machine.clone();
    let read = Mode {
        read: true,
        ..Mode::default()
    };
    let write = Mode {
        write: true,
        create: true,
        truncate: true,
        bits: bits & !proc.umask,
        ..Mode::default()
    };
    let source = machine.fs.open(&proc.path(from), read, &machine.who)?;
    let target = machine.fs.open(&proc.path(to), write, &machine.who)?;
    loop {
        let chunk = source.read(CHUNK)?;
        if chunk.is_empty() {
            return Ok(());
        }
        target.write(&chunk)?;
        tokio::task::yield_now().await;
    }
}

pub(in crate::shell::tools) async fn mv(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "fnvuTt:i",
            &[
                ("force", 'f'),
                ("no-clobber", 'n'),
                ("verbose", 'v'),
                ("target-directory", 't'),
            ],
        )
        .await?;
    let (sources, target) = planned(proc, &options).await?;
    let into = proc.is_folder(&target) && !options.has('T');
    if !into && sources.len() > 1 {
        return proc
            .fail(1, &format!("target '{target}' is not a directory"))
            .await;
    }
    let machine = proc.machine.clone();
    let mut status = 0;
    for source in &sources {
        let to = if into {
            below(&target, last_part(source))
        } else {
            target.clone()
        };
        if let Err(errno) = proc.stat(source, false) {
            proc.warn(&format!("cannot stat '{source}': {errno}")).await;
            status = 1;
            continue;
        }
        if options.has('n') && proc.stat(&to, false).is_ok() {
            continue;
        }
        let (from_at, to_at) = (proc.path(source), proc.path(&to));
        let mut result = machine.fs.rename(&from_at, &to_at, &machine.who);
        if result == Err(Errno::CrossDevice) {
            let args = ["cp", "-a", source, &to].map(str::to_owned).to_vec();
            let whole = Options::read(&args, "a", &[]).unwrap_or_default();
            if copy(proc, &whole, source, &to, 0).await? != 0 {
                status = 1;
                continue;
            }
            result = super::make::remove_all(proc, source)
                .await
                .map_err(|(_, errno)| errno);
        }
        match result {
            Ok(()) if options.has('v') => {
                proc.print(format!("renamed '{source}' -> '{to}'\n"))
                    .await?;
            }
            Ok(()) => {}
            Err(Errno::Invalid) => {
                let words = format!("cannot move '{source}' to a subdirectory of itself, '{to}'");
                proc.warn(&words).await;
                status = 1;
            }
            Err(errno) => {
                proc.warn(&format!("cannot move '{source}' to '{to}': {errno}"))
                    .await;
                status = 1;
            }
        }
    }
    Ok(status)
}

//! `mkdir`, `rmdir`, `rm`, `ln`, `touch`, `mktemp`, `truncate`.

use jiff::Timestamp;

use super::{below, last_part};
use crate::shell::exec::{Outcome, Proc};
use crate::shell::fs::resolve::lexical;
use crate::shell::fs::{Errno, Kind, Mode};
use crate::shell::tools::lines::text::amount;

pub(in crate::shell::tools) async fn mkdir(proc: &mut Proc) -> Outcome {
    let options = proc
        .options("pm:v", &[("parents", 'p'), ("mode", 'm'), ("verbose", 'v')])
        .await?;
    if options.rest.is_empty() {
        return proc.fail(1, "missing operand").await;
    }
    let machine = proc.machine.clone();
    let usual = 0o777 & !proc.umask;
    let mut status = 0;
    for path in &options.rest {
        let at = proc.path(path);
        let result = if options.has('p') {
            machine.fs.make_all(&at, usual, &machine.who)
        } else {
            machine.fs.make_directory(&at, usual, &machine.who)
        };
        if let Err(errno) = result {
            let words = if errno == Errno::NotDirectory && proc.stat(path, true).is_ok() {
                Errno::Exists
            } else {
                errno
            };
            proc.warn(&format!("cannot create directory '{path}': {words}"))
                .await;
            status = 1;
            continue;
        }
        if let Some(mode) = options.value('m') {
            let bits = super::change::applied(mode, usual, true, 0).unwrap_or(usual);
            let _ = machine.fs.set_mode(&at, bits, &machine.who);
        }
        if options.has('v') {
            proc.print(format!("mkdir: created directory '{path}'\n"))
                .await?;
        }
    }
    Ok(status)
}

pub(in crate::shell::tools) async fn rmdir(proc: &mut Proc) -> Outcome {
    let options = proc.options("pv", &[("parents", 'p')]).await?;
    let machine = proc.machine.clone();
    let mut status = 0;
    for path in &options.rest {
        let mut path = path.clone();
        loop {
            if let Err(errno) = machine.fs.remove(&proc.path(&path), true, &machine.who) {
                proc.warn(&format!("failed to remove '{path}': {errno}"))
                    .await;
                status = 1;
                break;
            }
            match path.rsplit_once('/') {
                Some((parent, _)) if options.has('p') && !parent.is_empty() => {
                    path = parent.to_owned();
                }
                _ => break,
            }
        }
    }
    Ok(status)
}

/// Removes a tree; what could not be removed, and why.
pub(super) async fn remove_all(proc: &mut Proc, path: &str) -> Result<(), (String, Errno)> {
    let machine = proc.machine.clone();
    let mut open = vec![(path.to_owned(), false)];
    let mut first = None;
    let mut count = 0u32;
    while let Some((path, visited)) = open.pop() {
        count += 1;
        if count.is_multiple_of(256) {
            tokio::task::yield_now().await;
        }
        let folder = match proc.stat(&path, false) {
            Ok(stat) => stat.kind == Kind::Directory,
            Err(errno) => {
                first.get_or_insert((path, errno));
                continue;
            }
        };
        if folder && !visited {
            open.push((path.clone(), true));
            for name in proc.list(&path).unwrap_or_default() {
                open.push((below(&path, &name), false));
            }
            continue;
        }
        let result = machine.fs.remove(&proc.path(&path), folder, &machine.who);
        if let Err(errno) = result
            && !(errno == Errno::NotEmpty && first.is_some())
        {
            first.get_or_insert((path, errno));
        }
    }
    first.map_or(Ok(()), Err)
}

pub(in crate::shell::tools) async fn rm(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "rRfivdI",
            &[
                ("recursive", 'r'),
                ("force", 'f'),
                ("dir", 'd'),
                ("verbose", 'v'),
                ("no-preserve-root", 'I'),
            ],
        )
        .await?;
    let (force, recursive) = (options.has('f'), options.has('r') || options.has('R'));
    if options.rest.is_empty() && !force {
        return proc.fail(1, "missing operand").await;
    }
    let machine = proc.machine.clone();
    let mut status = 0;
    for path in &options.rest {
        let stat = match proc.stat(path, false) {
            Ok(stat) => stat,
            Err(Errno::NoEntry | Errno::NotDirectory) if force => continue,
            Err(errno) => {
                proc.warn(&format!("cannot remove '{path}': {errno}")).await;
                status = 1;
                continue;
            }
        };
        if matches!(last_part(path), "." | "..") {
            let words = format!("refusing to remove '.' or '..' directory: skipping '{path}'");
            proc.warn(&words).await;
            status = 1;
            continue;
        }
        if lexical(&proc.path(path)) == "/" {
            proc.warn("it is dangerous to operate recursively on '/'")
                .await;
            status = 1;
            continue;
        }
        let result = if stat.kind == Kind::Directory && recursive {
            remove_all(proc, path).await
        } else {
            let folder = stat.kind == Kind::Directory && options.has('d');
            machine
                .fs
                .remove(&proc.path(path), folder, &machine.who)
                .map_err(|errno| (path.clone(), errno))
        };
        match result {
            Ok(()) if options.has('v') => proc.print(format!("removed '{path}'\n")).await?,
            Ok(()) => {}
            Err((path, errno)) => {
                proc.warn(&format!("cannot remove '{path}': {errno}")).await;
                status = 1;
            }
        }
    }
    Ok(status)
}

pub(in crate::shell::tools) async fn ln(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "sfnvTrt:",
            &[
                ("symbolic", 's'),
                ("force", 'f'),
                ("no-dereference", 'n'),
                ("verbose", 'v'),
            ],
        )
        .await?;
    let (sources, target) = match options.rest.as_slice() {
        [] => return proc.fail(1, "missing file operand").await,
        [only] => (vec![only.clone()], ".".to_owned()),
        [sources @ .., target] => (sources.to_vec(), target.clone()),
    };
    let machine = proc.machine.clone();
    let linked = proc
        .stat(&target, false)
        .is_ok_and(|stat| stat.kind == Kind::Link);
    let into = proc.is_folder(&target) && !(linked && options.has('n')) && !options.has('T');
    let mut status = 0;
    for source in &sources {
        let to = if into {
            below(&target, last_part(source))
        } else {
            target.clone()
        };
        let at = proc.path(&to);
        if options.has('f') {
            let _ = machine.fs.remove(&at, false, &machine.who);
        }
        let result = if options.has('s') {
            machine.fs.symlink(source, &at, &machine.who)
        } else {
            machine.fs.link(&proc.path(source), &at, &machine.who)
        };
        if let Err(errno) = result {
            let words = if options.has('s') {
                format!("failed to create symbolic link '{to}': {errno}")
            } else if proc.stat(source, false).is_err() {
                format!("failed to access '{source}': {errno}")
            } else {
                format!("failed to create hard link '{to}': {errno}")
            };
            proc.warn(&words).await;
            status = 1;
        }
    }
    Ok(status)
}

pub(in crate::shell::tools) async fn touch(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "camr:d:t:h",
            &[("no-create", 'c'), ("date", 'd'), ("reference", 'r')],
        )
        .await?;
    if options.rest.is_empty() {
        return proc.fail(1, "missing file operand").await;
    }
    let machine = proc.machine.clone();
    let mut time: Timestamp = machine.clock.now();
    if let Some(other) = options.value('r') {
        match proc.stat(other, true) {
            Ok(stat) => time = stat.modified,
            Err(errno) => {
                return proc
                    .fail(
                        1,
                        &format!("failed to get attributes of '{other}': {errno}"),
                    )
                    .await;
            }
        }
    }
    if let Some(text) = options.value('d') {
        match crate::shell::tools::system::read_date(text, time) {
            Some(read) => time = read,
            None => return proc.fail(1, &format!("invalid date format '{text}'")).await,
        }
    }
    let mut status = 0;
    for path in &options.rest {
        let at = proc.path(path);
        if proc.stat(path, true).is_err() {
            if options.has('c') {
                continue;
            }
            let mode = Mode {
                write: true,
                create: true,
                bits: 0o666 & !proc.umask,
                ..Mode::default()
            };
            if let Err(errno) = machine.fs.open(&at, mode, &machine.who) {
                proc.warn(&format!("cannot touch '{path}': {errno}")).await;
                status = 1;
                continue;
            }
        }
        if let Err(errno) = machine.fs.set_modified(&at, time, &machine.who) {
            proc.warn(&format!("setting times of '{path}': {errno}"))
                .await;
            status = 1;
        }
    }
    Ok(status)
}

pub(in crate::shell::tools) async fn mktemp(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "dqup:t",
            &[("directory", 'd'), ("tmpdir", 'p'), ("dry-run", 'u')],
        )
        .await?;
    let folder = options
        .value('p')
        .filter(|folder| !folder.is_empty())
        .or(proc.env.get("TMPDIR").map(String::as_str))
        .unwrap_or("/tmp")
        .to_owned();
    let template = match options.rest.first() {
        Some(template) if options.has('p') || options.has('t') => below(&folder, template),
        Some(template) => template.clone(),
        None => below(&folder, "tmp.XXXXXXXXXX"),
    };
    let marks = template.len() - template.trim_end_matches('X').len();
    if marks < 3 {
        return proc
            .fail(1, &format!("too few X's in template '{template}'"))
            .await;
    }
    let machine = proc.machine.clone();
    let seed = machine.clock.now().as_microsecond() as u64 ^ u64::from(proc.pid) << 48;
    let chance = crate::sim::Entropy::seeded(seed);
    for _ in 0..100 {
        let path = format!("{}{}", template.trim_end_matches('X'), chance.suffix(marks));
        let at = proc.path(&path);
        let result = if options.has('d') {
            machine.fs.make_directory(&at, 0o700, &machine.who)
        } else if proc.stat(&path, false).is_ok() {
            Err(Errno::Exists)
        } else {
            machine.fs.write(&at, &[], 0o600, &machine.who)
        };
        match result {
            Err(Errno::Exists) => {}
            Ok(()) => {
                proc.print(format!("{path}\n")).await?;
                return Ok(0);
            }
            Err(errno) => {
                let words = format!("failed to create file via template '{template}': {errno}");
                return proc.fail(1, &words).await;
            }
        }
    }
    Ok(1)
}

pub(in crate::shell::tools) async fn truncate(proc: &mut Proc) -> Outcome {
    let options = proc
        .options("s:c", &[("size", 's'), ("no-create", 'c')])
        .await?;
    let Some(size) = options.value('s').and_then(amount) else {
        return proc
            .fail(1, "you must specify either '--size' or '--reference'")
            .await;
    };
    let machine = proc.machine.clone();
    let mut status = 0;
    for path in &options.rest {
        let at = proc.path(path);
        let mode = Mode {
            write: true,
            create: true,
            bits: 0o666 & !proc.umask,
            ..Mode::default()
        };
        let result = machine
            .fs
            .open(&at, mode, &machine.who)
            .and_then(|file| file.set_size(size));
        if let Err(errno) = result {
            proc.warn(&format!("cannot open '{path}' for writing: {errno}"))
                .await;
            status = 1;
        }
    }
    Ok(status)
}

//! `stat`, `readlink`, `realpath`, `basename`, `dirname`, `pwd`, `du`, `df`.

use std::collections::BTreeSet;

use super::{below, last_part, letters};
use crate::shell::exec::{Outcome, Proc};
use crate::shell::fs::resolve::lexical;
use crate::shell::fs::{Kind, Stat};

pub(in crate::shell::tools) async fn pwd(proc: &mut Proc) -> Outcome {
    let cwd = proc.cwd.clone();
    proc.print(cwd + "\n").await?;
    Ok(0)
}

pub(in crate::shell::tools) async fn basename(proc: &mut Proc) -> Outcome {
    let options = proc
        .options("as:z", &[("multiple", 'a'), ("suffix", 's')])
        .await?;
    let many = options.has('a') || options.has('s');
    if options.rest.is_empty() {
        return proc.fail(1, "missing operand").await;
    }
    let suffix = match options.value('s') {
        Some(suffix) => suffix.to_owned(),
        None if !many => options.rest.get(1).cloned().unwrap_or_default(),
        None => String::new(),
    };
    let count = if many { options.rest.len() } else { 1 };
    for path in &options.rest[..count] {
        let name = last_part(path);
        let short = name
            .strip_suffix(suffix.as_str())
            .filter(|short| !short.is_empty());
        proc.print(format!("{}\n", short.unwrap_or(name))).await?;
    }
    Ok(0)
}

pub(in crate::shell::tools) async fn dirname(proc: &mut Proc) -> Outcome {
    let options = proc.options("z", &[]).await?;
    if options.rest.is_empty() {
        return proc.fail(1, "missing operand").await;
    }
    for path in &options.rest {
        let trimmed = path.trim_end_matches('/');
        let folder = match trimmed.rsplit_once('/') {
            None if path.starts_with('/') => "/",
            None => ".",
            Some((folder, _)) if folder.trim_end_matches('/').is_empty() => "/",
            Some((folder, _)) => folder.trim_end_matches('/'),
        };
        proc.print(format!("{folder}\n")).await?;
    }
    Ok(0)
}

pub(in crate::shell::tools) async fn readlink(proc: &mut Proc) -> Outcome {
    let real = proc.args[0].ends_with("realpath");
    let options = proc
        .options(
            "femnsqvz",
            &[
                ("canonicalize", 'f'),
                ("no-newline", 'n'),
                ("canonicalize-missing", 'm'),
            ],
        )
        .await?;
    let machine = proc.machine.clone();
    let mut status = 0;
    for path in &options.rest {
        let at = proc.path(path);
        let result = if real || options.has('f') || options.has('e') || options.has('m') {
            let found = machine.fs.resolve(&at, true, &machine.who);
            match found {
                Ok(found) if found.place.is_some() || !options.has('e') => Ok(found.path),
                Err(_) if options.has('m') => Ok(lexical(&at)),
                Ok(_) => Err(crate::shell::fs::Errno::NoEntry),
                Err(errno) => Err(errno),
            }
        } else {
            machine.fs.read_link(&at, &machine.who)
        };
        match result {
            Ok(text) => {
                let end = if options.has('n') { "" } else { "\n" };
                proc.print(format!("{text}{end}")).await?;
            }
            Err(errno) => {
                if real {
                    proc.warn(&format!("{path}: {errno}")).await;
                }
                status = 1;
            }
        }
    }
    Ok(status)
}

fn formatted(proc: &Proc, path: &str, stat: &Stat, format: &str) -> String {
    let kind = match stat.kind {
        Kind::Directory => "directory",
        Kind::Link => "symbolic link",
        Kind::Device => "character special file",
        Kind::File if stat.size == 0 => "regular empty file",
        Kind::File => "regular file",
    };
    let time = stat.modified.strftime("%Y-%m-%d %H:%M:%S.%9f +0000");
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let text = match chars.next() {
            Some('n') => path.to_owned(),
            Some('N') => format!("'{path}'"),
            Some('s') => stat.size.to_string(),
            Some('a') => format!("{:o}", stat.mode),
            Some('A') => letters(stat),
            Some('u') => stat.uid.to_string(),
            Some('g') => stat.gid.to_string(),
            Some('U') => proc.user_name(stat.uid),
            Some('G') => proc.group_name(stat.gid),
            Some('F') => kind.to_owned(),
            Some('i') => stat.ino.to_string(),
            Some('h') => stat.links.to_string(),
            Some('b') => stat.size.div_ceil(512).to_string(),
            Some('B') => "512".to_owned(),
            Some('f') => format!("{:x}", stat.mode),
            Some('y' | 'x' | 'z') => time.to_string(),
            Some('Y' | 'X' | 'Z') => stat.modified.as_second().to_string(),
            Some('w') => "-".to_owned(),
            Some('W') => "0".to_owned(),
            Some('%') => "%".to_owned(),
            Some(c) => format!("%{c}"),
            None => "%".to_owned(),
        };
        out.push_str(&text);
    }
    out
}

pub(in crate::shell::tools) async fn stat(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "Lc:tf",
            &[("format", 'c'), ("dereference", 'L'), ("printf", 'p')],
        )
        .await?;
    if options.rest.is_empty() {
        return proc.fail(1, "missing operand").await;
    }
    let mut status = 0;
    for path in &options.rest {
        let stat = match proc.stat(path, options.has('L')) {
            Ok(stat) => stat,
            Err(errno) => {
                proc.warn(&format!("cannot statx '{path}': {errno}")).await;
                status = 1;
                continue;
            }
        };
        let text = if let Some(format) = options.value('c') {
            formatted(proc, path, &stat, format) + "\n"
        } else if let Some(format) = options.value('p') {
            let format = String::from_utf8_lossy(&super::super::escapes(format).0).into_owned();
            formatted(proc, path, &stat, &format)
        } else {
            formatted(
                proc,
                path,
                &stat,
                "  File: %n\n  Size: %s\t\tBlocks: %b\tIO Block: 4096   %F\n\
                 Access: (0%a/%A)  Uid: (%u/%U)   Gid: (%g/%G)\n\
                 Modify: %y\n",
            )
        };
        proc.print(text).await?;
    }
    Ok(status)
}

/// A number of bytes in a short form.
pub(in crate::shell::tools) fn human(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut units = "KMGT".chars();
    let mut unit = None;
    while value >= 1024.0 {
        value /= 1024.0;
        unit = units.next();
    }
    match unit {
        None => bytes.to_string(),
        Some(unit) if value < 9.95 => format!("{:.1}{unit}", (value * 10.0).ceil() / 10.0),
        Some(unit) => format!("{:.0}{unit}", value.ceil()),
    }
}

pub(in crate::shell::tools) async fn du(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "shakbmcd:x",
            &[
                ("summarize", 's'),
                ("human-readable", 'h'),
                ("all", 'a'),
                ("bytes", 'b'),
                ("max-depth", 'd'),
            ],
        )
        .await?;
    let files = if options.rest.is_empty() {
        vec![".".to_owned()]
    } else {
        options.rest.clone()
    };
    let most = if options.has('s') {
        0
    } else {
        options
            .value('d')
            .and_then(|n| n.parse().ok())
            .unwrap_or(usize::MAX)
    };
    let mut status = 0;
    let mut all = 0;
    let mut rows = Vec::new();
    for file in &files {
        if proc.stat(file, false).is_err() {
            proc.warn(&format!(
                "cannot access '{file}': No such file or directory"
            ))
            .await;
            status = 1;
            continue;
        }
        let mut seen = BTreeSet::new();
        all += measure(proc, file, (0, most), &options, &mut seen, &mut rows);
    }
    if options.has('c') {
        rows.push((all, "total".to_owned()));
    }
    for (bytes, path) in rows {
        let shown = if options.has('h') {
            human(bytes)
        } else if options.has('b') {
            bytes.to_string()
        } else if options.has('m') {
            bytes.div_ceil(1 << 20).to_string()
        } else {
            bytes.div_ceil(1024).to_string()
        };
        proc.print(format!("{shown}\t{path}\n")).await?;
    }
    Ok(status)
}

fn measure(
    proc: &Proc,
    path: &str,
    (depth, most): (usize, usize),
    options: &super::super::Options,
    seen: &mut BTreeSet<(usize, u64)>,
    rows: &mut Vec<(u64, String)>,
) -> u64 {
    let Ok(stat) = proc.stat(path, false) else {
        return 0;
    };
    if depth > 200 || (stat.links > 1 && !seen.insert((stat.device, stat.ino))) {
        return 0;
    }
    let folder = stat.kind == Kind::Directory;
    let mut bytes = if options.has('b') || folder || stat.kind == Kind::Link {
        if stat.kind == Kind::Link {
            0
        } else {
            stat.size
        }
    } else {
        stat.size.div_ceil(4096) * 4096
    };
    if folder {
        for name in proc.list(path).unwrap_or_default() {
            bytes += measure(
                proc,
                &below(path, &name),
                (depth + 1, most),
                options,
                seen,
                rows,
            );
        }
    }
    if depth == 0 || depth <= most && (folder || options.has('a')) {
        rows.push((bytes, path.to_owned()));
    }
    bytes
}

pub(in crate::shell::tools) async fn df(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "hkPTaim",
            &[
                ("human-readable", 'h'),
                ("portability", 'P'),
                ("inodes", 'i'),
            ],
        )
        .await?;
    let machine = proc.machine.clone();
    let mut paths = options.rest.clone();
    if paths.is_empty() {
        paths = vec!["/".to_owned()];
        paths.extend(machine.fs.mount_paths());
    }
    let size = if options.has('h') {
        "Size"
    } else {
        "1K-blocks"
    };
    let heading = format!("Filesystem     {size:>9}      Used Available Use% Mounted on\n");
    proc.print(heading).await?;
    let mut status = 0;
    for path in paths {
        let Ok((used, total, _, _)) = machine.fs.usage(&proc.path(&path), &machine.who) else {
            proc.warn(&format!("{path}: No such file or directory"))
                .await;
            status = 1;
            continue;
        };
        let shown = |bytes: u64| {
            if options.has('h') {
                human(bytes)
            } else {
                bytes.div_ceil(1024).to_string()
            }
        };
        let name = if path == "/" { "overlay" } else { "tmpfs" };
        let percent = format!("{}%", (used * 100).div_ceil(total.max(1)));
        let (total, used, left) = (shown(total), shown(used), shown(total - used.min(total)));
        let row = format!("{name:<14} {total:>9} {used:>9} {left:>9} {percent:>4} {path}\n");
        proc.print(row).await?;
    }
    Ok(status)
}

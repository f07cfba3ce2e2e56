//! `ls`.

use std::cmp::Reverse;

use super::Options;
use super::files::look::human;
use super::files::{below, letters};
use crate::shell::exec::{Outcome, Proc};
use crate::shell::fs::{Kind, Stat};

struct Entry {
    name: String,
    path: String,
    stat: Stat,
}

pub(super) async fn ls(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "laA1RhtrSdFpinosgLHCxkmBUqvNc",
            &[
                ("all", 'a'),
                ("almost-all", 'A'),
                ("recursive", 'R'),
                ("human-readable", 'h'),
                ("reverse", 'r'),
                ("directory", 'd'),
                ("classify", 'F'),
                ("inode", 'i'),
                ("color", 'N'),
                ("group-directories-first", 'N'),
                ("full-time", 'v'),
                ("time-style", 'v'),
            ],
        )
        .await?;
    let paths = if options.rest.is_empty() {
        vec![".".to_owned()]
    } else {
        options.rest.clone()
    };
    let mut status = 0;
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for path in &paths {
        let shown = options.has('l') && !path.ends_with('/');
        let stat = proc.stat(path, false);
        let follow = stat.as_ref().is_ok_and(|stat| stat.kind == Kind::Link) && !shown;
        let stat = if follow {
            proc.stat(path, true).or(stat)
        } else {
            stat
        };
        match stat {
            Ok(stat) => {
                let entry = Entry {
                    name: path.clone(),
                    path: path.clone(),
                    stat,
                };
                if entry.stat.kind == Kind::Directory && !options.has('d') {
                    folders.push(entry);
                } else {
                    files.push(entry);
                }
            }
            Err(errno) => {
                proc.warn(&format!("cannot access '{path}': {errno}")).await;
                status = 2;
            }
        }
    }
    order(&mut files, &options);
    order(&mut folders, &options);
    let mut first = files.is_empty();
    show(proc, &files, &options).await?;
    let heads = paths.len() > 1 || options.has('R');
    let mut open: Vec<String> = folders.into_iter().rev().map(|entry| entry.path).collect();
    while let Some(folder) = open.pop() {
        tokio::task::yield_now().await;
        let names = match proc.list(&folder) {
            Ok(names) => names,
            Err(errno) => {
                proc.warn(&format!("cannot open directory '{folder}': {errno}"))
                    .await;
                status = 2;
                continue;
            }
        };
        if heads {
            let gap = if first { "" } else { "\n" };
            proc.print(format!("{gap}{folder}:\n")).await?;
        }
        first = false;
        let mut entries = entries(proc, &folder, names, &options);
        order(&mut entries, &options);
        if options.has('l') || options.has('s') {
            let blocks: u64 = entries
                .iter()
                .filter(|entry| entry.stat.kind != Kind::Link)
                .map(|entry| entry.stat.size.div_ceil(4096) * 4)
                .sum();
            proc.print(format!("total {blocks}\n")).await?;
        }
        show(proc, &entries, &options).await?;
        if options.has('R') {
            let inner = entries
                .iter()
                .filter(|entry| entry.stat.kind == Kind::Directory)
                .filter(|entry| !matches!(entry.name.as_str(), "." | ".."))
                .map(|entry| entry.path.clone());
            open.extend(inner.collect::<Vec<_>>().into_iter().rev());
        }
    }
    Ok(status)
}

fn entries(proc: &Proc, folder: &str, names: Vec<String>, options: &Options) -> Vec<Entry> {
    let all = options.has('a');
    let mut shown: Vec<String> = Vec::new();
    if all {
        shown.extend([".".to_owned(), "..".to_owned()]);
    }
    shown.extend(
        names
            .into_iter()
            .filter(|name| all || options.has('A') || !name.starts_with('.')),
    );
    shown
        .into_iter()
        .filter_map(|name| {
            let path = below(folder, &name);
            let stat = proc.stat(&path, options.has('L')).ok()?;
            Some(Entry { name, path, stat })
        })
        .collect()
}

fn order(entries: &mut [Entry], options: &Options) {
    match options.last_of("tSU") {
        Some('t') => entries.sort_by_key(|entry| Reverse(entry.stat.modified)),
        Some('S') => entries.sort_by_key(|entry| Reverse(entry.stat.size)),
        Some(_) => {}
        None => entries.sort_by(|a, b| a.name.cmp(&b.name)),
    }
    if options.has('r') {
        entries.reverse();
    }
}

fn mark(entry: &Entry, options: &Options) -> &'static str {
    let folder = entry.stat.kind == Kind::Directory;
    if folder && (options.has('F') || options.has('p')) {
        return "/";
    }
    if !options.has('F') {
        return "";
    }
    match entry.stat.kind {
        Kind::Link if !options.has('l') => "@",
        Kind::File if entry.stat.mode & 0o111 != 0 => "*",
        _ => "",
    }
}

async fn show(proc: &mut Proc, entries: &[Entry], options: &Options) -> Outcome<()> {
    if options.has('l') || options.has('n') || options.has('o') || options.has('g') {
        return long(proc, entries, options).await;
    }
    let terminal = proc
        .fds
        .get(&1)
        .and_then(|fd| fd.terminal())
        .map(|t| t.size());
    let names: Vec<String> = entries
        .iter()
        .map(|entry| {
            let ino = if options.has('i') {
                format!("{} ", entry.stat.ino)
            } else {
                String::new()
            };
            format!("{ino}{}{}", entry.name, mark(entry, options))
        })
        .collect();
    if let Some(size) = terminal.filter(|_| !options.has('1')) {
        let text = columns(&names, usize::from(size.width.max(20)));
        return proc.print(text).await;
    }
    if options.has('m') || options.has('C') || options.has('x') {
        return proc.print(columns(&names, 80)).await;
    }
    for name in names {
        proc.print(name + "\n").await?;
    }
    Ok(())
}

fn columns(names: &[String], width: usize) -> String {
    let widest = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        + 2;
    let across = (width / widest.max(1)).max(1);
    let rows = names.len().div_ceil(across);
    let mut out = String::new();
    for row in 0..rows {
        let line: Vec<&String> = names.iter().skip(row).step_by(rows).collect();
        for (place, name) in line.iter().enumerate() {
            if place + 1 == line.len() {
                out.push_str(name);
            } else {
                out.push_str(&format!("{name:<widest$}"));
            }
        }
        out.push('\n');
    }
    out
}

async fn long(proc: &mut Proc, entries: &[Entry], options: &Options) -> Outcome<()> {
    let machine = proc.machine.clone();
    let now = machine.clock.now();
    let mut rows = Vec::new();
    for entry in entries {
        let stat = &entry.stat;
        let (user, group) = if options.has('n') {
            (stat.uid.to_string(), stat.gid.to_string())
        } else {
            (proc.user_name(stat.uid), proc.group_name(stat.gid))
        };
        let size = match stat.kind {
            Kind::Device => "1, 3".to_owned(),
            _ if options.has('h') => human(stat.size),
            _ => stat.size.to_string(),
        };
        let age = now.duration_since(stat.modified).as_secs();
        let form = if options.has('v') {
            "%Y-%m-%d %H:%M:%S.%9f +0000"
        } else if (0..15_778_476).contains(&age) {
            "%b %e %H:%M"
        } else {
            "%b %e  %Y"
        };
        let mut name = format!("{}{}", entry.name, mark(entry, options));
        if stat.kind == Kind::Link
            && let Ok(target) = machine.fs.read_link(&proc.path(&entry.path), &machine.who)
        {
            name.push_str(&format!(" -> {target}"));
        }
        let ino = if options.has('i') {
            format!("{} ", stat.ino)
        } else {
            String::new()
        };
        let time = stat.modified.strftime(form).to_string();
        rows.push((
            ino + &letters(stat),
            stat.links,
            user,
            group,
            size,
            time,
            name,
        ));
    }
    let width = |of: &dyn Fn(usize) -> usize| (0..rows.len()).map(of).max().unwrap_or(0);
    let links = width(&|row| rows[row].1.to_string().len());
    let users = width(&|row| rows[row].2.len());
    let groups = width(&|row| rows[row].3.len());
    let sizes = width(&|row| rows[row].4.len());
    for (mode, count, user, group, size, time, name) in &rows {
        let user = if options.has('g') {
            String::new()
        } else {
            format!(" {user:<users$}")
        };
        let group = if options.has('o') {
            String::new()
        } else {
            format!(" {group:<groups$}")
        };
        let line = format!("{mode} {count:>links$}{user}{group} {size:>sizes$} {time} {name}\n");
        proc.print(line).await?;
    }
    Ok(())
}

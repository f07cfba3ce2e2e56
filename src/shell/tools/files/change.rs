//! `chmod` and `chown`.

use super::below;
use crate::shell::exec::{Outcome, Proc};

/// The bits that a mode such as `755` or `u+x,go-w` makes of others.
pub(in crate::shell::tools) fn applied(
    text: &str,
    old: u32,
    folder: bool,
    umask: u32,
) -> Option<u32> {
    if let Ok(bits) = u32::from_str_radix(text, 8) {
        return (bits <= 0o7777).then_some(bits);
    }
    let mut mode = old;
    for clause in text.split(',') {
        let at = clause.find(['+', '-', '='])?;
        let (who, rest) = clause.split_at(at);
        let mut mask = 0;
        for c in who.chars() {
            mask |= match c {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            };
        }
        let all = who.is_empty();
        if all {
            mask = 0o7777;
        }
        let mut operator = '+';
        let mut bits = 0;
        let mut apply = |operator: char, bits: u32| {
            let bits = if all { bits & !umask } else { bits & mask };
            match operator {
                '+' => mode |= bits,
                '-' => mode &= !bits,
                _ => mode = (mode & !(mask & 0o777)) | bits,
            }
        };
        let mut first = true;
        for c in rest.chars() {
            match c {
                '+' | '-' | '=' => {
                    if !first {
                        apply(operator, bits);
                    }
                    first = false;
                    operator = c;
                    bits = 0;
                }
                'r' => bits |= 0o444,
                'w' => bits |= 0o222,
                'x' => bits |= 0o111,
                'X' if folder || old & 0o111 != 0 => bits |= 0o111,
                'X' => {}
                's' => bits |= 0o6000,
                't' => bits |= 0o1000,
                'u' => bits |= (old >> 6 & 7) * 0o111,
                'g' => bits |= (old >> 3 & 7) * 0o111,
                'o' => bits |= (old & 7) * 0o111,
                _ => return None,
            }
        }
        apply(operator, bits);
    }
    Some(mode)
}

/// A path and, where asked for, all that is below it.
fn reached(proc: &Proc, path: &str, recursive: bool) -> Vec<String> {
    let mut out = vec![path.to_owned()];
    let mut at = 0;
    while recursive && at < out.len() {
        let path = out[at].clone();
        let linked = proc
            .stat(&path, false)
            .is_ok_and(|stat| stat.kind == crate::shell::fs::Kind::Link);
        if !linked && proc.is_folder(&path) {
            for name in proc.list(&path).unwrap_or_default() {
                out.push(below(&path, &name));
            }
        }
        at += 1;
    }
    out
}

pub(in crate::shell::tools) async fn chmod(proc: &mut Proc) -> Outcome {
    // A mode such as -x is no option.
    let args: Vec<String> = proc.args[1..].to_vec();
    let recursive = args.iter().any(|arg| arg == "-R" || arg == "--recursive");
    let rest: Vec<&String> = args
        .iter()
        .filter(|arg| !matches!(arg.as_str(), "-R" | "--recursive" | "-v" | "-f" | "--"))
        .collect();
    let [mode, files @ ..] = rest.as_slice() else {
        return proc.fail(1, "missing operand").await;
    };
    if files.is_empty() {
        return proc
            .fail(1, &format!("missing operand after '{mode}'"))
            .await;
    }
    let mut status = 0;
    let machine = proc.machine.clone();
    for file in files {
        for path in reached(proc, file, recursive) {
            let result = proc.stat(&path, true).and_then(|stat| {
                let folder = stat.kind == crate::shell::fs::Kind::Directory;
                let bits = applied(mode, stat.mode, folder, proc.umask)
                    .ok_or(crate::shell::fs::Errno::Invalid)?;
                machine.fs.set_mode(&proc.path(&path), bits, &machine.who)
            });
            match result {
                Ok(()) => {}
                Err(crate::shell::fs::Errno::Invalid) => {
                    return proc.fail(1, &format!("invalid mode: '{mode}'")).await;
                }
                Err(crate::shell::fs::Errno::NoEntry) => {
                    proc.warn(&format!(
                        "cannot access '{path}': No such file or directory"
                    ))
                    .await;
                    status = 1;
                }
                Err(errno) => {
                    proc.warn(&format!("changing permissions of '{path}': {errno}"))
                        .await;
                    status = 1;
                }
            }
        }
    }
    Ok(status)
}

pub(in crate::shell::tools) async fn chown(proc: &mut Proc) -> Outcome {
    let options = proc
        .options("RhvfL", &[("recursive", 'R'), ("no-dereference", 'h')])
        .await?;
    let [owner, files @ ..] = options.rest.as_slice() else {
        return proc.fail(1, "missing operand").await;
    };
    let groups_only = proc.args[0].ends_with("chgrp");
    let (user, group) = if groups_only {
        ("", Some(owner.as_str()))
    } else {
        match owner.split_once([':', '.']) {
            Some((user, group)) => (user, Some(group)),
            None => (owner.as_str(), None),
        }
    };
    let machine = proc.machine.clone();
    let uid = match user {
        "" => None,
        user => match machine
            .user_named(user)
            .map(|user| user.uid)
            .or(user.parse().ok())
        {
            Some(uid) => Some(uid),
            None => return proc.fail(1, &format!("invalid user: '{owner}'")).await,
        },
    };
    let gid = match group {
        None | Some("") => None,
        Some(group) => {
            let known = machine.groups().into_iter().find(|(name, _)| name == group);
            match known.map(|(_, gid)| gid).or(group.parse().ok()) {
                Some(gid) => Some(gid),
                None => return proc.fail(1, &format!("invalid group: '{owner}'")).await,
            }
        }
    };
    let mut status = 0;
    for file in files {
        for path in reached(proc, file, options.has('R')) {
            let follow = !options.has('h');
            let at = proc.path(&path);
            if let Err(errno) = machine.fs.set_owner(&at, (uid, gid), follow, &machine.who) {
                let words = if errno == crate::shell::fs::Errno::NoEntry {
                    format!("cannot access '{path}': {errno}")
                } else {
                    format!("changing ownership of '{path}': {errno}")
                };
                proc.warn(&words).await;
                status = 1;
            }
        }
    }
    Ok(status)
}

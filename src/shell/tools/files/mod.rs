//! Tools that look at files and change them.

pub(super) mod change;
pub(super) mod copy;
pub(super) mod differ;
pub(super) mod look;
pub(super) mod make;

use crate::shell::exec::Proc;
use crate::shell::fs::{Errno, Kind, Stat};

impl Proc {
    pub(super) fn stat(&self, path: &str, follow: bool) -> Result<Stat, Errno> {
        let machine = &self.machine;
        machine.fs.stat(&self.path(path), follow, &machine.who)
    }

    pub(super) fn is_folder(&self, path: &str) -> bool {
        self.stat(path, true)
            .is_ok_and(|stat| stat.kind == Kind::Directory)
    }

    pub(super) fn list(&self, path: &str) -> Result<Vec<String>, Errno> {
        let machine = &self.machine;
        machine.fs.list(&self.path(path), &machine.who)
    }

    /// The name of a user, or their number.
    pub(super) fn user_name(&self, uid: u32) -> String {
        self.machine
            .user(uid)
            .map_or_else(|| uid.to_string(), |user| user.name)
    }

    pub(super) fn group_name(&self, gid: u32) -> String {
        let groups = self.machine.groups();
        let found = groups.into_iter().find(|(_, known)| *known == gid);
        found.map_or_else(|| gid.to_string(), |(name, _)| name)
    }
}

/// A path below a folder.
pub(super) fn below(folder: &str, name: &str) -> String {
    if folder.ends_with('/') {
        format!("{folder}{name}")
    } else {
        format!("{folder}/{name}")
    }
}

/// The last part of a path.
pub(super) fn last_part(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return if path.is_empty() { "" } else { "/" };
    }
    trimmed.rsplit('/').next().unwrap_or(trimmed)
}

/// The bits as `ls -l` shows them.
pub(super) fn letters(stat: &Stat) -> String {
    let kind = match stat.kind {
        Kind::Directory => 'd',
        Kind::Link => 'l',
        Kind::Device => 'c',
        Kind::File => '-',
    };
    let mut out = String::from(kind);
    for (shift, special, low, high) in [
        (6, 0o4000, 's', 'S'),
        (3, 0o2000, 's', 'S'),
        (0, 0o1000, 't', 'T'),
    ] {
        let bits = stat.mode >> shift;
        out.push(if bits & 4 != 0 { 'r' } else { '-' });
        out.push(if bits & 2 != 0 { 'w' } else { '-' });
        out.push(match (bits & 1 != 0, stat.mode & special != 0) {
            (true, true) => low,
            (false, true) => high,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    out
}

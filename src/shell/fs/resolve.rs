//! From a path to a node: `..`, symbolic links and mounts, all kept inside.

use std::collections::VecDeque;

use super::errno::Errno;
use super::tree::{Content, Ino, Volume};
use super::{FileSystem, Who};

/// How many symbolic links a path may lead through.
const LINKS_MAX: usize = 40;

/// A node where it is mounted.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) volume: Volume,
    pub(crate) ino: Ino,
    pub(crate) read_only: bool,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) struct Found {
    /// The folder that has it.
    pub(crate) parent: Place,
    /// Its name there; empty for the root.
    pub(crate) name: String,
    /// The node, where there is one.
    pub(crate) place: Option<Place>,
    /// The path without links and dots.
    pub(crate) path: String,
    /// Whether something is mounted right here.
    pub(crate) mounted: bool,
}

impl Found {
    pub(crate) fn existing(self) -> Result<Place, Errno> {
        self.place.ok_or(Errno::NoEntry)
    }
}

impl Place {
    pub(crate) fn may(&self, who: &Who, want: u32) -> Result<(), Errno> {
        if who.uid == 0 {
            return Ok(());
        }
        let tree = self.volume.lock();
        let node = tree.node(self.ino)?;
        let granted = if node.uid == who.uid {
            node.mode >> 6
        } else if node.gid == who.gid || who.groups.contains(&node.gid) {
            node.mode >> 3
        } else {
            node.mode
        };
        if granted & want == want {
            Ok(())
        } else {
            Err(Errno::Access)
        }
    }

    pub(crate) fn writable(&self, who: &Who) -> Result<(), Errno> {
        if self.read_only {
            return Err(Errno::ReadOnly);
        }
        self.may(who, 2)
    }
}

impl FileSystem {
    /// Walks an absolute path.
    pub(crate) fn resolve(&self, path: &str, follow: bool, who: &Who) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::NoEntry);
        }
        let follow = follow || path.ends_with('/');
        let mut left: VecDeque<String> = components(path);
        let mut stack: Vec<(String, Place)> = vec![(String::new(), self.root())];
        let mut links = 0;
        while let Some(name) = left.pop_front() {
            if name == ".." {
                if stack.len() > 1 {
                    stack.pop();
                }
                continue;
            }
            let (_, parent) = stack.last().cloned().ok_or(Errno::NoEntry)?;
            let child = parent
                .volume
                .lock()
                .entries(parent.ino)?
                .get(&name)
                .copied();
            parent.may(who, 1)?;
            let child_path = join(&stack, &name);
            let mount = self.mount_at(&child_path);
            if mount.is_none() && child.is_none() {
                if !left.is_empty() {
                    return Err(Errno::NoEntry);
                }
                return Ok(Found {
                    parent,
                    name,
                    place: None,
                    path: child_path,
                    mounted: false,
                });
            }
            let place = mount.or_else(|| {
                child.map(|ino| Place {
                    ino,
                    ..parent.clone()
                })
            });
            let Some(place) = place else {
                return Err(Errno::NoEntry);
            };
            let target = match &place.volume.lock().node(place.ino)?.content {
                Content::Link(target) if follow || !left.is_empty() => Some(target.clone()),
                _ => None,
            };
            let Some(target) = target else {
                stack.push((name, place));
                continue;
            };
            links += 1;
            if links > LINKS_MAX {
                return Err(Errno::Loop);
            }
            if target.starts_with('/') {
                stack.truncate(1);
            }
            for part in components(&target).into_iter().rev() {
                left.push_front(part);
            }
        }
        self.arrived(stack, path)
    }

    fn arrived(&self, mut stack: Vec<(String, Place)>, asked: &str) -> Result<Found, Errno> {
        let path = match stack.split_last() {
            Some(((name, _), above)) if !above.is_empty() => join(above, name),
            _ => "/".to_owned(),
        };
        let (name, place) = stack.pop().ok_or(Errno::NoEntry)?;
        if asked.ends_with('/') {
            place.volume.lock().entries(place.ino)?;
        }
        let parent = stack
            .pop()
            .map_or_else(|| place.clone(), |(_, parent)| parent);
        let mounted = path == "/" || self.mount_at(&path).is_some();
        Ok(Found {
            parent,
            name,
            place: Some(place),
            path,
            mounted,
        })
    }
}

fn components(path: &str) -> VecDeque<String> {
    path.split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .map(str::to_owned)
        .collect()
}

fn join(stack: &[(String, Place)], name: &str) -> String {
    let mut out = String::new();
    for (part, _) in stack.iter().skip(1) {
        out.push('/');
        out.push_str(part);
    }
    out.push('/');
    out.push_str(name);
    out
}

/// Makes a path absolute, as seen from a folder; dots stay, since links may be before them.
pub(crate) fn absolute(folder: &str, path: &str) -> String {
    if path.starts_with('/') || path.is_empty() {
        path.to_owned()
    } else if folder.ends_with('/') {
        format!("{folder}{path}")
    } else {
        format!("{folder}/{path}")
    }
}

/// A path without dots, worked out on its text.
pub(crate) fn lexical(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

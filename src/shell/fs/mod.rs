//! Files in memory: a tree of its own for every container, with volumes mounted into it.
//!
//! *Invariant:* no path leads to the host; nothing grows past its limits.

pub(crate) mod errno;
mod image;
mod open;
mod operations;
pub(crate) mod resolve;
pub(crate) mod tree;

pub use errno::Errno;
pub use image::TOOL_MAGIC;
pub use open::{Mode, OpenFile};
pub use operations::{Kind, Stat};
pub use tree::{Limits, Volume};

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::sim::Clock;
use resolve::Place;
use tree::{Content, Node, ROOT};

/// Who does something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

/// What a container sees as its files; clones see the same.
#[derive(Clone, Debug)]
pub struct FileSystem(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: Mutex<Place>,
    mounts: Mutex<BTreeMap<String, Place>>,
    clock: Clock,
}

impl FileSystem {
    /// A root with nothing in it.
    pub fn empty(clock: Clock, limits: Limits) -> Self {
        let volume = Volume::with_mode(limits, clock.now(), 0o755);
        Self(Arc::new(Inner {
            root: Mutex::new(Place {
                volume,
                ino: ROOT,
                read_only: false,
            }),
            mounts: Mutex::default(),
            clock,
        }))
    }

    pub(crate) fn root(&self) -> Place {
        self.0.root.lock().clone()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn mount_at(&self, path: &str) -> Option<Place> {
        self.0.mounts.lock().get(path).cloned()
    }

    /// The paths where something is mounted.
    pub fn mount_paths(&self) -> Vec<String> {
        self.0.mounts.lock().keys().cloned().collect()
    }

    /// Whether what is outside of mounts may be written.
    pub fn seal_root(&self, read_only: bool) {
        self.0.root.lock().read_only = read_only;
    }

    /// Mounts a tree, or what is at `sub_path` in it (a folder made where there is nothing).
    pub fn mount(
        &self,
        path: &str,
        volume: &Volume,
        sub_path: &str,
        read_only: bool,
    ) -> Result<(), Errno> {
        let inside = FileSystem::of(volume.clone(), self.0.clock.clone());
        let system = Who::default();
        let sub = resolve::lexical(sub_path);
        if inside.stat(&sub, true, &system).is_err() {
            inside.make_all(&sub, 0o777, &system)?;
        }
        let mut place = inside.resolve(&sub, true, &system)?.existing()?;
        place.read_only = read_only;
        let folder = place.volume.lock().entries(place.ino).is_ok();
        let path = resolve::lexical(path);
        let found = self.resolve(&path, true, &system);
        let sealed = self.root().read_only;
        self.seal_root(false);
        let made = match &found {
            Ok(found) if found.place.is_some() => Ok(()),
            _ if folder => self.make_all(&path, 0o755, &system),
            _ => self.make_file(&path, &system),
        };
        self.seal_root(sealed);
        made?;
        let path = self.resolve(&path, true, &system)?.path;
        self.0.mounts.lock().insert(path, place);
        Ok(())
    }

    /// A volume's own tree as a file system.
    pub fn of(volume: Volume, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            root: Mutex::new(Place {
                volume,
                ino: ROOT,
                read_only: false,
            }),
            mounts: Mutex::default(),
            clock,
        }))
    }

    fn make_file(&self, path: &str, who: &Who) -> Result<(), Errno> {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.make_all(folder, 0o755, who)?;
        }
        self.write(path, &[], 0o644, who)
    }

    pub(crate) fn fresh(&self, content: Content, mode: u32, who: &Who) -> Node {
        Node {
            content,
            mode,
            uid: who.uid,
            gid: who.gid,
            modified: self.0.clock.now(),
            links: 1,
            open: 0,
        }
    }
}

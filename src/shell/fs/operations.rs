//! What one does with paths: look, make, move, remove.

use jiff::Timestamp;

use super::errno::Errno;
use super::open::Mode;
use super::resolve::Place;
use super::tree::{Content, Ino};
use super::{FileSystem, Who};

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is said by its name")]
pub enum Kind {
    File,
    Directory,
    Link,
    Device,
}

/// What is known of a node.
#[derive(Clone, Debug)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Its bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// When its content changed last.
    pub modified: Timestamp,
    /// How many names it has.
    pub links: u32,
    /// Its number.
    pub ino: Ino,
    /// Which tree it is in.
    pub device: usize,
}

impl FileSystem {
    /// Looks at a node.
    pub fn stat(&self, path: &str, follow: bool, who: &Who) -> Result<Stat, Errno> {
        let place = self.resolve(path, follow, who)?.existing()?;
        let tree = place.volume.lock();
        let node = tree.node(place.ino)?;
        Ok(Stat {
            kind: match &node.content {
                Content::File(_) => Kind::File,
                Content::Directory(_) => Kind::Directory,
                Content::Link(_) => Kind::Link,
                Content::Device(_) => Kind::Device,
            },
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            size: node.size(),
            modified: node.modified,
            links: if tree.entries(place.ino).is_ok() {
                2
            } else {
                node.links
            },
            ino: place.ino,
            device: place.volume.device(),
        })
    }

    /// Whether one may read (4), write (2), run (1) it.
    pub fn allows(&self, path: &str, want: u32, who: &Who) -> bool {
        let Ok(Some(place)) = self.resolve(path, true, who).map(|found| found.place) else {
            return false;
        };
        if want == 1 {
            let tree = place.volume.lock();
            let Ok(node) = tree.node(place.ino) else {
                return false;
            };
            // Even root runs only what somebody may run.
            if tree.entries(place.ino).is_err() && node.mode & 0o111 == 0 {
                return false;
            }
        }
        !(want == 2 && place.read_only) && place.may(who, want).is_ok()
    }

    /// The path without links and dots.
    pub fn canonical(&self, path: &str, who: &Who) -> Result<String, Errno> {
        let found = self.resolve(path, true, who)?;
        let path = found.path.clone();
        found.existing().map(|_| path)
    }

    /// The whole content of a file.
    pub fn read(&self, path: &str, who: &Who) -> Result<Vec<u8>, Errno> {
        let file = self.open(
            path,
            Mode {
                read: true,
                ..Mode::default()
            },
            who,
        )?;
        let size = file.size() as usize;
        if file.device().is_some() {
            return Ok(Vec::new());
        }
        file.read(size.max(1))
    }

    /// Puts a whole file there.
    pub fn write(&self, path: &str, bytes: &[u8], bits: u32, who: &Who) -> Result<(), Errno> {
        let mode = Mode {
            write: true,
            create: true,
            truncate: true,
            bits,
            ..Mode::default()
        };
        self.open(path, mode, who)?.write(bytes)
    }

    /// The names in a folder, sorted.
    pub fn list(&self, path: &str, who: &Who) -> Result<Vec<String>, Errno> {
        let place = self.resolve(path, true, who)?.existing()?;
        let names = place
            .volume
            .lock()
            .entries(place.ino)?
            .keys()
            .cloned()
            .collect();
        place.may(who, 4)?;
        Ok(names)
    }

    fn make(&self, path: &str, content: Content, mode: u32, who: &Who) -> Result<(), Errno> {
        let found = self.resolve(path.trim_end_matches('/'), false, who)?;
        if found.place.is_some() {
            return Err(Errno::Exists);
        }
        found.parent.writable(who)?;
        let node = self.fresh(content, mode, who);
        let mut tree = found.parent.volume.lock();
        tree.add(found.parent.ino, &found.name, node).map(|_| ())
    }

    /// Makes a folder.
    pub fn make_directory(&self, path: &str, mode: u32, who: &Who) -> Result<(), Errno> {
        if path.trim_end_matches('/').is_empty() {
            return Err(Errno::Exists);
        }
        self.make(path, Content::Directory([].into()), mode, who)
    }

    /// Makes a folder and those above it.
    pub fn make_all(&self, path: &str, mode: u32, who: &Who) -> Result<(), Errno> {
        let mut made = String::new();
        if path.trim_end_matches('/').is_empty() {
            return Ok(());
        }
        for part in path.split('/').filter(|part| !part.is_empty()) {
            made.push('/');
            made.push_str(part);
            match self.stat(&made, true, who) {
                Ok(stat) if stat.kind == Kind::Directory => {}
                Ok(_) => return Err(Errno::NotDirectory),
                Err(Errno::NoEntry) => self.make_directory(&made, mode, who)?,
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Makes a symbolic link.
    pub fn symlink(&self, target: &str, path: &str, who: &Who) -> Result<(), Errno> {
        self.make(path, Content::Link(target.to_owned()), 0o777, who)
    }

    pub(crate) fn device(&self, path: &str, device: super::tree::Device) -> Result<(), Errno> {
        self.make(path, Content::Device(device), 0o666, &Who::default())
    }

    /// Where a symbolic link leads.
    pub fn read_link(&self, path: &str, who: &Who) -> Result<String, Errno> {
        let place = self.resolve(path, false, who)?.existing()?;
        let tree = place.volume.lock();
        match &tree.node(place.ino)?.content {
            Content::Link(target) => Ok(target.clone()),
            _ => Err(Errno::Invalid),
        }
    }

    /// Gives a file another name.
    pub fn link(&self, from: &str, to: &str, who: &Who) -> Result<(), Errno> {
        let from = self.resolve(from, false, who)?.existing()?;
        let to = self.resolve(to, false, who)?;
        if to.place.is_some() {
            return Err(Errno::Exists);
        }
        if !from.volume.same(&to.parent.volume) {
            return Err(Errno::CrossDevice);
        }
        to.parent.writable(who)?;
        let mut tree = from.volume.lock();
        if tree.entries(from.ino).is_ok() {
            return Err(Errno::NotPermitted);
        }
        tree.entries_mut(to.parent.ino)?.insert(to.name, from.ino);
        tree.node_mut(from.ino)?.links += 1;
        Ok(())
    }

    /// Removes a file, or an empty folder where one is meant.
    pub fn remove(&self, path: &str, folder: bool, who: &Who) -> Result<(), Errno> {
        let found = self.resolve(path.trim_end_matches('/'), false, who)?;
        let mounted = found.mounted;
        let Some(place) = found.place else {
            return Err(Errno::NoEntry);
        };
        {
            let tree = place.volume.lock();
            match tree.entries(place.ino) {
                Ok(_) if !folder => return Err(Errno::IsDirectory),
                Err(_) if folder => return Err(Errno::NotDirectory),
                Ok(entries) if !entries.is_empty() => return Err(Errno::NotEmpty),
                _ => {}
            }
        }
        if mounted {
            return Err(Errno::Busy);
        }
        found.parent.writable(who)?;
        sticky(&found.parent, &place, who)?;
        let now = self.clock().now();
        let mut tree = found.parent.volume.lock();
        tree.unlink(found.parent.ino, &found.name, now)
    }

    /// Moves within a tree; from one to another it is copied, by whoever asks.
    pub fn rename(&self, from: &str, to: &str, who: &Who) -> Result<(), Errno> {
        let source = self.resolve(from.trim_end_matches('/'), false, who)?;
        let target = self.resolve(to.trim_end_matches('/'), false, who)?;
        let inside = format!("{}/", source.path);
        if target.path.starts_with(&inside) {
            return Err(Errno::Invalid);
        }
        if source.mounted || (target.mounted && target.place.is_some()) {
            return Err(Errno::Busy);
        }
        let (source_name, source_parent) = (source.name.clone(), source.parent.clone());
        let moved = source.existing()?;
        if !moved.volume.same(&target.parent.volume) {
            return Err(Errno::CrossDevice);
        }
        source_parent.writable(who)?;
        target.parent.writable(who)?;
        sticky(&source_parent, &moved, who)?;
        let folder = moved.volume.lock().entries(moved.ino).is_ok();
        if let Some(place) = &target.place {
            if place.ino == moved.ino {
                return Ok(());
            }
            let old_folder = place.volume.lock().entries(place.ino).is_ok();
            match (folder, old_folder) {
                (true, false) => return Err(Errno::NotDirectory),
                (false, true) => return Err(Errno::IsDirectory),
                _ => self.remove(&target.path, old_folder, who)?,
            }
        }
        let now = self.clock().now();
        let mut tree = moved.volume.lock();
        let entries = tree.entries_mut(source_parent.ino)?;
        entries.remove(&source_name);
        tree.entries_mut(target.parent.ino)?
            .insert(target.name, moved.ino);
        tree.node_mut(source_parent.ino)?.modified = now;
        tree.node_mut(target.parent.ino)?.modified = now;
        Ok(())
    }

    fn owned(&self, path: &str, follow: bool, who: &Who) -> Result<Place, Errno> {
        let place = self.resolve(path, follow, who)?.existing()?;
        if place.read_only {
            return Err(Errno::ReadOnly);
        }
        let owner = place.volume.lock().node(place.ino)?.uid;
        if who.uid != 0 && who.uid != owner {
            return Err(Errno::NotPermitted);
        }
        Ok(place)
    }

    /// Changes the bits.
    pub fn set_mode(&self, path: &str, mode: u32, who: &Who) -> Result<(), Errno> {
        let place = self.owned(path, true, who)?;
        place.volume.lock().node_mut(place.ino)?.mode = mode;
        Ok(())
    }

    /// Changes owner and group.
    pub fn set_owner(
        &self,
        path: &str,
        owner: (Option<u32>, Option<u32>),
        follow: bool,
        who: &Who,
    ) -> Result<(), Errno> {
        let place = self.owned(path, follow, who)?;
        let mut tree = place.volume.lock();
        let node = tree.node_mut(place.ino)?;
        let uid = owner.0.unwrap_or(node.uid);
        let gid = owner.1.unwrap_or(node.gid);
        if who.uid != 0 && (uid != node.uid || (gid != who.gid && !who.groups.contains(&gid))) {
            return Err(Errno::NotPermitted);
        }
        (node.uid, node.gid) = (uid, gid);
        Ok(())
    }

    /// Changes when it was modified.
    pub fn set_modified(&self, path: &str, time: Timestamp, who: &Who) -> Result<(), Errno> {
        let place = self.resolve(path, true, who)?.existing()?;
        place.writable(who)?;
        place.volume.lock().node_mut(place.ino)?.modified = time;
        Ok(())
    }

    /// Bytes used and possible, nodes used and possible, of the tree that a path is in.
    pub fn usage(&self, path: &str, who: &Who) -> Result<(u64, u64, usize, usize), Errno> {
        let place = self.resolve(path, true, who)?.existing()?;
        Ok(place.volume.lock().usage())
    }
}

/// In a folder such as /tmp one removes only what is one's own.
fn sticky(parent: &Place, place: &Place, who: &Who) -> Result<(), Errno> {
    if who.uid == 0 {
        return Ok(());
    }
    let owner = place.volume.lock().node(place.ino)?.uid;
    let tree = parent.volume.lock();
    let folder = tree.node(parent.ino)?;
    if folder.mode & 0o1000 != 0 && owner != who.uid && folder.uid != who.uid {
        return Err(Errno::NotPermitted);
    }
    Ok(())
}

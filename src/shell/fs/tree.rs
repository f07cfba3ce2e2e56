//! One tree of files, which several containers may have mounted at the same time.
//!
//! *Invariant:* never holds more than its limits say; a file that is open lives until it is closed.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::errno::Errno;

/// A node's number in its tree.
pub(crate) type Ino = u64;

/// The number of a tree's root.
pub(crate) const ROOT: Ino = 1;

/// How much a tree may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes in one file.
    pub file_bytes: u64,
    /// Bytes in all files of a tree.
    pub tree_bytes: u64,
    /// Files, folders and links of a tree.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 512 << 20,
            tree_bytes: 1 << 30,
            nodes: 200_000,
        }
    }
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<String, Ino>),
    Link(String),
    Device(Device),
}

/// A device that containers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    Null,
    Zero,
    Full,
    Random,
    Terminal,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) modified: Timestamp,
    pub(crate) links: u32,
    pub(crate) open: u32,
}

/// A tree of files; clones are the same tree.
#[derive(Clone, Debug)]
pub struct Volume(Arc<Mutex<Tree>>);

#[derive(Debug)]
pub(crate) struct Tree {
    nodes: BTreeMap<Ino, Node>,
    next: Ino,
    used: u64,
    limits: Limits,
}

impl Volume {
    /// An empty tree, writable by everybody as an emptyDir is.
    pub fn new(limits: Limits, now: Timestamp) -> Self {
        Self::with_mode(limits, now, 0o777)
    }

    pub(crate) fn with_mode(limits: Limits, now: Timestamp, mode: u32) -> Self {
        let root = Node {
            content: Content::Directory(BTreeMap::new()),
            mode,
            uid: 0,
            gid: 0,
            modified: now,
            links: 1,
            open: 0,
        };
        Self(Arc::new(Mutex::new(Tree {
            nodes: BTreeMap::from([(ROOT, root)]),
            next: ROOT + 1,
            used: 0,
            limits,
        })))
    }

    pub(crate) fn lock(&self) -> parking_lot::MutexGuard<'_, Tree> {
        self.0.lock()
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn device(&self) -> usize {
        // Differs between trees and stays the same for one; never printed.
        Arc::as_ptr(&self.0) as usize
    }
}

impl Tree {
    pub(crate) fn node(&self, ino: Ino) -> Result<&Node, Errno> {
        self.nodes.get(&ino).ok_or(Errno::NoEntry)
    }

    pub(crate) fn node_mut(&mut self, ino: Ino) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&ino).ok_or(Errno::NoEntry)
    }

    pub(crate) fn entries(&self, ino: Ino) -> Result<&BTreeMap<String, Ino>, Errno> {
        match &self.node(ino)?.content {
            Content::Directory(entries) => Ok(entries),
            _ => Err(Errno::NotDirectory),
        }
    }

    pub(crate) fn entries_mut(&mut self, ino: Ino) -> Result<&mut BTreeMap<String, Ino>, Errno> {
        match &mut self.node_mut(ino)?.content {
            Content::Directory(entries) => Ok(entries),
            _ => Err(Errno::NotDirectory),
        }
    }

    /// Bytes in files, bytes there may be, nodes, nodes there may be.
    pub(crate) fn usage(&self) -> (u64, u64, usize, usize) {
        let limits = &self.limits;
        (self.used, limits.tree_bytes, self.nodes.len(), limits.nodes)
    }

    /// Adds a node under a name that is free.
    pub(crate) fn add(&mut self, parent: Ino, name: &str, node: Node) -> Result<Ino, Errno> {
        if name.len() > 255 {
            return Err(Errno::NameTooLong);
        }
        if self.nodes.len() >= self.limits.nodes {
            return Err(Errno::NoSpace);
        }
        let size = node.size();
        if self.used + size > self.limits.tree_bytes {
            return Err(Errno::NoSpace);
        }
        let ino = self.next;
        let modified = node.modified;
        let entries = self.entries_mut(parent)?;
        if entries.contains_key(name) {
            return Err(Errno::Exists);
        }
        entries.insert(name.to_owned(), ino);
        self.next += 1;
        self.used += size;
        self.nodes.insert(ino, node);
        self.node_mut(parent)?.modified = modified;
        Ok(ino)
    }

    /// Takes a name away; what it named goes with its last name and reader.
    pub(crate) fn unlink(&mut self, parent: Ino, name: &str, now: Timestamp) -> Result<(), Errno> {
        let ino = self
            .entries_mut(parent)?
            .remove(name)
            .ok_or(Errno::NoEntry)?;
        self.node_mut(parent)?.modified = now;
        let node = self.node_mut(ino)?;
        node.links = node.links.saturating_sub(1);
        self.collect(ino);
        Ok(())
    }

    pub(crate) fn opened(&mut self, ino: Ino) -> Result<(), Errno> {
        self.node_mut(ino)?.open += 1;
        Ok(())
    }

    pub(crate) fn closed(&mut self, ino: Ino) {
        if let Ok(node) = self.node_mut(ino) {
            node.open = node.open.saturating_sub(1);
        }
        self.collect(ino);
    }

    fn collect(&mut self, ino: Ino) {
        let Some(node) = self.nodes.get(&ino) else {
            return;
        };
        if node.links > 0 || node.open > 0 || ino == ROOT {
            return;
        }
        self.used = self.used.saturating_sub(node.size());
        self.nodes.remove(&ino);
    }

    /// Puts bytes into a file at an offset, as far as the limits let it grow.
    pub(crate) fn put(
        &mut self,
        ino: Ino,
        offset: u64,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<(), Errno> {
        let end = offset + bytes.len() as u64;
        self.grow(ino, end, now)?;
        if let Content::File(content) = &mut self.node_mut(ino)?.content {
            content[offset as usize..end as usize].copy_from_slice(bytes);
        }
        Ok(())
    }

    fn grow(&mut self, ino: Ino, end: u64, now: Timestamp) -> Result<(), Errno> {
        let size = self.node(ino)?.size();
        if end > size {
            if end > self.limits.file_bytes {
                return Err(Errno::TooLarge);
            }
            if self.used + (end - size) > self.limits.tree_bytes {
                return Err(Errno::NoSpace);
            }
            self.used += end - size;
        }
        let node = self.node_mut(ino)?;
        node.modified = now;
        if let Content::File(content) = &mut node.content
            && end > size
        {
            content.resize(end as usize, 0);
        }
        Ok(())
    }

    /// Makes a file exactly so long.
    pub(crate) fn truncate(&mut self, ino: Ino, size: u64, now: Timestamp) -> Result<(), Errno> {
        self.grow(ino, size, now)?;
        let mut freed = 0;
        if let Content::File(content) = &mut self.node_mut(ino)?.content {
            freed = (content.len() as u64).saturating_sub(size);
            content.truncate(size as usize);
            if size == 0 {
                content.shrink_to_fit();
            }
        }
        self.used = self.used.saturating_sub(freed);
        Ok(())
    }
}

impl Node {
    pub(crate) fn size(&self) -> u64 {
        match &self.content {
            Content::File(bytes) => bytes.len() as u64,
            Content::Link(target) => target.len() as u64,
            Content::Directory(_) => 4096,
            Content::Device(_) => 0,
        }
    }
}

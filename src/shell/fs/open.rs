//! A file that is open: where one is in it, and what one may do.

use std::sync::Arc;

use parking_lot::Mutex;

use super::FileSystem;
use super::errno::Errno;
use super::resolve::Place;
use super::tree::{Content, Device};
use super::{Who, tree};
use crate::sim::Clock;

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "the flags of `open`")]
pub struct Mode {
    /// Read from it.
    pub read: bool,
    /// Write to it.
    pub write: bool,
    /// Every write goes to the end.
    pub append: bool,
    /// Made where there is none.
    pub create: bool,
    /// Only made, never found.
    pub exclusive: bool,
    /// Emptied.
    pub truncate: bool,
    /// The bits of a new file.
    pub bits: u32,
}

/// An open file.
#[derive(Debug)]
pub struct OpenFile {
    place: Place,
    mode: Mode,
    clock: Clock,
    offset: Mutex<u64>,
    device: Option<Device>,
}

impl FileSystem {
    /// Opens a file.
    pub fn open(&self, path: &str, mode: Mode, who: &Who) -> Result<Arc<OpenFile>, Errno> {
        let found = self.resolve(path, !mode.exclusive, who)?;
        let place = match found.place {
            Some(_) if mode.exclusive => return Err(Errno::Exists),
            Some(place) => place,
            None if mode.create => {
                found.parent.writable(who)?;
                let node = self.fresh(Content::File(Vec::new()), mode.bits, who);
                let mut tree = found.parent.volume.lock();
                let ino = tree.add(found.parent.ino, &found.name, node)?;
                drop(tree);
                Place {
                    ino,
                    ..found.parent
                }
            }
            None => return Err(Errno::NoEntry),
        };
        let device = match &place.volume.lock().node(place.ino)?.content {
            Content::Directory(_) if mode.write => return Err(Errno::IsDirectory),
            Content::Device(device) => Some(*device),
            _ => None,
        };
        if mode.read {
            place.may(who, 4)?;
        }
        if mode.write {
            if device.is_some() {
                place.may(who, 2)?;
            } else {
                place.writable(who)?;
            }
        }
        let mut tree = place.volume.lock();
        if mode.truncate && device.is_none() {
            tree.truncate(place.ino, 0, self.clock().now())?;
        }
        tree.opened(place.ino)?;
        drop(tree);
        Ok(Arc::new(OpenFile {
            place,
            mode,
            clock: self.clock().clone(),
            offset: Mutex::new(0),
            device,
        }))
    }
}

impl OpenFile {
    /// Up to so many bytes from where one is; none at the end.
    pub fn read(&self, max: usize) -> Result<Vec<u8>, Errno> {
        if !self.mode.read {
            return Err(Errno::BadDescriptor);
        }
        match self.device {
            Some(Device::Zero | Device::Full) => return Ok(vec![0; max]),
            Some(Device::Random) => return Ok(self.noise(max)),
            Some(_) => return Ok(Vec::new()),
            None => {}
        }
        let mut offset = self.offset.lock();
        let tree = self.place.volume.lock();
        match &tree.node(self.place.ino)?.content {
            Content::File(bytes) => {
                let start = (*offset as usize).min(bytes.len());
                let end = (start + max).min(bytes.len());
                *offset = end as u64;
                Ok(bytes[start..end].to_vec())
            }
            _ => Err(Errno::IsDirectory),
        }
    }

    /// Bytes of `/dev/urandom`: a stretch that follows from where one is, so that runs repeat.
    fn noise(&self, count: usize) -> Vec<u8> {
        let mut offset = self.offset.lock();
        let seed = (self.clock.now().as_microsecond() as u64) ^ *offset;
        *offset += count as u64;
        let chance = crate::sim::Entropy::seeded(seed);
        (0..count).map(|_| chance.next() as u8).collect()
    }

    /// Up to and with the next newline.
    pub fn read_line(&self, max: usize) -> Result<Vec<u8>, Errno> {
        let start = *self.offset.lock();
        let mut chunk = self.read(max)?;
        if let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            chunk.truncate(end + 1);
            *self.offset.lock() = start + chunk.len() as u64;
        }
        Ok(chunk)
    }

    /// Writes all of it.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Errno> {
        if !self.mode.write {
            return Err(Errno::BadDescriptor);
        }
        match self.device {
            Some(Device::Full) => return Err(Errno::NoSpace),
            Some(_) => return Ok(()),
            None => {}
        }
        let mut offset = self.offset.lock();
        let mut tree = self.place.volume.lock();
        if self.mode.append {
            *offset = tree.node(self.place.ino)?.size();
        }
        tree.put(self.place.ino, *offset, bytes, self.clock.now())?;
        *offset += bytes.len() as u64;
        Ok(())
    }

    /// Goes to a place in the file.
    pub fn seek(&self, offset: u64) {
        *self.offset.lock() = offset;
    }

    /// Makes the file exactly so long.
    pub fn set_size(&self, size: u64) -> Result<(), Errno> {
        let mut tree = self.place.volume.lock();
        tree.truncate(self.place.ino, size, self.clock.now())
    }

    /// How long the file is now.
    pub fn size(&self) -> u64 {
        let tree = self.place.volume.lock();
        tree.node(self.place.ino).map_or(0, tree::Node::size)
    }

    /// Whether two are the same file.
    pub fn same(&self, other: &Self) -> bool {
        self.device.is_none()
            && self.place.ino == other.place.ino
            && self.place.volume.same(&other.place.volume)
    }

    pub(crate) fn device(&self) -> Option<Device> {
        self.device
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.place.volume.lock().closed(self.place.ino);
    }
}

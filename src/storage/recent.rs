//! Objects that were read or written last, held on to as they are parsed: most are looked at again
//! soon, by whoever reads on in the log.
//!
//! *Upstream:* none; informers keep everything decoded.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::object::{GroupResource, Object};

/// So many are held: a tree takes several times the room of its text.
const OBJECTS_MAX: usize = 4096;

/// So many are held on to while nothing happens.
const OBJECTS_AT_REST: usize = 256;

/// See the module. Holds nothing until somebody says what they will look at.
#[derive(Debug, Default)]
pub struct Recent {
    wanted: RwLock<BTreeSet<GroupResource>>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// By their uids.
    objects: BTreeMap<Box<str>, Holding>,
    /// In the order in which they came; some have been replaced since.
    order: VecDeque<(Box<str>, u64)>,
    count: u64,
}

#[derive(Debug)]
struct Holding {
    number: u64,
    object: Arc<Object>,
}

impl Recent {
    /// Somebody will look at objects of a resource.
    pub fn want(&self, resource: &GroupResource) {
        self.wanted.write().insert(resource.clone());
    }

    /// Whether anybody will.
    pub fn is_wanted(&self, resource: &GroupResource) -> bool {
        self.wanted.read().contains(resource)
    }

    /// Holds on to an object, in place of its former self, or of the one that was held the longest.
    pub fn hold(&self, object: &Arc<Object>) {
        let uid: Box<str> = object.uid().into();
        let mut held = self.held.lock();
        held.count += 1;
        let number = held.count;
        let holding = Holding {
            number,
            object: Arc::clone(object),
        };
        let replaced = held.objects.insert(uid.clone(), holding);
        held.order.push_back((uid, number));
        let oldest = held.drop_oldest(OBJECTS_MAX);
        drop(held);
        // Taken apart outside the lock.
        drop((replaced, oldest));
    }

    /// Lets most objects go: for now nobody looks at any.
    pub fn rest(&self) {
        loop {
            let oldest = self.held.lock().drop_oldest(OBJECTS_AT_REST);
            if oldest.is_none() {
                return;
            }
        }
    }
}

impl Held {
    /// Lets the oldest go where there are more than so many.
    fn drop_oldest(&mut self, max: usize) -> Option<Arc<Object>> {
        while self.order.len() > max {
            let (uid, number) = self.order.pop_front()?;
            if self
                .objects
                .get(&uid)
                .is_some_and(|one| one.number == number)
            {
                return self.objects.remove(&uid).map(|one| one.object);
            }
        }
        None
    }
}

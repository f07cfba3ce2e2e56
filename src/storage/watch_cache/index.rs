//! Who waits for what: watchers of a namespace, a name or a single object have a lane of the log of
//! their own, so that a write wakes nobody it does not concern, and an idle watcher never expires
//! for changes that were not its own.
//!
//! *Upstream:* `apiserver/pkg/storage/cacher/cacher.go` (`indexedWatchers`).

#![allow(
    clippy::disallowed_types,
    reason = "who watches what is looked up for every change; no order of it reaches an output"
)]

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use tokio::sync::Notify;

use super::window::Window;
use crate::object::Key;
use crate::storage::{Change, Scope};

/// The part of a resource's log that a watcher reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// All of it.
    All,
    /// One namespace.
    Namespace(Box<str>),
    /// One name, in whichever namespace or in none.
    Name(Box<str>),
    /// One object of a namespace.
    Object(Key),
}

impl Lane {
    pub(super) fn of(scope: &Scope) -> Self {
        let namespace = scope.namespace.as_deref().filter(|text| !text.is_empty());
        match (namespace, scope.name.as_deref()) {
            (None, None) => Self::All,
            (Some(namespace), None) => Self::Namespace(namespace.into()),
            (None, Some(name)) => Self::Name(name.into()),
            (Some(namespace), Some(name)) => Self::Object(Key::new(namespace, name)),
        }
    }

    fn contains(&self, key: &Key) -> bool {
        match self {
            Self::All => true,
            Self::Namespace(namespace) => key.namespace() == namespace.as_ref(),
            Self::Name(name) => key.name() == name.as_ref(),
            Self::Object(object) => key == object,
        }
    }
}

/// A lane while somebody reads it.
#[derive(Debug, Default)]
pub(super) struct Channel {
    pub(super) window: Window,
    pub(super) wake: Arc<Notify>,
    pub(super) watchers: usize,
}

/// The lanes that somebody reads.
#[derive(Debug, Default)]
pub(super) struct Index {
    namespaces: HashMap<Box<str>, Channel>,
    names: HashMap<Box<str>, Channel>,
    objects: HashMap<Key, Channel>,
}

impl Index {
    /// The lane's channel, if it is not the whole log's.
    pub(super) fn get(&self, lane: &Lane) -> Option<&Channel> {
        match lane {
            Lane::All => None,
            Lane::Namespace(namespace) => self.namespaces.get(namespace),
            Lane::Name(name) => self.names.get(name),
            Lane::Object(key) => self.objects.get(key),
        }
    }

    /// Adds a watcher; a new lane begins with what the whole log holds of it.
    pub(super) fn join(&mut self, lane: &Lane, log: &Window) -> Option<Arc<Notify>> {
        let channel = match lane {
            Lane::All => return None,
            Lane::Namespace(namespace) => self.namespaces.entry(namespace.clone()).or_default(),
            Lane::Name(name) => self.names.entry(name.clone()).or_default(),
            Lane::Object(key) => self.objects.entry(key.clone()).or_default(),
        };
        if channel.watchers == 0 {
            let own = log
                .iter()
                .filter(|change| lane.contains(&change.object.key));
            channel.window = Window::of(own.cloned().collect());
        }
        channel.watchers += 1;
        Some(Arc::clone(&channel.wake))
    }

    /// Removes a watcher, and its lane with the last one.
    pub(super) fn leave(&mut self, lane: &Lane) {
        match lane {
            Lane::All => {}
            Lane::Namespace(namespace) => leave(&mut self.namespaces, namespace),
            Lane::Name(name) => leave(&mut self.names, name),
            Lane::Object(key) => leave(&mut self.objects, key),
        }
    }

    /// The channels that an object's changes belong to.
    pub(super) fn of(&mut self, key: &Key) -> impl Iterator<Item = &mut Channel> {
        let namespace = find(&mut self.namespaces, key.namespace());
        let name = find(&mut self.names, key.name());
        let object = find(&mut self.objects, key.as_str());
        namespace.into_iter().chain(name).chain(object)
    }

    /// Appends a change to the channels it belongs to and names whom to wake.
    pub(super) fn push(&mut self, change: &Arc<Change>, wakes: &mut Vec<Arc<Notify>>) {
        for channel in self.of(&change.object.key) {
            channel.window.push(Arc::clone(change));
            wakes.push(Arc::clone(&channel.wake));
        }
    }
}

fn find<'a, K>(channels: &'a mut HashMap<K, Channel>, key: &str) -> Option<&'a mut Channel>
where
    K: Eq + Hash + Borrow<str>,
{
    if channels.is_empty() {
        return None;
    }
    channels.get_mut(key)
}

fn leave<K: Eq + Hash>(channels: &mut HashMap<K, Channel>, key: &K) {
    if let Some(channel) = channels.get_mut(key) {
        channel.watchers -= 1;
        if channel.watchers == 0 {
            channels.remove(key);
        }
    }
}

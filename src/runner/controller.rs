//! Who reacts: the one trait of all controllers, the scheduler, the kubelets and an embedder's own.

use super::Item;
use super::{Identity, Items, Kind, Plan, Seen, World};
use crate::object::GroupResource;

/// Looks at what is and plans what should be done.
///
/// What a controller keeps for itself is a cache: it can be dropped at any time and made anew from
/// the objects that are told when the runner begins anew. All that counts is in the store.
pub trait Controller: Send {
    /// Its name, as `--controllers` knows it: `deployment-controller`.
    fn name(&self) -> &'static str;

    /// Who it writes as; its own service account unless said otherwise.
    fn identity(&self) -> Identity {
        Identity::ServiceAccount(self.name())
    }

    /// How many items it may have under way at once, where plans are done beside each other: what
    /// it plans for one must not depend on what it planned for the others before that is done.
    fn width(&self) -> usize {
        1
    }

    /// Which changes it is told of.
    fn watches(&self) -> Watches<'_>;

    /// Says what a change concerns. Objects of its own kind usually concern themselves; others
    /// concern their owner.
    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items);

    /// Says what it looks at before anything has happened: at the start, and when it begins anew.
    fn begin(&mut self, items: &mut Items) {
        let _ = items;
    }

    /// Plans what is to be done about an item, which may be gone by now.
    fn reconcile(&mut self, world: &World, item: &Item) -> Plan;

    /// Drops what it keeps for itself: everything there is will be told anew.
    fn forget(&mut self) {}
}

/// Which changes a controller is told of.
#[derive(Clone, Copy, Debug)]
pub enum Watches<'a> {
    /// Those of these kinds.
    Kinds(&'a [&'a Kind]),
    /// Those of every resource.
    Everything,
}

impl Watches<'_> {
    pub(super) fn includes(&self, resource: &GroupResource) -> bool {
        match self {
            Self::Kinds(kinds) => kinds.iter().any(|kind| kind.resource == *resource),
            Self::Everything => true,
        }
    }
}

//! What becomes of the owners that an object names.
//!
//! *Upstream:* `garbagecollector.go` (`isDangling`, `classifyReferences`).

use super::{FOREGROUND, has_finalizer, place_of};
use crate::runner::{Link, World};

/// The owners of an object, by what became of them.
#[derive(Debug, Default)]
pub(super) struct Owners<'a> {
    /// How many are there and stay.
    pub(super) solid: usize,
    /// Those that are not there.
    pub(super) dangling: Vec<&'a Link>,
    /// Those that go and wait for their dependents.
    pub(super) waiting: Vec<&'a Link>,
}

/// Why nothing can be said of an owner.
#[derive(Debug)]
pub(super) enum Problem {
    /// Nothing of its kind is served, now.
    UnknownKind,
    /// It would be in a namespace, and the object is in none.
    NamespacedOwner(Link),
}

/// Looks the owners up.
pub(super) fn classify<'a>(
    world: &World,
    links: &'a [Link],
    namespace: &str,
) -> Result<Owners<'a>, Problem> {
    let mut owners = Owners::default();
    for link in links {
        let Some((kind, place)) = place_of(world, link, namespace) else {
            return Err(Problem::UnknownKind);
        };
        if kind.is_namespaced && place.is_empty() {
            return Err(Problem::NamespacedOwner(link.clone()));
        }
        match world.get(&kind, place, &link.name) {
            Some(owner) if owner.uid() == link.uid => {
                if owner.is_being_deleted() && has_finalizer(&owner, FOREGROUND) {
                    owners.waiting.push(link);
                } else {
                    owners.solid += 1;
                }
            }
            _ => owners.dangling.push(link),
        }
    }
    Ok(owners)
}

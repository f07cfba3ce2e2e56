//! The garbage collector: what nobody owns any more goes, and an owner that waits for its
//! dependents goes after them.
//!
//! *Upstream:* `pkg/controller/garbagecollector/{garbagecollector,graph_builder,operations}.go`.

mod owners;
mod patches;

use std::sync::Arc;

use self::owners::{Owners, classify};
use crate::object::Object;
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Link, Plan, Seen, Step, Watches,
    World,
};

/// Dependents go first.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// Dependents stay, and forget their owner.
const ORPHAN: &str = "orphan";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct GarbageCollector;

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbage-collector-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("generic-garbage-collector")
    }

    fn width(&self) -> usize {
        32
    }

    fn watches(&self) -> Watches<'_> {
        Watches::Everything
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        let item = seen.item();
        if seen.is_gone() {
            for dependent in world.dependents(seen.parsed().uid()) {
                items.add(&dependent.resource, &dependent.key);
            }
        } else if is_concerned(seen) {
            items.add(&item.resource, &item.key);
        }
        // An owner that waits for its dependents waits for one less, perhaps.
        for link in seen.former_owners.iter().flatten() {
            if let Some((kind, namespace)) = place_of(world, link, item.key.namespace()) {
                items.push(&kind, namespace, &link.name);
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(object) = world.object(item) else {
            return Plan::nothing();
        };
        let Some(kind) = world.kind(&item.resource) else {
            return Plan::nothing();
        };
        let node = Node {
            world,
            item,
            kind: &kind,
            object: &object,
        };
        if object.is_being_deleted() {
            if has_finalizer(&object, ORPHAN) {
                return node.orphan_dependents();
            }
            if has_finalizer(&object, FOREGROUND) {
                return node.await_dependents();
            }
            return Plan::nothing();
        }
        node.judge()
    }
}

/// Whether a change may decide about the object: it names others as its owners, or it began to go
/// and waits for its dependents.
fn is_concerned(seen: &Seen) -> bool {
    if seen.former_owners.is_some() {
        return true;
    }
    let object = seen.parsed();
    object.is_being_deleted()
        && object
            .finalizers()
            .any(|one| one == FOREGROUND || one == ORPHAN)
}

fn has_finalizer(object: &Object, finalizer: &str) -> bool {
    object.finalizers().any(|one| one == finalizer)
}

/// Where the owner that a link names is: its kind and namespace; `None` where its kind is not
/// served.
fn place_of<'a>(world: &World, link: &Link, namespace: &'a str) -> Option<(Kind, &'a str)> {
    let kind = world.kind_of(&link.api_version, &link.kind)?;
    let namespace = if kind.is_namespaced { namespace } else { "" };
    Some((kind, namespace))
}

/// An object in the graph of owners.
struct Node<'a> {
    world: &'a World,
    item: &'a Item,
    kind: &'a Kind,
    object: &'a Arc<Object>,
}

impl Node<'_> {
    /// Decides about an object by its owners.
    fn judge(&self) -> Plan {
        let links = self.world.owners(self.item);
        if links.is_empty() {
            return Plan::nothing();
        }
        let owners = match classify(self.world, links, self.item.key.namespace()) {
            Ok(owners) => owners,
            Err(problem) => return self.report(problem),
        };
        let Owners {
            solid,
            dangling,
            waiting,
        } = owners;
        if solid > 0 {
            let gone: Vec<&Link> = dangling.into_iter().chain(waiting).collect();
            if gone.is_empty() {
                return Plan::nothing();
            }
            return Plan::of(patches::without_owners(self.kind, self.object, &gone));
        }
        let has_dependents = self.dependents().next().is_some();
        if !waiting.is_empty() && has_dependents {
            let mut plan = Plan::nothing();
            if self.dependents().any(|item| self.is_awaiting(item)) {
                // Each would wait for the other: this one no longer holds its owners up.
                plan.step(patches::unblocked(self.kind, self.object));
            }
            plan.step(Step::delete(self.kind, self.object).propagation("Foreground"));
            return plan;
        }
        let policy = if has_finalizer(self.object, ORPHAN) {
            "Orphan"
        } else if has_finalizer(self.object, FOREGROUND) {
            "Foreground"
        } else {
            "Background"
        };
        Plan::of(Step::delete(self.kind, self.object).propagation(policy))
    }

    fn dependents(&self) -> impl Iterator<Item = &Item> {
        let namespace = self.item.key.namespace();
        self.world
            .dependents(self.object.uid())
            .filter(move |item| namespace.is_empty() || item.key.namespace() == namespace)
    }

    /// Whether an object is going and waits for its own dependents.
    fn is_awaiting(&self, item: &Item) -> bool {
        self.world
            .object(item)
            .is_some_and(|object| object.is_being_deleted() && has_finalizer(&object, FOREGROUND))
    }

    /// Lets an owner go whose dependents are gone, or has them looked at.
    fn await_dependents(&self) -> Plan {
        let uid = self.object.uid();
        let blocking = self.dependents().filter(|item| {
            let mut links = self.world.owners(item).iter();
            links.any(|link| link.uid == uid && link.blocks_deletion)
        });
        let blocking: Vec<&Item> = blocking.collect();
        if blocking.is_empty() {
            return Plan::of(patches::without_finalizer(
                self.kind,
                self.object,
                FOREGROUND,
            ));
        }
        let mut plan = Plan::nothing();
        for item in blocking.into_iter().filter(|item| !self.is_awaiting(item)) {
            let (Some(object), Some(kind)) =
                (self.world.object(item), self.world.kind(&item.resource))
            else {
                continue;
            };
            let node = Node {
                world: self.world,
                item,
                kind: &kind,
                object: &object,
            };
            if !object.is_being_deleted() {
                plan.append(node.judge());
            }
        }
        plan
    }

    /// Has the dependents forget an owner, then lets it go.
    fn orphan_dependents(&self) -> Plan {
        let uid = self.object.uid();
        let mut plan = Plan::nothing();
        for item in self.dependents() {
            let (Some(object), Some(kind)) =
                (self.world.object(item), self.world.kind(&item.resource))
            else {
                continue;
            };
            let links: Vec<&Link> = self
                .world
                .owners(item)
                .iter()
                .filter(|link| link.uid == uid)
                .collect();
            plan.step(patches::without_owners(&kind, &object, &links));
        }
        plan.step(patches::without_finalizer(self.kind, self.object, ORPHAN));
        plan
    }

    /// Says what is wrong with an owner reference.
    fn report(&self, problem: owners::Problem) -> Plan {
        match problem {
            owners::Problem::UnknownKind => Plan::nothing().and_again(Again::AfterBackoff),
            owners::Problem::NamespacedOwner(link) => {
                let mut plan = Plan::nothing();
                let message = format!(
                    "ownerRef [{}/{}, namespace: {}, name: {}, uid: {}] does not exist in namespace \"{}\"",
                    link.api_version,
                    link.kind,
                    self.item.key.namespace(),
                    link.name,
                    link.uid,
                    self.item.key.namespace(),
                );
                plan.event(Event::warning(
                    About::object(self.kind, self.object),
                    "garbage-collector-controller",
                    "OwnerRefInvalidNamespace",
                    message,
                ));
                plan
            }
        }
    }
}

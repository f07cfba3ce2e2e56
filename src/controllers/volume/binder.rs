//! Binds claims to volumes.
//!
//! *Upstream:* `pkg/controller/volume/persistentvolume/pv_controller{,_base}.go`.

use std::sync::LazyLock;

use super::{claim, has_claim, phase};
use crate::runner::kinds::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES};
use crate::runner::{Controller, Identity, Item, Items, Kind, Plan, Seen, Watches, World};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Binder;

impl Controller for Binder {
    fn name(&self) -> &'static str {
        "persistentvolume-binder-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("persistent-volume-binder")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 3]> = LazyLock::new(|| {
            [
                &PERSISTENT_VOLUMES,
                &PERSISTENT_VOLUME_CLAIMS,
                &STORAGE_CLASSES,
            ]
        });
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        let key = &seen.object.key;
        if seen.resource == PERSISTENT_VOLUME_CLAIMS.resource {
            items.add(&seen.resource, key);
            let claim = seen.parsed();
            let volume = claim.text(&["spec", "volumeName"]);
            if !volume.is_empty() {
                items.push(&PERSISTENT_VOLUMES, "", volume);
            }
            return;
        }
        if seen.resource == PERSISTENT_VOLUMES.resource {
            items.add(&seen.resource, key);
            let object = seen.parsed();
            let claim = |field: &str| object.text(&["spec", "claimRef", field]);
            if has_claim(&object) {
                items.push(&PERSISTENT_VOLUME_CLAIMS, claim("namespace"), claim("name"));
            }
        }
        // A volume that is free, or a class that is new, is what somebody may have waited for.
        for claim in world.list(&PERSISTENT_VOLUME_CLAIMS, "") {
            if claim.text(&["spec", "volumeName"]).is_empty() {
                items.push(&PERSISTENT_VOLUME_CLAIMS, claim.namespace(), claim.name());
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(object) = world.object(item) else {
            return Plan::nothing();
        };
        if item.resource == PERSISTENT_VOLUMES.resource {
            phase::sync(world, &object)
        } else if item.resource == PERSISTENT_VOLUME_CLAIMS.resource {
            claim::sync(world, &object)
        } else {
            Plan::nothing()
        }
    }
}

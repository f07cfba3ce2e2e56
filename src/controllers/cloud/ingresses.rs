//! Ingresses get an address, as whoever serves their class would give them one.

use std::sync::LazyLock;

use serde_json::json;

use super::{free, given};
use crate::auth::{AUTHENTICATED, MASTERS, User};
use crate::client::PatchKind;
use crate::runner::kinds::INGRESSES;
use crate::runner::{Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses;

impl Controller for Addresses {
    fn name(&self) -> &'static str {
        "ingress-lb-controller"
    }

    fn identity(&self) -> Identity {
        Identity::Other {
            user: User {
                name: "system:serviceaccount:kube-system:ingress-controller".to_owned(),
                // It comes with rights of its own, which are in no bootstrap role.
                groups: vec![MASTERS.to_owned(), AUTHENTICATED.to_owned()],
                ..User::default()
            },
            agent: "ingress-controller".to_owned(),
        }
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&INGRESSES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        if !seen.is_gone() {
            items.add(&seen.resource, &seen.object.key);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(ingress) = world.object(item) else {
            return Plan::nothing();
        };
        let has_address = given(&ingress).next().is_some();
        if has_address || ingress.is_being_deleted() {
            return Plan::nothing();
        }
        let ip = free(world, false).to_string();
        let patch = json!({"status": {"loadBalancer": {"ingress": [{"ip": ip}]}}});
        let (namespace, name) = (ingress.namespace(), ingress.name());
        let step = Step::patch(&INGRESSES, namespace, name, PatchKind::Merge, patch);
        Plan::of(step.subresource("status"))
    }
}

//! The account `default` of every namespace.
//!
//! *Upstream:* `pkg/controller/serviceaccount/serviceaccounts_controller.go`.

use std::sync::LazyLock;

use serde_json::json;

use super::{active_namespace, concerns};
use crate::object::Object;
use crate::runner::kinds::{NAMESPACES, SERVICE_ACCOUNTS};
use crate::runner::{Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World};

/// Its name.
const NAME: &str = "default";

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ServiceAccounts;

impl Controller for ServiceAccounts {
    fn name(&self) -> &'static str {
        "serviceaccount-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("service-account-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&NAMESPACES, &SERVICE_ACCOUNTS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _world: &World, seen: &Seen, items: &mut Items) {
        concerns(seen, &SERVICE_ACCOUNTS, NAME, items);
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let namespace = item.key.name();
        if active_namespace(world, namespace).is_none()
            || world.get(&SERVICE_ACCOUNTS, namespace, NAME).is_some()
        {
            return Plan::nothing();
        }
        let account = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": NAME, "namespace": namespace},
        });
        let account = Object::from_value(account).unwrap_or_default();
        Plan::of(Step::create(&SERVICE_ACCOUNTS, account))
    }
}

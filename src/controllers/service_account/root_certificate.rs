//! The ConfigMap `kube-root-ca.crt` of every namespace.
//!
//! *Upstream:* `pkg/controller/certificates/rootcacertpublisher/publisher.go`.

use std::sync::LazyLock;

use serde_json::json;

use super::{active_namespace, concerns};
use crate::object::Object;
use crate::runner::kinds::{CONFIG_MAPS, NAMESPACES};
use crate::runner::{Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World};

/// Its name.
const NAME: &str = "kube-root-ca.crt";

/// What it says about itself.
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// See the module.
#[derive(Debug)]
pub(crate) struct Publisher {
    /// PEM.
    root_certificate: String,
}

impl Publisher {
    /// A publisher of this certificate.
    pub(crate) fn new(root_certificate: String) -> Self {
        Self { root_certificate }
    }
}

impl Controller for Publisher {
    fn name(&self) -> &'static str {
        "root-ca-certificate-publisher-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("root-ca-cert-publisher")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&NAMESPACES, &CONFIG_MAPS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _world: &World, seen: &Seen, items: &mut Items) {
        concerns(seen, &CONFIG_MAPS, NAME, items);
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let namespace = item.key.name();
        if active_namespace(world, namespace).is_none() {
            return Plan::nothing();
        }
        let data = json!({"ca.crt": self.root_certificate});
        let annotation = "kubernetes.io/description";
        let Some(known) = world.get(&CONFIG_MAPS, namespace, NAME) else {
            let map = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": NAME,
                    "namespace": namespace,
                    "annotations": {annotation: DESCRIPTION},
                },
                "data": data,
            });
            let map = Object::from_value(map).unwrap_or_default();
            return Plan::of(Step::create(&CONFIG_MAPS, map));
        };
        let has_annotation = known
            .annotations()
            .any(|(key, text)| key == annotation && !text.is_empty());
        if known.get(&["data"]) == Some(&data) && has_annotation {
            return Plan::nothing();
        }
        let mut map = Object::clone(&known);
        map.set(&["data"], data);
        map.set(&["metadata", "annotations", annotation], DESCRIPTION);
        Plan::of(Step::update(&CONFIG_MAPS, map))
    }
}

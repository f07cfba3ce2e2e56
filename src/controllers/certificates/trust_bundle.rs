//! Publishes the certificate that the API server is believed by as a `ClusterTrustBundle`.
//!
//! *Upstream:* `pkg/controller/certificates/clustertrustbundlepublisher/publisher.go`.

use std::sync::LazyLock;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::object::Object;
use crate::runner::kinds::CLUSTER_TRUST_BUNDLES;
use crate::runner::{Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World};

/// Who signs for API servers.
const SIGNER: &str = "kubernetes.io/kube-apiserver-serving";

/// See the module.
#[derive(Debug)]
pub(crate) struct TrustBundle {
    /// PEM; empty where there is none.
    certificate: String,
    name: String,
}

impl TrustBundle {
    pub(crate) fn new(certificate: String) -> Self {
        let digest = Sha256::digest(certificate.as_bytes());
        let digits = digest.iter().take(12).map(|byte| format!("{byte:02x}"));
        let digits = digits.collect::<Vec<_>>().concat();
        Self {
            certificate,
            name: format!("{}:{digits}", SIGNER.replace('/', ":")),
        }
    }
}

impl Controller for TrustBundle {
    fn name(&self) -> &'static str {
        "kube-apiserver-serving-clustertrustbundle-publisher-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("kube-apiserver-serving-clustertrustbundle-publisher")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&CLUSTER_TRUST_BUNDLES]);
        Watches::Kinds(&*KINDS)
    }

    fn begin(&mut self, items: &mut Items) {
        items.push(&CLUSTER_TRUST_BUNDLES, "", &self.name);
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        if seen.parsed().text(&["spec", "signerName"]) == SIGNER {
            items.push(&CLUSTER_TRUST_BUNDLES, "", &self.name);
        }
    }

    fn reconcile(&mut self, world: &World, _: &Item) -> Plan {
        if self.certificate.is_empty() {
            return Plan::nothing();
        }
        let kind = &CLUSTER_TRUST_BUNDLES;
        let mut plan = Plan::nothing();
        match world.get(kind, "", &self.name) {
            None => {
                let bundle = json!({
                    "apiVersion": kind.api_version(),
                    "kind": "ClusterTrustBundle",
                    "metadata": {"name": self.name},
                    "spec": {"signerName": SIGNER, "trustBundle": self.certificate},
                });
                plan.step(Step::create(
                    kind,
                    Object::from_value(bundle).unwrap_or_default(),
                ));
            }
            Some(bundle) if bundle.text(&["spec", "trustBundle"]) != self.certificate => {
                let mut bundle = Object::clone(&bundle);
                bundle.set(&["spec", "trustBundle"], self.certificate.as_str());
                plan.step(Step::update(kind, bundle));
            }
            Some(_) => {}
        }
        for other in world.list(kind, "") {
            if other.text(&["spec", "signerName"]) == SIGNER && other.name() != self.name {
                plan.step(Step::delete_named(
                    kind,
                    "",
                    other.name(),
                    serde_json::Value::Null,
                ));
            }
        }
        plan
    }
}

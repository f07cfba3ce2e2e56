//! What a pod's claims say about its node: where their volumes are, and which of them wait for the
//! pod to have a node.
//!
//! A claim that waits for its first consumer is told the node that was chosen; the pod is bound as
//! soon as the claim is.
//!
//! *Upstream:* `pkg/scheduler/framework/plugins/volumebinding/{volume_binding,binder}.go`.

use serde_json::Value;

use super::affinity;
use super::claims::devices::Devices;
use super::node::Node;
use crate::object::Object;
use crate::runner::World;
use crate::runner::kinds::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES};

/// The annotation by which a claim learns its node.
pub(super) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// The annotation of a claim whose binding is complete.
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Volumes {
    /// Of each volume that says so, which nodes reach it.
    reach: Vec<Vec<Value>>,
    /// Of each claim of devices, which nodes reach what it was given.
    pub(super) allocated: Vec<Vec<Value>>,
    /// Of claims of devices that nobody has allocated, what there is for them.
    pub(super) devices: Option<Devices>,
    /// Whether a volume that a claim is bound to is missing.
    is_missing: bool,
    /// Claims that wait for a node, and the one they were told.
    pub(super) delayed: Vec<(String, Option<String>)>,
}

impl Volumes {
    /// Looks the claims of a pod up; what is wrong with them in the words of kube-scheduler.
    pub(super) fn of(world: &World, pod: &Object) -> Result<Self, String> {
        let mut this = Self::default();
        for volume in pod.items(&["spec", "volumes"]) {
            let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
            let own = volume.get("ephemeral").filter(|source| !source.is_null());
            let own = own.and_then(|_| volume["name"].as_str());
            let own = own.map(|name| format!("{}-{name}", pod.name()));
            let Some(name) = claim.map(str::to_owned).or_else(|| own.clone()) else {
                continue;
            };
            let claim = world.get(&PERSISTENT_VOLUME_CLAIMS, pod.namespace(), &name);
            let Some(claim) = claim else {
                return Err(match own {
                    Some(_) => format!(
                        "waiting for ephemeral volume controller to create the \
                         persistentvolumeclaim \"{name}\""
                    ),
                    None => format!("persistentvolumeclaim \"{name}\" not found"),
                });
            };
            this.add(world, &claim)?;
        }
        Ok(this)
    }

    fn add(&mut self, world: &World, claim: &Object) -> Result<(), String> {
        let name = claim.name();
        let volume = claim.text(&["spec", "volumeName"]);
        if claim.text(&["status", "phase"]) == "Lost" {
            return Err(format!(
                "persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \
                 \"{volume}\""
            ));
        }
        if claim.is_being_deleted() {
            return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        let annotation = |key: &str| claim.get(&["metadata", "annotations", key]);
        if !volume.is_empty() && annotation(BIND_COMPLETED).is_some() {
            let Some(volume) = world.get(&PERSISTENT_VOLUMES, "", volume) else {
                self.is_missing = true;
                return Ok(());
            };
            let terms = volume.items(&["spec", "nodeAffinity", "required", "nodeSelectorTerms"]);
            if !terms.is_empty() {
                self.reach.push(terms.to_vec());
            }
            return Ok(());
        }
        let class = claim.text(&["spec", "storageClassName"]);
        let class = world.get(&STORAGE_CLASSES, "", class);
        let waits =
            class.is_some_and(|class| class.text(&["volumeBindingMode"]) == "WaitForFirstConsumer");
        if !waits || !volume.is_empty() {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
        let told = annotation(SELECTED_NODE).and_then(Value::as_str);
        self.delayed
            .push((name.to_owned(), told.map(str::to_owned)));
        Ok(())
    }

    /// Why a node does not do for the volumes.
    pub(super) fn refusal(&self, node: &Node) -> Option<&'static str> {
        if self.is_missing {
            return Some(
                "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
            );
        }
        let reaches = |terms: &Vec<Value>| terms.iter().any(|term| affinity::matches(term, node));
        if !self.reach.iter().all(reaches) {
            return Some("node(s) didn't match PersistentVolume's node affinity");
        }
        if !self.allocated.iter().all(reaches) {
            return Some("resourceclaim not available on the node");
        }
        let devices = self.devices.as_ref();
        let is_enough = devices.is_none_or(|devices| devices.allocate(node).is_some());
        (!is_enough).then_some("cannot allocate all claims")
    }
}
